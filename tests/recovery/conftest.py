"""Real workers as processes of their own, a Valkey that may be killed, and a Meta that takes its
time, on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis import Redis as RedisClient
from sqlalchemy import func, select

from bin.lib import valkey
from bin.lib.children import Child
from bot.simulator import Simulator, listen
from config import settings
from flows import arrivals, messages, outbox
from flows.demo import ATLAS
from flows.events import Person
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Message, Sending
from tests import factories

ROOT = Path(__file__).resolve().parents[2]
SLOW = 0.05
"""Seconds that Meta takes for a message."""


class Redis:
    """A Valkey of this module's own, at one address for its whole life."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: Child
        self.url = ""
        self.start()

    def start(self) -> None:
        self.server, self.url = valkey.start(self.folder, "secret")

    def client(self) -> RedisClient:
        return RedisClient.from_url(self.url)

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()

    def stand_still(self) -> None:
        """It takes connections and answers nothing, until it dies."""
        os.kill(self.server.pid, signal.SIGSTOP)

    def die(self) -> None:
        """kill -9, as a machine that is out of memory does it."""
        if self.server.runs:
            os.kill(self.server.pid, signal.SIGKILL)
        self.server.stop()


@pytest.fixture(scope="module")
def valkey_of_ours() -> Iterator[Redis]:
    with tempfile.TemporaryDirectory(prefix="wasl-redis-") as folder:
        redis = Redis(Path(folder))
        yield redis
        redis.server.stop()


@pytest.fixture
def redis(valkey_of_ours: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """This test's own Valkey, for this process as for the workers."""
    if not valkey_of_ours.server.runs:
        valkey_of_ours.start()
    with monkeypatch.context() as changed:
        changed.setenv("REDIS_URL", valkey_of_ours.url)
        _forget()
        valkey_of_ours.flush()
        yield valkey_of_ours
    _forget()


def _forget() -> None:
    settings.cache_clear()
    outbox.connection.cache_clear()


class Meta:
    """The simulator on a port; how often it was asked to send each text."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.server = listen(simulator)
        simulator.fail("slow", times=None, seconds=SLOW)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def texts(self) -> list[str]:
        sent = self.simulator.ledger.records("accepted")
        return [record["body"]["text"]["body"] for record in sent]


@pytest.fixture
def meta(app: Any) -> Iterator[Meta]:
    found = Meta(factories.simulator(app))
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def start(redis: Redis, meta: Meta) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """`start("worker deliver")`: that program of `wasl`, as a process; killed at the end."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "import cli; cli.main()", *words.split()]
        env = os.environ | {"META_GRAPH_URL": meta.url}
        running.append(subprocess.Popen(command, cwd=ROOT, env=env))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def merchant() -> Merchant:
    """The demo's shop, whose number the simulator knows."""
    return factories.demo_shop()


@pytest.fixture
def talks(merchant: Merchant) -> list[UUID]:
    """Thirty customers have just written."""
    people = [Person(wa_id=f"2126612345{n:02}", profile_name=f"N. {n}") for n in range(30)]
    ours = {"phone_number_id": ATLAS.numbers[0][0], "waba_id": ATLAS.account}
    with db.merchant(merchant.id) as session:
        arrivals.take_in([factories.inbound("Salam", sender=who, **ours) for who in people])
        return list(session.scalars(select(Conversation.id)))


def say(merchant: Merchant, talk: UUID, *texts: str) -> None:
    with db.merchant(merchant.id) as session:
        conversation = session.get_one(Conversation, (merchant.id, talk))
        for text in texts:
            messages.queue_text(conversation, text)


def count(merchant: Merchant, *states: Sending) -> int:
    with db.merchant(merchant.id) as session:
        wanted = select(func.count()).where(Message.sending.in_(states))
        return session.scalar(wanted) or 0


def until(fact: Callable[[], object], seconds: float = 60) -> float:
    """The seconds until it is so; fails when it never is. The clock's sweep goes on meanwhile."""
    begun = swept = time.monotonic()
    while not fact():
        assert time.monotonic() - begun < seconds, "it never came true"
        time.sleep(0.1)
        if time.monotonic() - swept > 2:
            outbox.sweep()
            swept = time.monotonic()
    return time.monotonic() - begun

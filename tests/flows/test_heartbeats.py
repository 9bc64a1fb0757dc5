"""Processes that are seen to live, to hang and to die."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select

import cli
from flows import health, heartbeats
from flows.health import Worker
from flows.heartbeats import Life
from models import db
from models.heartbeat import Heartbeat
from models.types import utcnow

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "BEAT_SECONDS", 0.05)


def seen() -> list[Heartbeat]:
    with db.house() as house:
        return list(house.scalars(select(Heartbeat).order_by(Heartbeat.started_at)))


def until(true: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@contextmanager
def living(kind: str) -> Iterator[Life]:
    with heartbeats.beating(kind) as life:
        until(lambda: any(one.id == life.id for one in seen()))
        yield life


def left_behind(kind: str, *, pid: int, host: str = "") -> None:
    """The row of a process that was killed."""
    facts = {"id": uuid4(), "kind": kind, "host": host or socket.gethostname(), "pid": pid}
    times = dict.fromkeys(("started_at", "beat_at", "since"), utcnow())
    with db.house() as house:
        house.execute(insert(Heartbeat).values(**facts, **times, doing=""))


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as short:
        short.wait()
        return short.pid


def test_a_process_is_seen_while_it_lives_and_what_it_does() -> None:
    with living("ingest") as life:
        life.turn("ingest")
        until(lambda: seen()[0].doing == "ingest")
        first = seen()[0].beat_at
        until(lambda: seen()[0].beat_at > first)
        assert (seen()[0].kind, seen()[0].pid) == ("ingest", os.getpid())

    assert seen() == []


def test_a_long_job_beats_on_and_shows_since_when() -> None:
    with living("chores") as life:
        life.turn("bulk")
        until(lambda: seen()[0].doing == "bulk")
        begun = seen()[0].since
        time.sleep(0.5)
        life.waits()  # of no consequence: it is at a job
        before = seen()[0].beat_at

        until(lambda: seen()[0].beat_at > before)
        assert abs((seen()[0].since - begun).total_seconds()) < 0.3


def test_waiting_is_no_standstill() -> None:
    with living("clock") as life:
        begun = seen()[0].since
        time.sleep(0.5)
        life.waits()

        until(lambda: (seen()[0].since - begun).total_seconds() > 0.3)


def test_who_takes_the_place_of_a_dead_one_ends_its_being_missed() -> None:
    left_behind("deliver", pid=dead_pid())
    left_behind("deliver", pid=dead_pid())
    left_behind("deliver", pid=dead_pid(), host="another-server")
    left_behind("deliver", pid=os.getppid())
    left_behind("media", pid=dead_pid())

    with living("deliver"):
        # One for one: the second of ours still has nobody in its place.
        assert len(seen()) == 5


def test_a_worker_comes_with_a_sign_and_takes_it_along() -> None:
    command = [sys.executable, "-c", "import cli; cli.main()", "worker", "chores"]
    with subprocess.Popen(command, cwd=ROOT) as worker:
        try:
            until(seen, seconds=60)
            assert (seen()[0].kind, seen()[0].pid) == ("chores", worker.pid)
        finally:
            worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0

    assert seen() == []


def test_the_list_names_who_works_and_who_is_missed() -> None:
    health.forget()
    left_behind("live", pid=4711, host="server-one")

    listed = CliRunner().invoke(cli.list_workers)

    assert "alive   live     server-one 4711 waits" in listed.output
    assert "missing clock" in listed.output
    assert listed.exit_code == 1


def of(*, doing: str = "", busy: float = 0, silent: float = 0, patient: bool = False) -> Worker:
    return Worker("ingest", "here", 1, doing, busy, silent, patient)


@pytest.mark.parametrize(
    ("worker", "state"),
    [
        (of(silent=11), "alive"),
        (of(silent=13), "silent"),
        (of(busy=59, doing="ingest"), "alive"),
        (of(busy=61, doing="ingest"), "stuck"),
        (of(busy=61), "stuck"),
        (of(busy=61, patient=True), "alive"),
        (of(busy=61, doing="ingest", patient=True), "stuck"),
    ],
)
def test_how_a_process_is(worker: Worker, state: str) -> None:
    assert worker.state == state


def test_who_is_silent_for_ten_minutes_is_forgotten(owner_connection: Any) -> None:
    left_behind("live", pid=dead_pid())
    left_behind("live", pid=dead_pid())
    row = seen()[0].id
    owner_connection.execute(
        "UPDATE heartbeats SET beat_at = now() - interval '11 min' WHERE id = %s", (row,)
    )

    health.forget_the_dead()

    assert len(seen()) == 1

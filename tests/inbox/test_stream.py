"""The live process as it runs: granian, real Valkey, real connections."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import time_machine
from flask.testing import FlaskClient
from werkzeug.wrappers import Response

from bin.lib import ports
from config import settings
from flows import live, outbox
from inbox import screens, ticket
from inbox.screens import Hub
from inbox.ticket import Ticket
from models import db
from models.types import new_id, utcnow

Browser = Callable[[Any], FlaskClient]


@contextmanager
def running() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A live process on a free port, ready; it is ended when nobody ended it before."""
    port = ports.free()
    options = f"--interface asgi --port {port} --workers-kill-timeout 2s --log-level warning"
    command = [sys.executable, "-m", "granian", *options.split(), "inbox.stream:app"]
    with subprocess.Popen(command) as process:
        try:
            _wait_until(lambda: _ready(f"http://127.0.0.1:{port}"), seconds=60)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def stream() -> Iterator[str]:
    """The address of a live process."""
    with running() as (address, _):
        yield address


def _ready(address: str) -> bool:
    try:
        return bool(httpx.get(f"{address}/readyz").json()["status"] == "ok")
    except httpx.TransportError:
        return False


def _wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


class Listener:
    """What one open screen has been told."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self) -> tuple[int, list[str]]:
        """The next change: its id and its names; other lines are passed over."""
        at = 0
        for line in self._lines:
            if line.startswith("id: "):
                at = int(line.removeprefix("id: "))
            if line.startswith("data: "):
                return at, json.loads(line.removeprefix("data: "))
        raise EOFError


@contextmanager
def listening(
    stream: str,
    merchant_id: UUID,
    member_id: UUID | None = None,
    *,
    since: int | None = None,
    last: int | None = None,
    origin: str | None = None,
) -> Iterator[Listener]:
    headers = {"cookie": cookie(merchant_id, member_id or new_id())}
    headers |= {"origin": origin} if origin else {}
    headers |= {"last-event-id": str(last)} if last else {}
    before = httpx.get(f"{stream}/readyz").json()["screens"]
    with (
        httpx.Client(timeout=10) as client,
        client.stream("GET", f"{stream}/live?since={since or ''}", headers=headers) as answer,
    ):
        if answer.status_code == 200:
            _wait_until(lambda: httpx.get(f"{stream}/readyz").json()["screens"] > before)
        yield Listener(answer)


def cookie(merchant_id: UUID, member_id: UUID) -> str:
    response = Response()
    ticket.give_cookie(response, merchant_id, member_id)
    return response.headers["Set-Cookie"].split(";")[0]


def publish(merchant_id: UUID, *names: str, **more: str) -> None:
    news = json.dumps({"names": names} | more)
    outbox.connection().publish(f"live:{merchant_id}", news)


# --- what a screen hears --------------------------------------------------------------------------


def test_a_committed_change_is_told_by_name_and_nothing_else(stream: str, merchant: Any) -> None:
    with listening(stream, merchant.id) as screen:
        with db.merchant(merchant.id):
            live.changed("conversation:7", "inbox")

        at, names = screen.next()

    assert names == ["conversation:7", "inbox"]
    assert abs(at - time.time() * 1000) < 5000


def test_what_was_rolled_back_is_told_to_nobody(stream: str, merchant: Any) -> None:
    with listening(stream, merchant.id) as screen:
        db.begin(merchant.id)
        live.changed("never")
        db.rollback()
        db.close()
        publish(merchant.id, "after")

        assert screen.next()[1] == ["after"]


def test_a_screen_hears_nothing_of_another_merchant(stream: str) -> None:
    ours, theirs = new_id(), new_id()

    with listening(stream, ours) as screen:
        publish(theirs, "secret")
        publish(ours, "ours")

        assert screen.next()[1] == ["ours"]


def test_what_is_for_one_member_reaches_only_them(stream: str) -> None:
    merchant, salma, omar = new_id(), new_id(), new_id()

    with listening(stream, merchant, salma) as hers, listening(stream, merchant, omar) as his:
        publish(merchant, "notice", member=str(salma))
        publish(merchant, "board")

        assert hers.next()[1] == ["board", "notice"]
        assert his.next()[1] == ["board"]


def test_many_changes_at_once_are_one_message(stream: str) -> None:
    merchant = new_id()

    with listening(stream, merchant) as screen:
        for n in range(50):
            publish(merchant, f"order:{n % 5}", "board")

        assert screen.next()[1] == ["board", *(f"order:{n}" for n in range(5))]


def test_a_screen_that_comes_back_hears_what_it_missed(stream: str) -> None:
    merchant = new_id()
    with listening(stream, merchant) as screen:
        publish(merchant, "first")
        at, _ = screen.next()
    with listening(stream, merchant) as other:
        publish(merchant, "meanwhile")
        other.next()

    with listening(stream, merchant, last=at) as screen:
        assert "meanwhile" in screen.next()[1]


def test_a_page_made_a_moment_ago_hears_what_changed_since(stream: str) -> None:
    merchant = new_id()
    made = int(time.time() * 1000)
    with listening(stream, merchant) as other:
        publish(merchant, "in between")
        other.next()

    with listening(stream, merchant, since=made) as screen:
        assert screen.next()[1] == ["in between"]


def test_a_page_older_than_what_is_remembered_fetches_everything(stream: str) -> None:
    made = int(time.time() * 1000) - 600_000

    with listening(stream, new_id(), since=made) as screen:
        assert screen.next()[1] == ["*"]


def test_after_redis_was_away_every_screen_fetches_everything(stream: str) -> None:
    with listening(stream, new_id()) as screen:
        _cut_off_from_redis()

        assert screen.next()[1] == ["*"]


def _cut_off_from_redis() -> None:
    """Our listeners lose their connection; not those of the other test processes, which have other
    databases of the same server and would hear "*" in the middle of their tests."""
    redis = outbox.connection()
    ours = str(redis.connection_pool.connection_kwargs.get("db", 0))
    for client in redis.client_list(_type="pubsub"):
        if client["db"] == ours:
            redis.client_kill_filter(_id=client["id"])


# --- who may listen -------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "wasl_live=", "wasl_live=a.b.c.d", "wasl=whatever"])
def test_without_a_ticket_nothing_is_heard(stream: str, value: str) -> None:
    assert httpx.get(f"{stream}/live", headers={"cookie": value}).status_code == 401


def test_a_ticket_is_good_for_a_quarter_of_an_hour(stream: str) -> None:
    with time_machine.travel(utcnow() - timedelta(minutes=16)):
        old = cookie(new_id(), new_id())

    assert httpx.get(f"{stream}/live", headers={"cookie": old}).status_code == 401


def test_a_stream_ends_with_its_ticket(stream: str) -> None:
    with time_machine.travel(utcnow() - timedelta(minutes=14, seconds=58)):
        ending = cookie(new_id(), new_id())

    with httpx.stream("GET", f"{stream}/live", headers={"cookie": ending}, timeout=5) as answer:
        # Read to its end: that there is one is the point, whatever was said meanwhile.
        assert answer.read().decode().startswith("retry: 2000\n: welcome\n\n")


def test_only_our_own_pages_may_listen_with_the_cookie(stream: str) -> None:
    page, foreign = settings().base_url, "https://evil.example"

    with listening(stream, new_id(), origin=page) as ours:
        assert ours.answer.headers["access-control-allow-origin"] == page
        assert ours.answer.headers["access-control-allow-credentials"] == "true"
    with listening(stream, new_id(), origin=foreign) as theirs:
        assert theirs.answer.status_code == 403
        assert "access-control-allow-origin" not in theirs.answer.headers


def test_the_ticket_of_a_signed_in_person_opens_their_merchants_stream(
    stream: str, signed_in: Browser, agent: Any
) -> None:
    answer = signed_in(agent).post("/live-ticket")
    given = answer.headers["Set-Cookie"]

    assert "Path=/live;" in given
    assert "HttpOnly" in given
    owner = ticket.read(given.split(";")[0].partition("=")[2])
    assert owner is not None
    assert (owner.merchant_id, owner.member_id) == (agent.merchant_id, agent.id)


def test_nobody_else_gets_a_ticket(client: FlaskClient) -> None:
    assert client.post("/live-ticket").status_code == 302


# --- the process ----------------------------------------------------------------------------------


def test_a_screen_that_cannot_keep_up_costs_no_memory() -> None:
    hub, merchant = Hub(), new_id()
    screen = hub.open(Ticket(merchant, new_id(), 900), None)

    for n in range(5000):
        hub.hear(str(merchant), {"names": [f"order:{n}"]})

    assert asyncio.run(screen.next())[0] == {"*"}


def test_a_quiet_while_tells_that_nothing_was_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "KEEP_ALIVE_SECONDS", 0.01)
    screen = Hub().open(Ticket(new_id(), new_id(), 900), None)
    before = time.time() * 1000

    names, at = asyncio.run(screen.next())

    assert names == set()
    assert at >= int(before)


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    hub = Hub()

    with time_machine.travel(utcnow(), tick=False) as clock:
        hub.hear("m", {"names": ["board"]})
        clock.shift(timedelta(minutes=3))
        hub.forget_old()

    assert hub._recent == {}


def test_the_process_stops_at_once_with_screens_open() -> None:
    with running() as (address, process), listening(address, new_id()):
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(10)

    assert time.monotonic() - began < 4


# --- who is shut out, who sees only their own -----------------------------------------------------


def test_who_is_shut_out_hears_no_more_and_comes_in_with_a_new_ticket_alone(
    stream: str, merchant: Any
) -> None:
    member_id = new_id()
    old = {"cookie": cookie(merchant.id, member_id)}
    with listening(stream, merchant.id, member_id) as screen:
        live.cut_off(member_id, merchant_id=merchant.id)
        with pytest.raises(EOFError):
            screen.next()

    assert httpx.get(f"{stream}/live", headers=old).status_code == 401
    time.sleep(1.1)  # a ticket's time has whole seconds
    with listening(stream, merchant.id, member_id) as screen:
        assert screen.answer.status_code == 200


def test_the_others_go_on_listening(stream: str, merchant: Any) -> None:
    with listening(stream, merchant.id) as screen:
        live.cut_off(new_id(), merchant_id=merchant.id)
        publish(merchant.id, "inbox")

        assert screen.next()[1] == ["inbox"]


def test_who_sees_only_their_own_orders_hears_no_name_of_another(merchant: Any) -> None:
    hub = Hub()
    hub.begin()
    screen = hub.open(Ticket(merchant.id, new_id(), 900, narrow=True), None)
    hub.hear(str(merchant.id), {"names": ["order:12", "conversation:7"]})
    late = hub.open(Ticket(merchant.id, new_id(), 900, narrow=True), int(time.time() * 1000))

    for one in (screen, late):
        assert asyncio.run(one.next())[0] == {"*"}


def test_the_ticket_says_who_sees_only_their_own(
    merchant: Any, agent: Any, signed_in: Browser
) -> None:
    from tests import factories

    def narrow(who: Any) -> bool:
        answer = signed_in(who).post("/live-ticket")
        value = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("wasl_live"))
        found = ticket.read(value.partition("=")[2].partition(";")[0])
        assert found is not None
        return found.narrow

    assert narrow(factories.member(merchant, "delivery_agent"))
    assert not narrow(agent)

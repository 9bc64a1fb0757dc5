"""Messages leave as fast as Meta allows; what Meta refuses waits, is held or fails as it should."""

from __future__ import annotations

import socket
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, select, update

from bot import client, desk, pace
from bot.jobs import delivering
from bot.simulator import Simulator
from bot.wire import Wire
from config import settings
from flows import arrivals, channels, invariants, messages, outbox, templates
from flows.channels import notices
from flows.letters import Letter, Sender
from models import db
from models.automation import Automation
from models.channel import Channel, ChannelState
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Attempt, Message, Origin, Sending
from models.template import MessageTemplate
from models.types import utcnow
from tests import factories

Work = Callable[[], None]


@pytest.fixture
def shop(simulator: Simulator) -> Merchant:
    """The demo's first shop; what its numbers have to ask of Meta has been asked."""
    found = factories.demo_shop()
    outbox.connection().flushdb()
    return found


def number_of(shop: Merchant, place: int = 0) -> Channel:
    with db.merchant(shop.id):
        return channels.all_of_merchant()[place]


def the_number(*, lock: bool = False) -> Channel:
    """The first, in the session that is open."""
    return channels.get(channels.all_of_merchant()[0].id, lock=lock)


def customers_of(channel: Channel, count: int) -> list[UUID]:
    """So many customers have written to the number."""
    with db.merchant(channel.merchant_id) as session:
        arrivals.take_in(
            [
                factories.inbound(
                    phone_number_id=channel.phone_number_id,
                    waba_id=channel.waba_id,
                    sender=factories.person(f"Fatima {n}", wa_id=f"21266{n:07}"),
                )
                for n in range(count)
            ]
        )
        mine = select(Conversation.id).where(Conversation.channel_id == channel.id)
        return list(session.scalars(mine))


def write(channel: Channel, talks: list[UUID], text: str = "Bonjour") -> list[UUID]:
    with db.merchant(channel.merchant_id) as session:
        found = session.scalars(select(Conversation).where(Conversation.id.in_(talks))).all()
        return [messages.queue_text(talk, text).id for talk in found]


def now(shop: Merchant, message_id: UUID) -> Message:
    with db.merchant(shop.id) as session:
        return session.get_one(Message, (shop.id, message_id))


def wait_of(message: Message) -> timedelta:
    assert message.due_at is not None
    return message.due_at - utcnow()


def due(shop: Merchant, message_id: UUID) -> None:
    """Its time to wait is over."""
    with db.merchant(shop.id) as session:
        message = session.get_one(Message, (shop.id, message_id))
        message.due_at = utcnow()
        outbox.deliver(message.channel_id)


def accepted(simulator: Simulator) -> list[dict[str, object]]:
    return simulator.ledger.records("accepted")


@pytest.fixture
def one(shop: Merchant) -> UUID:
    """A text to a customer of the first number."""
    channel = number_of(shop)
    return write(channel, customers_of(channel, 1))[0]


# --- a number -------------------------------------------------------------------------------------


def test_a_number_never_sends_more_in_a_second_than_it_may(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    channel = number_of(shop)
    with db.merchant(shop.id) as session:
        channels.get(channel.id).facts = {"on_phone": True}
        assert session.dirty
    simulator.limit(throughput=20)
    written = write(channel, customers_of(channel, 45))

    until = time.monotonic() + 20
    while len(accepted(simulator)) < 45 and time.monotonic() < until:
        work()
        time.sleep(0.02)

    times = sorted(float(str(record["time"])) for record in accepted(simulator))
    assert len(times) == 45
    assert max(bisect_right(times, at + 1.0) - n for n, at in enumerate(times)) <= 20
    assert {now(shop, message).attempt for message in written} == {1}


@pytest.mark.parametrize(
    ("facts", "most"),
    [({}, 80), ({"throughput": "HIGH"}, 1000), ({"throughput": "HIGH", "on_phone": True}, 20)],
)
def test_meta_says_how_fast_a_number_is(
    shop: Merchant, facts: dict[str, object], most: int
) -> None:
    with db.merchant(shop.id):
        channel = the_number()
        channel.facts = facts

        sender = messages.sender(channel.id)

    assert sender is not None
    assert sender.per_second == most


def test_all_workers_share_one_count(shop: Merchant) -> None:
    number = Sender("55", "77", 80)

    turns = [pace.take(number, 40) for _ in range(3)]

    assert [turn.permits for turn in turns] == [40, 40, 0]
    assert 1.5 < turns[2].wait <= 2.1  # what is under way counts from a second later
    pace.settle(turns[0], dict.fromkeys(range(40)))
    assert pace.take(number, 40).permits == 40
    assert pace.take(Sender("56", "77", 80), 40).permits == 40


def test_without_redis_a_process_keeps_to_a_small_part(
    shop: Merchant, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = number_of(shop)
    written = write(channel, customers_of(channel, 12))
    lane = outbox.delivery_lane(shop.id, channel.id)
    with pytest.MonkeyPatch.context() as away:
        away.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
        settings.cache_clear()
        outbox.connection.cache_clear()

        delivering.deliver_messages(lane)
        assert desk.rest()

    settings.cache_clear()
    outbox.connection.cache_clear()
    states = [now(shop, message).sending for message in written]
    assert states.count(Sending.ACCEPTED) == 10
    assert states.count(Sending.QUEUED) == 2


def test_what_will_not_leave_soon_says_so_and_keeps_its_place(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    channel = number_of(shop)
    talks = customers_of(channel, 4)
    first = [write(channel, [talk])[0] for talk in talks]

    with db.merchant(shop.id):
        messages.hold_up(
            channel.id, "pace", from_=utcnow() + timedelta(seconds=60), per_second=20, beyond=2
        )
    later = write(channel, [talks[3]], "encore")[0]

    states = [now(shop, message) for message in first]
    assert [m.sending for m in states] == [Sending.QUEUED] * 2 + [Sending.WAITING] * 2
    assert (states[3].reason, wait_of(states[3]) > wait_of(states[2])) == ("pace", True)
    work()
    assert [now(shop, m).sending for m in first[:2]] == [Sending.ACCEPTED] * 2
    assert now(shop, later).sending is Sending.QUEUED
    for message in first[2:]:
        due(shop, message)
    work()
    assert len(accepted(simulator)) == 5


def test_a_slow_number_delays_no_other(shop: Merchant, simulator: Simulator, work: Work) -> None:
    slow, quick = number_of(shop), number_of(shop, 1)
    client.reach(lambda: _Slow(httpx.WSGITransport(app=simulator.app), slow.phone_number_id))
    [held_up] = write(slow, customers_of(slow, 1))
    [prompt] = write(quick, customers_of(quick, 1))

    work()

    assert desk.rest()
    taken = [now(shop, message).accepted_at for message in (prompt, held_up)]
    assert taken == sorted(filter(None, taken))
    assert (now(shop, held_up).sending, len(accepted(simulator))) == (Sending.ACCEPTED, 2)


class _Slow(httpx.BaseTransport):
    """A network on which one number's calls take long."""

    def __init__(self, inner: httpx.BaseTransport, number: str) -> None:
        self.inner, self.number = inner, number

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.number in request.url.path:
            time.sleep(1.0)
        return self.inner.handle_request(request)


# --- a customer -----------------------------------------------------------------------------------


def test_a_customer_who_had_too_many_waits_and_the_next_behind(
    shop: Merchant, simulator: Simulator, work: Work, one: UUID
) -> None:
    with db.merchant(shop.id) as session:
        [letter] = messages.claim(the_number().id)
        messages.give_back(letter, utcnow(), "pair_limit")
        talk = session.scalars(select(Conversation.id)).one()
    waits = [pace.waits([letter])[0] for _ in range(46)]
    assert (waits[44], 260 < waits[45] <= 270) == (0.0, True)
    second = write(number_of(shop), [talk], "encore")[0]

    work()

    waiting = now(shop, one)
    assert (waiting.sending, waiting.reason, waiting.attempt) == (
        Sending.WAITING,
        "pair_limit",
        0,
    )
    assert wait_of(waiting) > timedelta(minutes=4)
    assert now(shop, second).sending is Sending.QUEUED
    with db.merchant(shop.id) as session:
        assert session.scalars(select(Attempt)).all() == []


def test_the_pair_limit_is_waited_for_four_times_as_long_each_time(
    shop: Merchant, simulator: Simulator, work: Work, one: UUID
) -> None:
    simulator.fail(131056, times=3)
    waited = []
    for _ in range(3):
        work()
        message = now(shop, one)
        waited.append(wait_of(message).total_seconds())
        due(shop, one)
    work()

    for seconds, base in zip(waited, (1, 4, 16), strict=True):
        assert base * 0.9 - 0.5 < seconds <= base * 1.25
    assert now(shop, one).sending is Sending.ACCEPTED


# --- an account -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "most"), [(80007, 60.0), (130429, 1.0)])
def test_an_account_that_was_too_fast_rests_with_all_its_numbers(
    shop: Merchant, simulator: Simulator, work: Work, code: int, most: float
) -> None:
    first, second = number_of(shop), number_of(shop, 1)
    assert first.waba_id == second.waba_id
    simulator.fail(code)
    write(first, customers_of(first, 1))
    work()

    other = Sender(second.phone_number_id, second.waba_id, 80)
    turn = pace.take(other, 10)

    assert turn.permits == 0
    assert 0.0 < turn.wait <= most
    assert pace.take(Sender("5", "another account", 80), 10).permits > 0


def test_what_waits_for_an_account_says_so(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    first, second = number_of(shop), number_of(shop, 1)
    pace.refused(Sender(first.phone_number_id, first.waba_id, 80), 80007)
    [waits] = write(second, customers_of(second, 1))

    work()

    message = now(shop, waits)
    assert (message.sending, message.reason) == (Sending.WAITING, "throttled")
    assert wait_of(message) > timedelta(seconds=30)


# --- a template -----------------------------------------------------------------------------------


def promised(shop: Merchant, count: int) -> tuple[MessageTemplate, list[UUID]]:
    """So many messages of one template wait to leave."""
    channel = number_of(shop)
    talks = customers_of(channel, count)
    with db.merchant(shop.id) as session:
        named = select(MessageTemplate).where(MessageTemplate.name == "order_confirmation")
        template = session.scalars(named.where(MessageTemplate.language == "fr")).one()
        values = {variable.key: "x" for variable in template.variables}
        found = session.scalars(select(Conversation).where(Conversation.id.in_(talks))).all()
        queued = [
            messages.queue_template(talk, template, values, origin=Origin.AGENT) for talk in found
        ]
        return template, [message.id for message in queued]


@pytest.mark.parametrize("by", ["news", "list"])
def test_a_paused_template_holds_its_queue_until_it_is_approved_again(
    shop: Merchant, simulator: Simulator, work: Work, by: str
) -> None:
    template, queued = promised(shop, 3)
    simulator.fail(132015, times=None)
    work()
    outbox.sweep()
    work()

    held = [now(shop, message) for message in queued]
    assert {(m.sending, m.reason) for m in held} == {(Sending.HELD, "template_paused")}
    simulator.faults.clear()
    with db.merchant(shop.id) as session:
        assert session.get_one(MessageTemplate, (shop.id, template.id)).state == "paused"
        if by == "list":
            templates.refresh()
    if by == "news":
        simulator.review(simulator.world.templates[str(template.meta_id)], "APPROVED")
        simulator.deliver()
    work()

    assert {now(shop, message).sending for message in queued} == {Sending.ACCEPTED}


def test_what_was_held_fails_when_the_template_is_disabled(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template, [message] = promised(shop, 1)
    simulator.review(simulator.world.templates[str(template.meta_id)], "PAUSED")
    simulator.deliver()
    work()
    assert now(shop, message).sending is Sending.HELD

    simulator.review(simulator.world.templates[str(template.meta_id)], "DISABLED")
    simulator.deliver()
    work()

    failed = now(shop, message)
    assert (failed.sending, failed.reason) == (Sending.FAILED, "template_disabled")


def one_held(shop: Merchant, simulator: Simulator, work: Work) -> tuple[MessageTemplate, UUID]:
    """Meta paused the template of a message that waited to leave."""
    template, [message] = promised(shop, 1)
    judged(simulator, work, template, "PAUSED")
    assert now(shop, message).sending is Sending.HELD
    return template, message


def judged(simulator: Simulator, work: Work, template: MessageTemplate, *verdicts: str) -> None:
    """Meta has said this of the template, and all that follows is done."""
    for verdict in verdicts:
        simulator.review(simulator.world.templates[str(template.meta_id)], verdict)
        simulator.deliver()
        work()


def end_of(shop: Merchant, message_id: UUID) -> tuple[Sending | None, str | None]:
    message = now(shop, message_id)
    assert broken() == []
    return message.sending, message.reason


def broken() -> list[str]:
    return [check.name for check in invariants.check() if not check.holds]


HELD = (Sending.HELD, "template_paused")


def test_an_edit_keeps_what_was_held_until_it_is_approved(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template, message = one_held(shop, simulator, work)
    with db.merchant(shop.id):
        found = templates.find(template.id)
        form = templates.written(found)
        form = replace(form, body=form.body + " Merci.")
        templates.submit(templates.save(form, found), form)
    work()
    meanwhile = end_of(shop, message)

    judged(simulator, work, template, "APPROVED")

    assert meanwhile == HELD
    assert end_of(shop, message) == (Sending.ACCEPTED, None)


@pytest.mark.parametrize(
    ("verdict", "end"),
    [
        ("APPROVED", (Sending.ACCEPTED, None)),
        ("REJECTED", (Sending.FAILED, "template_missing")),
    ],
)
def test_an_appeal_decides_what_becomes_of_what_was_held(
    shop: Merchant,
    simulator: Simulator,
    work: Work,
    verdict: str,
    end: tuple[Sending, str | None],
) -> None:
    template, message = one_held(shop, simulator, work)
    judged(simulator, work, template, "IN_APPEAL")
    with db.merchant(shop.id) as session:
        session.execute(update(Message).values(created_at=utcnow() - timedelta(hours=1)))
    meanwhile = end_of(shop, message)

    judged(simulator, work, template, verdict)

    assert meanwhile == HELD
    assert end_of(shop, message) == end


@pytest.mark.parametrize("by", ["us", "meta"])
def test_what_was_held_fails_when_the_template_is_deleted(
    shop: Merchant, simulator: Simulator, work: Work, by: str
) -> None:
    template, message = one_held(shop, simulator, work)
    with db.merchant(shop.id) as session:
        if by == "us":
            session.execute(delete(Automation))
            templates.remove(templates.find(template.id))
        else:
            with simulator.turn():
                simulator.note("template_gone", template=template.meta_id)
            templates.refresh()
    work()

    assert end_of(shop, message) == (Sending.FAILED, "template_missing")


def test_nothing_is_held_for_a_template_that_never_comes_back(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    template, [message] = promised(shop, 1)
    with db.merchant(shop.id) as session:
        session.get_one(MessageTemplate, (shop.id, template.id)).state = "disabled"
    simulator.fail(132015)
    work()

    assert end_of(shop, message) == (Sending.FAILED, "template_disabled")


def test_what_waits_is_held_when_its_template_is_paused_by_now(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    """It was put off, so the template's new state is seen only when its time has come."""
    template, [message] = promised(shop, 1)
    with db.merchant(shop.id) as session:
        session.get_one(MessageTemplate, (shop.id, template.id)).state = "in_appeal"
        session.execute(update(Message).values(created_at=utcnow() - timedelta(hours=1)))
    work()

    assert end_of(shop, message) == HELD


@pytest.mark.parametrize("age", [timedelta(0), timedelta(hours=2)])
def test_a_message_dropped_after_it_was_taken_holds_the_next_ones(
    shop: Merchant, simulator: Simulator, work: Work, age: timedelta
) -> None:
    template, [dropped] = promised(shop, 1)
    simulator.clock.set(utcnow() - age)
    simulator.fail(132015, late=True)
    work()
    _, [later] = promised(shop, 1)
    with db.merchant(shop.id) as session:
        messages.put_off(session.get_one(Message, (shop.id, later)), utcnow() + timedelta(hours=1))

    simulator.deliver()
    work()

    assert end_of(shop, dropped) == (Sending.FAILED, "template_paused")
    with db.merchant(shop.id) as session:
        state = session.get_one(MessageTemplate, (shop.id, template.id)).state
    held = (now(shop, later).sending, state)
    assert held == ((Sending.HELD, "paused") if not age else (Sending.WAITING, "approved"))


def test_what_meta_holds_for_its_quality_is_never_sent_again(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    _, [message] = promised(shop, 1)
    simulator.fail("held")
    work()

    outbox.sweep()
    work()

    assert now(shop, message).sending is Sending.ACCEPTED
    assert len(accepted(simulator)) == 1


# --- a number that Meta stops ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [(190, "token"), (131031, "account"), (368, "account"), (131042, "payment")],
)
def test_a_number_that_meta_stops_keeps_its_queue(
    shop: Merchant, simulator: Simulator, work: Work, code: int, reason: str
) -> None:
    channel = number_of(shop)
    simulator.fail(code, times=None)
    queued = write(channel, customers_of(channel, 2))
    work()
    outbox.sweep()
    work()

    owner = factories.member(shop, "confirmation_agent")
    with db.merchant(shop.id) as session:
        paused = channels.get(channel.id, lock=True)
        assert (paused.state, paused.pause_reason) == (ChannelState.PAUSED, reason)
        assert [notice.kind for notice in notices.standing(owner)] == [reason]
        assert {session.get_one(Message, (shop.id, m)).tries for m in queued} == {0}
        simulator.faults.clear()
        channels.go_on(paused)
    work()

    assert {now(shop, message).sending for message in queued} == {Sending.ACCEPTED}


def test_what_meta_finds_out_later_stops_the_number_too(
    shop: Merchant, simulator: Simulator, work: Work, one: UUID
) -> None:
    simulator.fail(131042, late=True)
    work()

    simulator.deliver()
    work()

    assert now(shop, one).sending is Sending.FAILED
    assert number_of(shop).pause_reason == "payment"


def test_a_look_ends_a_pause_only_when_what_it_found_is_mended(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    with db.merchant(shop.id):
        channel = the_number(lock=True)
        channels.pause(channel, "payment")
        account = channel.waba_id
        channels.look(channel)
    with simulator.turn():
        simulator.note("account_changed", account=account, facts={"funded": False})
    work()
    assert number_of(shop).state is ChannelState.PAUSED

    with simulator.turn():
        simulator.note("account_changed", account=account, facts={"funded": True})
    with db.merchant(shop.id):
        channels.look(the_number())
    work()

    assert number_of(shop).state is ChannelState.ACTIVE


# --- trying again ---------------------------------------------------------------------------------


def refused_with(
    shop: Merchant, simulator: Simulator, work: Work, message: UUID, *codes: int
) -> Message:
    """Meta has refused it with these codes, one after the other."""
    for code in codes:
        simulator.fail(code)
        due(shop, message)
        work()
    return now(shop, message)


def test_an_unknown_code_is_tried_three_times_more(
    shop: Merchant, simulator: Simulator, work: Work, one: UUID
) -> None:
    third = refused_with(shop, simulator, work, one, 777001, 777001, 777001)
    fourth = refused_with(shop, simulator, work, one, 777001)

    assert (third.sending, third.tries) == (Sending.WAITING, 3)
    assert (fourth.sending, fourth.reason) == (Sending.FAILED, "unknown_error")


def test_after_a_long_pause_neither_tries_nor_days_are_used_up(
    shop: Merchant, simulator: Simulator, work: Work, one: UUID
) -> None:
    refused_with(shop, simulator, work, one, 131000, 131000, 131000, 131000, 190)
    with db.merchant(shop.id) as session:
        session.execute(update(Message).values(created_at=utcnow() - timedelta(days=3)))
        channels.go_on(the_number(lock=True))

    message = refused_with(shop, simulator, work, one, 131000)

    assert (message.sending, message.reason, message.tries) == (Sending.WAITING, "temporary", 1)


def test_advertising_that_meta_holds_back_waits_for_a_day(
    shop: Merchant, simulator: Simulator, work: Work, one: UUID
) -> None:
    message = refused_with(shop, simulator, work, one, 131049)

    assert (message.sending, message.reason) == (Sending.WAITING, "ecosystem")
    assert wait_of(message) >= timedelta(hours=23, minutes=59)


# --- a call ---------------------------------------------------------------------------------------


@pytest.fixture
def dripping() -> Iterator[int]:
    """A server whose answer comes a byte at a time, for ever."""
    door = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        peer, _ = door.accept()
        with peer:
            peer.recv(65_536)
            try:
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100:
                    peer.sendall(bytes([byte]))
                    time.sleep(0.05)
            except OSError:
                pass

    thread = threading.Thread(target=drip)
    thread.start()
    yield door.getsockname()[1]
    thread.join()
    door.close()


def test_a_call_ends_in_time_however_its_answer_drips(dripping: int) -> None:
    client.reach(lambda: Wire(f"http://127.0.0.1:{dripping}"))
    started = time.monotonic()

    try:
        outcome = client.call(lambda: client.client("x").api.get_media_url("1"), seconds=0.4)
    finally:
        client.reach(client._to_meta)

    assert (outcome.ending, outcome.detail) == ("unknown", "ReadTimeout")
    assert time.monotonic() - started < 3.0


def test_a_letter_that_uploaded_too_long_is_not_posted() -> None:
    letter = Letter(
        *(factories.some_id(), 1, "1", "token", "+212661234567", None, "text"),
        *({}, "Bonjour", None, "callback"),
        post_until=time.monotonic() - 1,
    )

    outcome = client.send(letter)

    assert (outcome.ending, outcome.detail) == ("not_sent", "slow_upload")

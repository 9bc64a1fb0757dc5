"""Sending when people, statuses and workers cross each other; reading when a lot arrives."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import redis
import time_machine
from flask import Flask
from sqlalchemy import select, text, update

from bot import desk, jobs
from bot.jobs import reading
from flows import (
    arrivals,
    callbacks,
    conversations,
    invariants,
    messages,
    outbox,
    statuses,
    troubles,
)
from flows.errors import Refused
from flows.events import Person, Status
from flows.letters import Letter, Outcome
from models import db
from models.channel import Channel, ChannelState
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.envelope import Envelope, EnvelopeState
from models.merchant import Merchant
from models.message import Message, ReadMark, Sending
from models.types import utcnow
from models.user import Membership
from tests import factories


@pytest.fixture
def queued(merchant: Merchant) -> UUID:
    """A text to Fatima, who has just written."""
    with db.merchant(merchant.id) as session:
        arrivals.take_in([factories.inbound("Salam")])
        conversation = session.scalars(select(Conversation)).one()
        return messages.queue_text(conversation, "Bonjour !").id


def channel_of(merchant: Merchant) -> UUID:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Channel.id)).one()


def claimed(merchant: Merchant) -> list[Letter]:
    channel_id = channel_of(merchant)
    with db.merchant(merchant.id):
        return messages.claim(channel_id)


def concluded(merchant: Merchant, letter: Letter, outcome: Outcome) -> None:
    with db.merchant(merchant.id):
        messages.conclude([(letter, outcome)])


def reported(
    merchant: Merchant,
    name: str,
    wamid: str,
    message_id: UUID | None,
    attempt: int,
    at: datetime | None = None,
) -> None:
    status = Status(
        phone_number_id="1" * 15,
        waba_id=None,
        field="messages",
        wamid=wamid,
        status=name,
        at=at or utcnow(),
        recipient=Person(wa_id="212661234567"),
        callback=callbacks.write(message_id, attempt) if message_id else None,
    )
    with db.merchant(merchant.id) as session:
        statuses.apply([(session.scalars(select(Channel)).one(), status)])


def now(merchant: Merchant, message_id: UUID) -> Message:
    with db.merchant(merchant.id) as session:
        return session.get_one(Message, (merchant.id, message_id))


def again(merchant: Merchant, message_id: UUID) -> None:
    with db.merchant(merchant.id) as session:
        messages.send_again(session.get_one(Message, (merchant.id, message_id)))


def test_sending_again_twice_is_once(merchant: Merchant, queued: UUID) -> None:
    [letter] = claimed(merchant)
    concluded(merchant, letter, Outcome("unknown"))
    with db.merchant(merchant.id) as session:
        seen = session.get_one(Message, (merchant.id, queued))
    again(merchant, queued)
    claimed(merchant)

    with db.merchant(merchant.id) as session, pytest.raises(Refused, match="not_ended"):
        messages.send_again(session.merge(seen, load=False))

    assert now(merchant, queued).attempt == 2


@pytest.mark.parametrize(
    ("what", "late", "ending"),
    [
        ("sent", Outcome("accepted", wamid="wamid.late"), (Sending.ACCEPTED, "wamid.late", False)),
        ("sent", Outcome("not_sent"), (Sending.FAILED, None, True)),
        ("sent", Outcome("refused", code=131026), (Sending.FAILED, None, True)),
        ("sent", Outcome("unknown"), (Sending.ACCEPTED, None, False)),
        (
            "discard",
            Outcome("accepted", wamid="wamid.late"),
            (Sending.ACCEPTED, "wamid.late", False),
        ),
        ("discard", Outcome("not_sent"), (Sending.DISCARDED, None, False)),
    ],
)
def test_a_worker_that_stood_still_concludes_after_a_person_decided(
    merchant: Merchant,
    agent: Membership,
    queued: UUID,
    what: str,
    late: Outcome,
    ending: tuple[Sending, str | None, bool],
) -> None:
    """What Meta certainly did counts more than what somebody believed; nothing leaves by itself."""
    [letter] = claimed(merchant)
    number = channel_of(merchant)
    with time_machine.travel(utcnow() + timedelta(minutes=1)), db.merchant(merchant.id):
        messages.sender(number)  # its lease is over: nobody knows
    with db.merchant(merchant.id):
        troubles.deal(troubles.find_message(queued), what, by=agent, note="She called")

    concluded(merchant, letter, late)

    message = now(merchant, queued)
    assert (message.sending, message.wamid, message.troubled) == ending
    assert claimed(merchant) == []


def test_late_news_of_a_failed_attempt_does_not_stop_the_next(
    merchant: Merchant, queued: UUID
) -> None:
    [letter] = claimed(merchant)
    concluded(merchant, letter, Outcome("accepted", wamid="wamid.first"))
    reported(merchant, "failed", "wamid.first", queued, 1)
    again(merchant, queued)

    reported(merchant, "sent", "wamid.first", queued, 1)

    assert now(merchant, queued).sending is Sending.QUEUED
    [second] = claimed(merchant)
    concluded(merchant, second, Outcome("accepted", wamid="wamid.second"))
    assert now(merchant, queued).wamid == "wamid.second"


def test_a_sent_that_is_told_after_the_failure_leaves_it_failed(
    merchant: Merchant, queued: UUID
) -> None:
    [letter] = claimed(merchant)
    concluded(merchant, letter, Outcome("accepted", wamid="wamid.1"))
    sent_at = utcnow()

    reported(merchant, "failed", "wamid.1", queued, 1)
    reported(merchant, "sent", "wamid.1", queued, 1, at=sent_at)

    message = now(merchant, queued)
    assert (message.sending, message.rank) == (Sending.FAILED, 1)
    assert message.failed_at is not None


@pytest.mark.parametrize("order", [("failed", "sent"), ("sent", "failed")])
def test_a_failure_that_sent_came_after_is_over_whichever_is_told_first(
    merchant: Merchant, queued: UUID, order: tuple[str, str]
) -> None:
    [letter] = claimed(merchant)
    concluded(merchant, letter, Outcome("accepted", wamid="wamid.1"))
    at = {"failed": utcnow(), "sent": utcnow() + timedelta(seconds=1)}

    for name in order:
        reported(merchant, name, "wamid.1", queued, 1, at=at[name])

    message = now(merchant, queued)
    assert (message.sending, message.progress) == (Sending.ACCEPTED, "sent")
    assert (message.failed_at, message.reason, message.error_code) == (None, None, None)


def test_a_failure_without_our_id_counts_once_another_status_tells_whose_it_is(
    merchant: Merchant, queued: UUID
) -> None:
    [letter] = claimed(merchant)
    concluded(merchant, letter, Outcome("unknown"))
    sent_at = utcnow()

    reported(merchant, "failed", "wamid.1", None, 1)
    reported(merchant, "sent", "wamid.1", queued, 1, at=sent_at)

    message = now(merchant, queued)
    assert (message.sending, message.wamid) == (Sending.FAILED, "wamid.1")


def test_what_arrived_after_all_is_not_sent_again(merchant: Merchant, queued: UUID) -> None:
    [letter] = claimed(merchant)
    concluded(merchant, letter, Outcome("unknown"))
    again(merchant, queued)

    reported(merchant, "delivered", "wamid.first", queued, 1)

    assert now(merchant, queued).sending is Sending.ACCEPTED
    assert claimed(merchant) == []


def test_a_message_that_waits_for_a_day_lets_the_next_pass(
    merchant: Merchant, queued: UUID
) -> None:
    [letter] = claimed(merchant)
    concluded(merchant, letter, Outcome("refused", code=131049))
    with db.merchant(merchant.id) as session:
        conversation = session.scalars(select(Conversation)).one()
        answer = messages.queue_text(conversation, "Je vous réponds").id

    assert [letter.message_id for letter in claimed(merchant)] == [answer]


def test_one_letter_that_cannot_be_written_harms_no_other(
    merchant: Merchant, queued: UUID, simulator: object
) -> None:
    with db.merchant(merchant.id) as session:
        arrivals.take_in([factories.inbound("Salam", sender=Person(wa_id="212662222222"))])
        other = session.scalars(
            select(Conversation)
            .join(Conversation.identity)
            .where(WhatsAppIdentity.wa_id == "212662222222")
        ).one()
        broken = messages.queue_text(other, "x")
        broken.kind, broken.payload = "interactive", {}

    jobs.deliver_messages(outbox.delivery_lane(merchant.id, channel_of(merchant)))
    assert desk.rest()

    assert now(merchant, broken.id).sending is Sending.FAILED
    assert now(merchant, queued).sending is not Sending.CLAIMED


def lost_read_mark(merchant: Merchant) -> None:
    """A worker claimed it and died two minutes ago; nothing else is due."""
    with db.merchant(merchant.id) as session:
        conversations.mark_read(session.scalars(select(Conversation)).one())
    channel_id = channel_of(merchant)
    with db.merchant(merchant.id):
        assert len(messages.claim_read_marks(channel_id)) == 1
    with db.merchant(merchant.id) as session:
        mark = session.scalars(select(ReadMark)).one()
        mark.lease_until = mark.due_at = utcnow() - timedelta(minutes=2)
        session.execute(update(Message).values(sending=Sending.ACCEPTED))
    outbox.connection().flushdb()


def woken(merchant: Merchant) -> bool:
    outbox.sweep()
    return outbox.woken(outbox.delivery_lane(merchant.id, channel_of(merchant)))


@pytest.mark.usefixtures("queued")
def test_a_read_mark_of_a_dead_worker_is_swept_up_unless_its_number_is_paused(
    merchant: Merchant,
) -> None:
    lost_read_mark(merchant)
    question = text(invariants.QUESTIONS["no other claim is older than two leases"])

    with db.merchant(merchant.id) as session:
        channel = session.scalars(select(Channel)).one()
        channel.state, channel.pause_reason = ChannelState.PAUSED, "token"
    assert not woken(merchant)
    with db.house() as house:
        assert house.scalar(question) == 0

    with db.merchant(merchant.id) as session:
        channel = session.scalars(select(Channel)).one()
        channel.state, channel.pause_reason = ChannelState.ACTIVE, None
    assert woken(merchant)
    with db.house() as house:
        assert house.scalar(question) == 1


def test_without_redis_no_lane_is_known_to_be_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "connection", lambda: redis.Redis.from_url("redis://127.0.0.1:1"))

    assert outbox.woken("ingest") is False


def test_a_number_that_changed_hands_is_not_the_same_person(merchant: Merchant) -> None:
    first = Person(wa_id="212661234567", user_id="MA.old", profile_name="Fatima")
    second = Person(wa_id="212661234567", user_id="MA.new", profile_name="Hamid")

    with db.merchant(merchant.id):
        arrivals.take_in([factories.inbound("Salam", sender=first)])
    with db.merchant(merchant.id):
        arrivals.take_in([factories.inbound("Bonjour", sender=second)])

    with db.merchant(merchant.id) as session:
        who = {i.user_id: i for i in session.scalars(select(WhatsAppIdentity))}
        assert (who["MA.old"].profile_name, who["MA.old"].wa_id) == ("Fatima", None)
        assert (who["MA.new"].profile_name, who["MA.new"].wa_id) == ("Hamid", "212661234567")
        assert len(session.scalars(select(Conversation)).all()) == 2


def test_a_payload_with_both_joins_two_that_were_one(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        arrivals.take_in(
            [
                factories.inbound("un", sender=Person(user_id="MA.1", username="nadia")),
                factories.inbound("deux", sender=Person(wa_id="212661234567")),
            ]
        )
        arrivals.take_in(
            [factories.inbound("trois", sender=Person(user_id="MA.1", wa_id="212661234567"))]
        )

    with db.merchant(merchant.id) as session:
        [conversation] = session.scalars(select(Conversation)).all()
        assert conversation.unread == 3
        assert {m.text for m in session.scalars(select(Message))} == {"un", "deux", "trois"}


def test_what_whatsapp_itself_says_opens_no_window(merchant: Merchant) -> None:
    with db.merchant(merchant.id) as session:
        arrivals.take_in([factories.inbound("Fatima changed her number", kind="system")])

        conversation = session.scalars(select(Conversation)).one()
        assert (conversation.unread, conversation.window_open) == (0, False)


def test_a_flood_is_read_whole(merchant: Merchant) -> None:
    flood = [factories.inbound(f"{n}", wamid=f"wamid.flood.{n}") for n in range(1_200)]
    one = reading._Opened(1, utcnow(), None, 0)

    reading._take_in(merchant.id, [(one, event) for event in flood])

    assert one.error is None
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Conversation)).one().unread == 1_200


def test_an_event_whose_rows_others_hold_waits_and_no_try_is_counted(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL gives up waiting (lock_timeout): three times would be a quarantine for nothing."""
    shop, simulator = factories.demo_shop(), factories.simulator(app)
    execute = psycopg.Cursor.execute
    held = True

    def hold(cursor: Any, query: Any, *args: Any, **how: Any) -> Any:
        if held and "INSERT INTO messages" in str(query):
            raise psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")
        return execute(cursor, query, *args, **how)

    monkeypatch.setattr(psycopg.Cursor, "execute", hold)
    simulator.write("fatima", "Salam")
    simulator.deliver()
    for _ in range(reading.TRIES):
        assert reading._read_some() == 1
    with db.house() as house:
        waiting = house.scalars(select(Envelope)).one()
    held = False
    reading._read_some()

    assert (waiting.state, waiting.attempts, waiting.error) == (EnvelopeState.NEW, 0, None)
    with db.merchant(shop.id) as session:
        assert session.scalars(select(Message.text)).all() == ["Salam"]

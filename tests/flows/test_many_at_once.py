"""Statuses and texts by the hundred: as many statements as for a few, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import event, select

from bot.jobs import reading
from flows import arrivals, callbacks, messages, statuses
from flows.events import Person, Status
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.envelope import Envelope, EnvelopeState
from models.merchant import Merchant
from models.message import Attempt, Message, MessageStatus, Sending
from models.types import Json, utcnow
from tests import factories

ODD = '\'); -- \\u0041 {"a": [1]} \t\n\u200fمرحبا\u200f 👋 \ufffd'


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    event.listen(db._engine("wasl_app"), "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(db._engine("wasl_app"), "before_cursor_execute", note)


def sent(merchant: Merchant, count: int) -> list[UUID]:
    """Messages that a worker has claimed and not yet concluded."""
    with db.merchant(merchant.id) as session:
        arrivals.take_in([factories.inbound("Salam")])
        conversation = session.scalars(select(Conversation)).one()
        made = [messages.queue_text(conversation, f"{n}") for n in range(count)]
        session.flush()
        for message in made:
            message.sending, message.attempt = Sending.CLAIMED, 1
            session.add(Attempt(message_id=message.id, number=1))
        return [message.id for message in made]


def told(message_id: UUID, word: str, *, pricing: Json | None = None) -> Status:
    return Status(
        phone_number_id="1" * 15,
        waba_id=None,
        field="messages",
        wamid=f"wamid.{message_id}",
        status=word,
        at=utcnow(),
        recipient=Person(wa_id="212661234567"),
        callback=callbacks.write(message_id, 1),
        pricing=pricing,
    )


def report(merchant: Merchant, reported: list[Status]) -> None:
    with db.merchant(merchant.id) as session:
        channel = session.scalars(select(Channel)).one()
        statuses.apply([(channel, status) for status in reported])


def test_a_hundred_statuses_take_the_statements_of_two(merchant: Merchant) -> None:
    ids = sent(merchant, 102)
    counts = []
    report(merchant, [told(sent(merchant, 1)[0], "delivered")])  # prices are read once a process

    for some in (ids[:2], ids[2:]):
        with statements() as asked:
            report(merchant, [told(id_, "delivered") for id_ in some])
        counts.append(len(asked))

    assert counts[0] == counts[1]
    with db.merchant(merchant.id) as session:
        rows = session.scalars(select(Message).where(Message.id.in_(ids))).all()
        assert {(m.sending, m.rank, m.wamid) for m in rows} == {
            (Sending.ACCEPTED, 2, f"wamid.{id_}") for id_ in ids
        }
        attempts = session.scalars(select(Attempt).where(Attempt.message_id.in_(ids))).all()
        assert {(a.outcome, a.wamid) for a in attempts} == {
            ("accepted", f"wamid.{id_}") for id_ in ids
        }


def test_a_hundred_texts_take_the_statements_of_two(merchant: Merchant) -> None:
    counts = []
    with db.merchant(merchant.id):
        arrivals.take_in([factories.inbound("before")])

    for size in (2, 100):
        with db.merchant(merchant.id), statements() as asked:
            arrivals.take_in([factories.inbound(f"{size} {n}") for n in range(size)])
        counts.append(len(asked))

    assert counts[0] == counts[1]
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Conversation)).one().unread == 103


def test_what_is_written_comes_out_as_it_went_in(merchant: Merchant) -> None:
    body = {"body": ODD, "nested": {"none": None, "number": 1e22, "list": [True, "ø"]}}

    with db.merchant(merchant.id):
        arrivals.take_in([factories.inbound(ODD, payload=body)])

    with db.merchant(merchant.id) as session:
        message = session.scalars(select(Message)).one()
        assert message.text == ODD
        assert message.payload == {"body": body}
        assert message.reply_to_wamid is None
        assert session.scalars(select(Conversation)).one().last_preview == " ".join(ODD.split())


def test_a_message_that_was_looked_at_before_shows_what_came(merchant: Merchant) -> None:
    (message_id,) = sent(merchant, 1)

    with db.merchant(merchant.id) as session:
        message = session.get_one(Message, (merchant.id, message_id))
        channel = session.scalars(select(Channel)).one()
        statuses.apply([(channel, told(message_id, "read"))])

        assert (message.sending, message.rank) == (Sending.ACCEPTED, 3)


def test_a_word_that_is_no_rung_is_kept_and_moves_nothing(merchant: Merchant) -> None:
    (message_id,) = sent(merchant, 1)

    report(merchant, [told(message_id, "accepted"), told(message_id, "pondered")])

    with db.merchant(merchant.id) as session:
        assert session.get_one(Message, (merchant.id, message_id)).rank is None
        kept = session.scalars(select(MessageStatus)).all()
        assert {(s.status, s.message_id) for s in kept} == {
            ("accepted", message_id),
            ("pondered", message_id),
        }


def test_the_pricing_that_comes_later_stands_beside_what_was_said_before(
    merchant: Merchant,
) -> None:
    (message_id,) = sent(merchant, 1)
    pricing = {"type": "regular", "category": "utility"}
    report(merchant, [told(message_id, "sent")])

    report(merchant, [told(message_id, "sent", pricing=pricing), told(message_id, "delivered")])

    with db.merchant(merchant.id) as session:
        kept = {s.status: s.payload["pricing"] for s in session.scalars(select(MessageStatus))}
        assert kept == {"sent": pricing, "delivered": None}


def test_a_second_worker_reads_what_the_first_has_not_taken(merchant: Merchant) -> None:
    with db.house() as house:
        for n in range(3):
            house.add(Envelope(body=b"{}" + b" " * n, sha256=bytes([n])))

    with db.house() as first:
        taken = select(Envelope).order_by(Envelope.id).limit(1).with_for_update()
        held = first.scalars(taken).one()
        assert reading._read_some() == 2

        assert held.state is EnvelopeState.NEW
    with db.house() as house:
        states = house.scalars(select(Envelope.state).order_by(Envelope.id)).all()
        assert states == [EnvelopeState.NEW, EnvelopeState.UNROUTED, EnvelopeState.UNROUTED]

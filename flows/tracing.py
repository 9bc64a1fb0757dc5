"""The whole life of one message or one order, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from flows import troubles
from models import db
from models.automation import Run
from models.cost import Charge
from models.envelope import Envelope
from models.message import RANKS, Attempt, Message, MessageStatus
from models.order import Order
from models.timeline import Entry


def trace(what: str) -> Iterator[str]:
    """Everything known of a wamid, a message id or an order number, oldest first; and in which
    webhook bodies that nobody has read in full the wamid stands.

    Times are UTC. No text of a message and no phone: what is printed may be pasted into a ticket.
    """
    for merchant_id, messages, orders in _found(what):
        yield f"merchant {merchant_id}"
        for order in orders:
            yield from _told(_life_of_order(merchant_id, order))
        for message in messages:
            yield from _told(_life_of_message(merchant_id, message))
    if not what.isdigit():
        yield from map(_unread, troubles.aside.holding(what))


def _unread(envelope: Envelope) -> str:
    why = f": {envelope.error}" if envelope.error else ""
    return (
        f"envelope {envelope.id} of {envelope.received_at:%Y-%m-%d %H:%M:%S} names it"
        f" and is {envelope.state}{why} (wasl envelopes show {envelope.id})"
    )


Moment = tuple[datetime, str]


def _found(what: str) -> Iterator[tuple[UUID, Sequence[Message], Sequence[Order]]]:
    number = int(what) if what.isdigit() and len(what) < 15 else None
    with db.house() as house:
        named = [Message.wamid == what]
        if _is_id(what):
            named.append(Message.id == UUID(what))
        messages = house.scalars(select(Message).where(or_(*named))).all()
        orders = house.scalars(select(Order).where(Order.number == number)).all()
        for merchant_id in sorted({row.merchant_id for row in [*messages, *orders]}):
            yield (
                merchant_id,
                [m for m in messages if m.merchant_id == merchant_id],
                [o for o in orders if o.merchant_id == merchant_id],
            )


def _is_id(what: str) -> bool:
    try:
        UUID(what)
    except ValueError:
        return False
    return True


def _told(moments: list[Moment]) -> Iterator[str]:
    # Meta's clock has whole seconds and ours does not: within one second what was noted first
    # is told first, so that nothing is delivered before it was sent.
    for at, said in sorted(moments, key=lambda moment: moment[0].replace(microsecond=0)):
        yield f"  {at:%Y-%m-%d %H:%M:%S.%f} {said}"


def _life_of_order(merchant_id: UUID, order: Order) -> list[Moment]:
    with db.merchant(merchant_id) as session:
        entries = session.scalars(select(Entry).where(Entry.order_id == order.id)).all()
        runs = session.scalars(select(Run).where(Run.order_id == order.id)).all()
        messages = session.scalars(select(Message).where(Message.order_id == order.id)).all()
        told = [
            (e.at, f"order {order.number} {e.kind} by {e.actor} {_facts(e.facts)}") for e in entries
        ]
        told += [
            (r.created_at, f"automation run {r.id} is {r.state} {r.failure or ''}") for r in runs
        ]
    return told + [moment for m in messages for moment in _life_of_message(merchant_id, m)]


def _life_of_message(merchant_id: UUID, message: Message) -> list[Moment]:
    name = f"message {message.id}"
    born = f"{name} {message.direction} {message.kind} {message.wamid or ''}"
    with db.merchant(merchant_id) as session:
        attempts = session.scalars(select(Attempt).where(Attempt.message_id == message.id)).all()
        statuses = session.scalars(
            select(MessageStatus)
            .where(MessageStatus.message_id == message.id)
            .order_by(MessageStatus.at, MessageStatus.received_at)
        ).all()
        charges = session.scalars(select(Charge).where(Charge.message_id == message.id)).all()
    return [
        (message.created_at, born),
        *((a.claimed_at, f"{name} attempt {a.number} claimed") for a in attempts),
        *((a.concluded_at, f"{name} {_ending(a)}") for a in attempts if a.concluded_at),
        *((s.at, f"{name} {s.status} says Meta") for s in sorted(statuses, key=_rung)),
        *((c.delivered_at, f"{name} {_price(c)}") for c in charges),
        *([(message.settled_at, f"{name} {_dealt_with(message)}")] if message.settled_at else []),
    ]


def _dealt_with(message: Message) -> str:
    who = f"member {message.settled_by_id}" if message.settled_by_id else "what came after it"
    return f"dealt with by {who}: {message.sending}"


def _rung(status: MessageStatus) -> int:
    return RANKS.get(status.status, len(RANKS))


def _ending(attempt: Attempt) -> str:
    words = (attempt.outcome, attempt.error_code, attempt.detail)
    return f"attempt {attempt.number} {' '.join(str(word) for word in words if word)}"


def _price(charge: Charge) -> str:
    amount = f"{charge.amount_micros} micro-{charge.currency}"
    return f"charged {amount} ({charge.reason}) as {charge.category}"


# Facts that name people stay out of a trace.
PRIVATE = {"name", "phone", "to", "address", "text", "reply"}


def _facts(facts: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in facts.items() if k not in PRIVATE)

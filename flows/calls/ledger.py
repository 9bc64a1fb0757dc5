"""The calls that were told: an append-only ledger, in which one row can take another back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, cast, exists, select
from sqlalchemy.orm import aliased

from models import db
from models.merchant import Merchant
from models.order import CallAttempt, Order
from models.timeline import By, Entry
from models.types import utcnow
from models.user import Membership

UNDONE = "undone"
"""The outcome of a row that takes another back; its note is the other's identifier."""
LONGEST_OPEN = timedelta(hours=12)
"""A call's identifier is made with the page that tells it, so long before at most."""


def undoing(attempt: CallAttempt, by: Membership) -> CallAttempt:
    """The row that takes this call back."""
    return CallAttempt(
        order_id=attempt.order_id, by_id=by.id, outcome=UNDONE, note=str(attempt.id), at=utcnow()
    )


def line(order: Order, kind: str, attempt: CallAttempt, by: Membership) -> Entry:
    """The call, or its taking back, on the order's timeline."""
    facts = {"outcome": attempt.outcome, "attempt": str(attempt.id)}
    if attempt.note:
        facts["note"] = attempt.note
    return Entry(order_id=order.id, kind=kind, actor=By.user(by).actor, actor_id=by.id, facts=facts)


def stands() -> ColumnElement[bool]:
    """Whether a row is a call, and no other takes it back."""
    other = aliased(CallAttempt)
    taken_back = exists().where(
        other.order_id == CallAttempt.order_id,
        other.outcome == UNDONE,
        other.note == cast(CallAttempt.id, Text),
    )
    return and_(CallAttempt.outcome != UNDONE, ~taken_back)


@dataclass(frozen=True, slots=True)
class Done:
    """A call somebody told today."""

    id: UUID
    order_id: UUID
    outcome: str
    at: datetime


def done_today(by: Membership) -> list[Done]:
    """This person's calls of today that were not taken back, oldest first.

    Found by the time in their identifiers, a range of the primary key: no index of its own.
    """
    session, now = db.session(), utcnow()
    today = midnight(session.get_one(Merchant, session.merchant_id), now)
    oldest = UUID(int=int((today - LONGEST_OPEN).timestamp() * 1000) << 80)
    columns = (CallAttempt.id, CallAttempt.order_id, CallAttempt.outcome, CallAttempt.at)
    mine = (
        select(*columns, CallAttempt.note)
        .where(CallAttempt.id > oldest, CallAttempt.by_id == by.id, CallAttempt.at >= today)
        .order_by(CallAttempt.at, CallAttempt.id)
    )
    rows = session.execute(mine).all()
    undone = {note for *_, outcome, _at, note in rows if outcome == UNDONE}
    return [
        Done(id_, order_id, outcome, at)
        for id_, order_id, outcome, at, _note in rows
        if outcome != UNDONE and str(id_) not in undone
    ]


def midnight(merchant: Merchant, now: datetime) -> datetime:
    """When today began on the merchant's clock."""
    return datetime.combine(now.astimezone(merchant.zone).date(), time(), tzinfo=merchant.zone)

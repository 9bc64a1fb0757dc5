"""A call is taken back: as if it had never been told, as far as that can still be true."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from flows import live, pipeline
from flows.calls.ledger import line, stands, undoing
from flows.calls.queue import hand_over
from flows.errors import N_, NotFound, Refused
from models import db
from models.message import Message
from models.order import CallAttempt, Order
from models.timeline import By, Entry
from models.types import utcnow
from models.user import Membership


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a call that was taken back."""

    order: Order
    gone: list[Message]
    """What the move had sent and the customer has already."""


def take_back(attempt_id: UUID, *, by: Membership) -> Taken:
    """The call was never told: the order is where it was and this person's to call again.

    Its move is undone as any manual move is, and refused when another came after it. Both the
    call and its undoing stay on the timeline.
    """
    session = db.session()
    attempt = session.get(CallAttempt, (session.merchant_id, attempt_id))
    if attempt is None:
        raise NotFound
    order = session.get_one(Order, (attempt.merchant_id, attempt.order_id))
    pipeline.hold(order)
    session.refresh(order, ["call_attempts"])
    if _taken_back(attempt):
        return Taken(order, [])
    _check_last(order, attempt, by)
    gone = pipeline.undo(order, by=By.user(by)).gone if _moved(order, attempt) else []
    session.add_all([line(order, "call_undone", attempt, by), undoing(attempt, by)])
    order.call_attempts = max(0, order.call_attempts - 1)
    order.call_due_at = utcnow()
    hand_over(order, by)
    live.changed(f"order:{order.number}")
    return Taken(order, list(gone))


def _taken_back(attempt: CallAttempt) -> bool:
    mine = select(CallAttempt.id).where(CallAttempt.id == attempt.id, stands())
    return db.session().scalar(mine) is None


def _check_last(order: Order, attempt: CallAttempt, by: Membership) -> None:
    newest = (
        select(CallAttempt.id)
        .where(CallAttempt.order_id == order.id, stands())
        .order_by(CallAttempt.at.desc(), CallAttempt.id.desc())
        .limit(1)
    )
    if attempt.by_id != by.id or db.session().scalar(newest) != attempt.id:
        raise Refused(
            "called_meanwhile",
            N_("Order {number} was called again meanwhile: this call cannot be taken back."),
            number=order.number,
        )


def _moved(order: Order, attempt: CallAttempt) -> bool:
    """Whether the call moved the order; refuses when it was moved again since."""
    entry = pipeline.last_entry(order)
    if entry.facts.get("attempt") == str(attempt.id):
        return True
    if _moved_by(attempt):
        raise Refused(
            "moved_meanwhile",
            N_("Order {number} was moved meanwhile: it is on “{stage}” now."),
            number=order.number,
            stage=order.stage.name,
        )
    return False


def _moved_by(attempt: CallAttempt) -> bool:
    told = select(Entry.id).where(
        Entry.order_id == attempt.order_id,
        Entry.to_stage_id.is_not(None),
        Entry.facts["attempt"].astext == str(attempt.id),
    )
    return db.session().scalar(told.limit(1)) is not None

"""Whom to call next: the most urgent order that is due, locked to one caller at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update

from flows import live
from flows.calls.ledger import Done, done_today, midnight
from flows.errors import N_, NotFound, Refused
from models import db
from models.merchant import Merchant
from models.order import Order
from models.pipeline import Stage, SystemState
from models.types import utcnow
from models.user import Membership

LOCK = timedelta(minutes=10)
"""How long an order stays with who was handed it, unless their page says it is still open."""
GRACE = timedelta(seconds=20)
"""A page that is left may only be reloading: nobody else is handed its order so soon."""
MOST = 1000
"""Nobody needs to know how many more than this are due: they are not counted."""


def next_order(by: Membership) -> Order | None:
    """The order this person calls about now, theirs alone for ten minutes; None when none is due.

    The one they were handed already, else the first that is due and nobody else's: urgent ones
    first, then whoever has waited longest. Two people asking at once get two orders.
    """
    order = _mine(by) or _first_due()
    if order is not None:
        hand_over(order, by)
    return order


def take(number: int, by: Membership) -> Order:
    """This very order is this person's to call now, due or not; refuses one that needs no call."""
    order = find(number)
    busy = order.caller_until is not None and order.caller_until > utcnow()
    if order.caller_id is None or not busy:
        order.caller_id = by.id
    check_callers(order, by)
    hand_over(order, by)
    return order


def find(number: int) -> Order:
    """The order of this number, its row held until the transaction ends; or NotFound."""
    wanted = select(Order).where(Order.number == number)
    order: Order | None = db.session().scalars(_held(wanted)).first()
    if order is None:
        raise NotFound
    return order


def hand_over(order: Order, by: Membership) -> None:
    """The held order is this person's to call for the next ten minutes, and no other of theirs."""
    _free_others(order, by)
    order.caller_id = by.id
    order.caller_until = utcnow() + LOCK
    live.changed("calls")


def renew(order: Order, by: Membership) -> None:
    """Ten more minutes for the held order; refuses when it is no longer this person's to call."""
    check_callers(order, by)
    order.caller_until = utcnow() + LOCK


def release(by: Membership) -> None:
    """Who leaves the page keeps nothing from others, after the moment a reload takes."""
    soon = utcnow() + GRACE
    db.session().execute(
        update(Order)
        .where(_of(by), Order.caller_until > soon)
        .values(caller_until=soon)
        .execution_options(synchronize_session=False)
    )
    live.changed("calls")


def toggle_urgent(order: Order) -> bool:
    """An urgent order is called before all others; whether it is urgent now."""
    order.urgent = not order.urgent
    live.changed("calls", f"order:{order.number}", f"stage:{order.stage_id}")
    return order.urgent


def check_callers(order: Order, by: Membership) -> None:
    """Refuses what is said about an order somebody else was handed, or that nobody is to call."""
    if order.call_due_at is None:
        raise Refused(
            "not_to_call",
            N_("Order {number} needs no call any more: it is on “{stage}”."),
            number=order.number,
            stage=order.stage.name,
        )
    if order.caller_id != by.id:
        _refuse_late(order)


def _refuse_late(order: Order) -> None:
    caller = order.caller_id and db.session().get(
        Membership, (db.session().merchant_id, order.caller_id)
    )
    if caller:
        raise Refused(
            "called_by_another",
            N_("{name} has order {number} now: what you said was not kept."),
            name=caller.name,
            number=order.number,
        )
    raise Refused(
        "called_meanwhile",
        N_("Order {number} was called meanwhile: what you said was not kept."),
        number=order.number,
    )


# --- the queue ------------------------------------------------------------------------------------


def _mine(by: Membership) -> Order | None:
    wanted = (
        select(Order)
        .where(_of(by), Order.caller_until > utcnow())
        .order_by(Order.caller_until.desc())
        .limit(1)
    )
    return db.session().scalars(_held(wanted)).first()


def _first_due() -> Order | None:
    now = utcnow()
    free = or_(Order.caller_until.is_(None), Order.caller_until < now)
    wanted = (
        select(Order)
        .where(Order.call_due_at <= now, free)
        .order_by(Order.urgent.desc(), Order.call_due_at, Order.id)
        .limit(1)
    )
    # Whom another transaction is being handed is passed over, not waited for.
    return db.session().scalars(_held(wanted, skip_locked=True)).first()


def _held(wanted: Any, *, skip_locked: bool = False) -> Any:
    locked = wanted.with_for_update(key_share=True, skip_locked=skip_locked, of=Order)
    return locked.execution_options(populate_existing=True)


def _of(by: Membership) -> ColumnElement[bool]:
    return (Order.caller_id == by.id) & Order.call_due_at.is_not(None)


def _free_others(order: Order, by: Membership) -> None:
    # Passed over where somebody else is moving one of them: locks are never waited for in twos.
    others = select(Order.id).where(_of(by), Order.id != order.id)
    ids = db.session().scalars(others.with_for_update(key_share=True, skip_locked=True)).all()
    if ids:
        freed = update(Order).where(Order.id.in_(ids)).values(caller_id=None, caller_until=None)
        db.session().execute(freed.execution_options(synchronize_session=False))


# --- what is done, what remains -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Numbers:
    """Beside the call: what waits, and what this person did today."""

    due: int
    """Counted up to MOST, like `later`."""
    later: int
    calls: int
    confirmed: int
    last: tuple[Done, Order] | None
    """The last call of today, and what it was about."""

    @property
    def share(self) -> float | None:
        """Confirmed of all that were called today; None before the first call."""
        return self.confirmed / self.calls if self.calls else None


def names() -> list[str]:
    """What the numbers beside the call depend on, by the names live screens listen to."""
    callable_ = (SystemState.TO_CONFIRM, SystemState.UNREACHABLE)
    stages = select(Stage.id).where(Stage.state.in_(callable_), Stage.deleted_at.is_(None))
    return ["calls", *(f"stage:{id_}" for id_ in db.session().scalars(stages))]


def numbers(by: Membership) -> Numbers:
    session, now = db.session(), utcnow()
    tomorrow = midnight(session.get_one(Merchant, session.merchant_id), now) + timedelta(days=1)
    due, later = session.execute(
        select(
            _count(Order.call_due_at <= now),
            _count((Order.call_due_at > now) & (Order.call_due_at < tomorrow)),
        )
    ).one()
    done = done_today(by)
    confirmed = sum(call.outcome == "confirmed" for call in done)
    return Numbers(due, later, len(done), confirmed, _last(done))


def _last(done: Sequence[Done]) -> tuple[Done, Order] | None:
    if not done:
        return None
    about = db.session().get(Order, (db.session().merchant_id, done[-1].order_id))
    return (done[-1], about) if about else None


def _count(which: ColumnElement[bool]) -> ColumnElement[int]:
    some = select(Order.id).where(which).limit(MOST).subquery()
    return select(func.count()).select_from(some).scalar_subquery()

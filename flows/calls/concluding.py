"""A call is told: its row, its line on the timeline, and the move or the time that follows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from flows import duplicates, live, pipeline
from flows.calls import outcomes
from flows.calls.ledger import line, stands
from flows.calls.outcomes import OUTCOMES
from flows.calls.queue import check_callers
from flows.errors import N_, Invalid, Refused
from models import db
from models.merchant import Merchant
from models.order import CallAttempt, Order
from models.pipeline import Stage, SystemState
from models.timeline import By
from models.types import utcnow
from models.user import Membership

LONGEST_NOTE = 500


def conclude(
    order: Order,
    outcome: str,
    *,
    by: Membership,
    client_id: UUID,
    version: int | None = None,
    note: str = "",
    again_at: datetime | None = None,
) -> CallAttempt:
    """The call ended so: counted, on the timeline, the order moved or due again; lock given back.

    The same `client_id` twice is one call. `again_at` is when a postponed one wants to be called.
    Refuses (409) when the order is somebody else's to call, moved since `version`, has no stage to
    go to, or wants goods that are not there: then it stays with who called.
    """
    pipeline.hold(order)
    db.session().refresh(order, ["caller_id", "caller_until", "call_due_at", "call_attempts"])
    known = db.session().get(CallAttempt, (order.merchant_id, client_id))
    if known is not None:
        return _same(known, order)
    _check(order, outcome, by, version=version, note=note, again_at=again_at)
    attempt = CallAttempt(
        id=client_id, order_id=order.id, by_id=by.id, outcome=outcome, note=note, at=utcnow()
    )
    db.session().add(line(order, "called", attempt, by))
    attempt.again_at = _follow(order, attempt, by, again_at)
    db.session().add(attempt)
    order.call_attempts += 1
    order.caller_id = order.caller_until = None
    live.changed("calls", f"order:{order.number}")
    return attempt


def _same(known: CallAttempt, order: Order) -> CallAttempt:
    if known.order_id != order.id:
        raise Refused("other_call", N_("This is about another order: reload the page."))
    return known


def _check(
    order: Order,
    outcome: str,
    by: Membership,
    *,
    version: int | None,
    note: str,
    again_at: datetime | None,
) -> None:
    check_callers(order, by)
    if version not in (None, order.version):
        raise Refused(
            "moved_meanwhile",
            N_("Order {number} was moved meanwhile: it is on “{stage}” now."),
            number=order.number,
            stage=order.stage.name,
        )
    if outcome not in OUTCOMES:
        raise Invalid({"outcome": Refused("choice", N_("Choose one of the list."))})
    if len(note) > LONGEST_NOTE:
        too_long = Refused("too_long", N_("At most {limit} characters."), limit=LONGEST_NOTE)
        raise Invalid({"note": too_long})
    if outcome == "postponed":
        _check_time(again_at)


def _check_time(again_at: datetime | None) -> None:
    now = utcnow()
    if again_at is None or not now < again_at < now + outcomes.FARTHEST:
        ahead = N_("Choose a time ahead, within {days} days.")
        raise Invalid({"again_at": Refused("time", ahead, days=outcomes.FARTHEST.days)})


# --- what follows ---------------------------------------------------------------------------------


def _follow(
    order: Order, attempt: CallAttempt, by: Membership, again_at: datetime | None
) -> datetime | None:
    """The order moves or is due again: when, or None."""
    goes = OUTCOMES[attempt.outcome].goes
    if goes is not None:
        _move(order, _first(order, goes), attempt, by)
        return None
    session, now = db.session(), utcnow()
    merchant = session.get_one(Merchant, session.merchant_id)
    if attempt.outcome == "no_answer":
        again_at = _unanswered(order, attempt, merchant, by)
    elif attempt.outcome == "busy":
        again_at = outcomes.after_busy(merchant, now)
    order.call_due_at = again_at
    return again_at


def _unanswered(
    order: Order, attempt: CallAttempt, merchant: Merchant, by: Membership
) -> datetime | None:
    """Nobody answered: again later; too often: Unreachable, and tomorrow; ever again: never."""
    count = 1 + _unanswered_before(order)
    if count >= merchant.call_limit and order.state is not SystemState.UNREACHABLE:
        unreachable = _reachable_stage(order, SystemState.UNREACHABLE, by)
        if unreachable is not None:
            _move(order, unreachable, attempt, by)
    if order.state is SystemState.UNREACHABLE and count >= 2 * merchant.call_limit:
        return None
    return outcomes.after_no_answer(merchant, count, utcnow())


def _unanswered_before(order: Order) -> int:
    told = select(func.count()).where(
        CallAttempt.order_id == order.id, CallAttempt.outcome == "no_answer", stands()
    )
    return db.session().scalar(told) or 0


def _reachable_stage(order: Order, state: SystemState, by: Membership) -> Stage | None:
    allowed = pipeline.allowed(order, By.user(by))
    return next((stage for stage in allowed if stage.state is state), None)


def _first(order: Order, state: SystemState) -> Stage:
    """The stage of this state that comes first; the move itself says when it is not allowed."""
    if state is SystemState.CANCELLED:
        return duplicates.cancelled_stage(order)
    stages = order.stage.pipeline.stages
    found = next((s for s in stages if s.active and s.state is state), None)
    if found is None:
        raise Refused(
            "no_such_stage",
            N_("The pipeline has no stage for confirmed orders: a manager can add one."),
        )
    return found


def _move(order: Order, stage: Stage, attempt: CallAttempt, by: Membership) -> None:
    pipeline.move(
        order,
        stage,
        by=By.user(by),
        because={"attempt": str(attempt.id), "outcome": attempt.outcome},
        reason=attempt.outcome if stage.state is SystemState.CANCELLED else "",
    )

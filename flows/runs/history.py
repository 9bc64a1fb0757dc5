"""Looking back at runs: the list with its filters, one order's, one automation's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, tuple_
from sqlalchemy.orm import joinedload

from flows.errors import NotFound
from models import db
from models.automation import Automation, Run, RunState
from models.message import RANKS, Message, Sending
from models.order import Order

PAGE = 50
LONGEST = 300
"""How many rows a screen may ask again at once, however far somebody has scrolled."""

Place = tuple[datetime, UUID]
"""Where a run stands in the list: (created_at, id)."""


def find(run_id: UUID) -> Run:
    """The merchant's run, or NotFound."""
    wanted = select(Run).where(Run.id == run_id).options(*_shown())
    run = db.session().scalars(wanted).first()
    if run is None:
        raise NotFound
    return run


def listed(
    *,
    state: RunState | None = None,
    automation_id: UUID | None = None,
    number: int | None = None,
    since: datetime | None = None,
    to: datetime | None = None,
    before: Place | None = None,
    until: Place | None = None,
    limit: int = PAGE,
) -> Sequence[Run]:
    """Runs newest first, with all a page shows of them.

    `number`: of this order; `since` <= made < `to`. `before`: those below this place; `until`: all
    down to it, as far as one answer may go.
    """
    newest_first = (Run.created_at.desc(), Run.id.desc())
    wanted = select(Run).outerjoin(Run.message).options(*_shown()).order_by(*newest_first)
    if state is not None:
        wanted = wanted.where(_could_be(state), seen_as() == state.value)
    if automation_id is not None:
        wanted = wanted.where(Run.automation_id == automation_id)
    if number is not None:
        wanted = wanted.where(Run.order_id.in_(select(Order.id).where(Order.number == number)))
    if since is not None:
        wanted = wanted.where(Run.created_at >= since)
    if to is not None:
        wanted = wanted.where(Run.created_at < to)
    if before is not None:
        wanted = wanted.where(tuple_(Run.created_at, Run.id) < before)
    if until is not None:
        wanted = wanted.where(tuple_(Run.created_at, Run.id) >= until)
    return db.session().scalars(wanted.limit(limit if until is None else LONGEST)).all()


def _shown() -> tuple[Any, ...]:
    return (
        joinedload(Run.automation).joinedload(Automation.template),
        joinedload(Run.order).joinedload(Order.customer),
        joinedload(Run.message),
    )


def _could_be(state: RunState) -> ColumnElement[bool]:
    """What rules most other runs out without their messages: a rare state is found among many."""
    not_ended = and_(
        Run.failure.is_(None),
        Run.cancelled_at.is_(None),
        Run.replied_at.is_(None),
        Run.expired_at.is_(None),
    )
    on_its_way = or_(_sending(*WAITING), _sending(Sending.UNCERTAIN, Sending.HELD))
    return {
        RunState.SCHEDULED: or_(Run.due_at.is_not(None), on_its_way),
        RunState.SENT: not_ended,
        RunState.DELIVERED: not_ended,
        RunState.REPLIED: Run.replied_at.is_not(None),
        RunState.EXPIRED: Run.expired_at.is_not(None),
        RunState.CANCELLED: or_(
            Run.cancelled_at.is_not(None), Run.message_id.is_(None), _sending(Sending.DISCARDED)
        ),
        RunState.FAILED: or_(Run.failure.is_not(None), _sending(Sending.FAILED)),
    }[state]


WAITING = (Sending.QUEUED, Sending.CLAIMED, Sending.WAITING)
"""The states of ix_messages_unfinished; the other two of a message on its way have their own."""


def _sending(*states: Sending) -> ColumnElement[bool]:
    return Run.message_id.in_(select(Message.id).where(Message.sending.in_(states)))


def of_order(order: Order) -> Sequence[Run]:
    """What automations did for one order, oldest first."""
    wanted = select(Run).where(Run.order_id == order.id).order_by(Run.created_at, Run.id)
    loaded = wanted.options(joinedload(Run.automation), joinedload(Run.message))
    return db.session().scalars(loaded).all()


def failed_of(order: Order) -> Sequence[Run]:
    """The runs of this order that failed and nobody has dealt with; what was undone is over."""
    counts = and_(Run.order_id == order.id, Run.trigger != Run.id, Run.settled_at.is_(None))
    wanted: Select[Run] = select(Run).outerjoin(Run.message).where(counts)
    return db.session().scalars(wanted.where(seen_as() == RunState.FAILED.value)).all()


def counts() -> dict[UUID, int]:
    """How often each automation has run."""
    counted = select(Run.automation_id, func.count()).group_by(Run.automation_id)
    return {row[0]: row[1] for row in db.session().execute(counted)}


def seen_as() -> ColumnElement[str]:
    """Run.state in SQL; a test holds the two together."""
    put_aside = Message.sending.is_not_distinct_from(Sending.DISCARDED)
    failed = and_(
        or_(Message.failed_at.is_not(None), Message.sending == Sending.FAILED), ~put_aside
    )
    nothing = or_(Run.message_id.is_(None), Message.sending == Sending.DISCARDED)
    taken = or_(
        Message.sending == Sending.ACCEPTED,
        and_(Message.id.is_not(None), Message.sending.is_(None)),
    )
    return case(
        (Run.failure.is_not(None), RunState.FAILED.value),
        (Run.cancelled_at.is_not(None), RunState.CANCELLED.value),
        (Run.replied_at.is_not(None), RunState.REPLIED.value),
        (Run.expired_at.is_not(None), RunState.EXPIRED.value),
        (Message.rank >= RANKS["delivered"], RunState.DELIVERED.value),
        (and_(or_(failed, nothing), Run.due_at.is_not(None)), RunState.SCHEDULED.value),
        (failed, RunState.FAILED.value),
        (nothing, RunState.CANCELLED.value),
        (taken, RunState.SENT.value),
        else_=RunState.SCHEDULED.value,
    )

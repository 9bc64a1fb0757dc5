"""An order enters a stage: each of the stage's automations has its turn, at once or by a timer."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload, selectinload

from flows import hours, live, outbox
from flows.runs.addressing import at_hand
from flows.runs.attempts import attempt
from models import db
from models.automation import Automation, Run
from models.order import Order
from models.timeline import Entry
from models.types import new_id, utcnow


def start(order: Order, entry: Entry) -> None:
    """Every active automation of the stage that `entry` entered has run once for the order.

    What has to wait is Scheduled. One that cannot send is a failed Run that people see: the order
    moves on all the same. Hold the order before.
    """
    for automation in _automations(entry):
        run = _begin(automation, order, entry)
        if run is not None and run.due_at is None:
            attempt(run)


def _automations(entry: Entry) -> Sequence[Automation]:
    wanted = (
        select(Automation)
        .where(Automation.stage_id == entry.to_stage_id, Automation.active)
        .options(selectinload(Automation.buttons), joinedload(Automation.template))
        .order_by(Automation.created_at, Automation.id)
    )
    return db.session().scalars(wanted).all()


def _begin(automation: Automation, order: Order, entry: Entry) -> Run | None:
    """The Run, or None when this automation has already had its turn; the unique key has a say."""
    session = db.session()
    if not automation.retrigger and _had_its_turn(automation, order):
        return None
    now = utcnow()
    due_at = hours.due(automation, entry.at)
    waits = due_at > now
    # Another conversation than the order's is opened, and locked before the order, by the timers.
    by_timer = waits or at_hand(automation, order) is None
    run_id = session.scalar(
        insert(Run)
        .values(
            merchant_id=session.merchant_id,
            id=new_id(),
            automation_id=automation.id,
            order_id=order.id,
            entry_id=entry.id,
            trigger=entry.id if automation.retrigger else order.id,
            due_at=due_at if by_timer else None,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Run.id)
    )
    if run_id is None:
        return None
    live.changed("runs")
    if by_timer and not waits:
        outbox.wake("timers")
    return session.get(Run, (session.merchant_id, run_id))


def _had_its_turn(automation: Automation, order: Order) -> bool:
    """Whether it ran for this order, also while it might run again; what was undone did not."""
    ran = select(Run.id).where(
        Run.order_id == order.id, Run.automation_id == automation.id, Run.trigger != Run.id
    )
    return db.session().scalar(ran.limit(1)) is not None

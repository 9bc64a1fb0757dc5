"""The automations as people look at them: by stage, with what they did lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import joinedload, selectinload

from flows.errors import NotFound
from models import db
from models.automation import Automation, AutomationButton, Run
from models.message import Message, Sending
from models.order import Order
from models.pipeline import Stage
from models.timeline import Entry
from models.types import utcnow

LATELY = timedelta(days=30)


@dataclass(slots=True)
class Figures:
    """What an automation did in the last 30 days."""

    sent: int = 0
    answered: int = 0
    problem: Run | None = None
    """The newest send that failed."""


def listed() -> Sequence[Automation]:
    """Every automation, in the order of the stages."""
    wanted = (
        select(Automation)
        .join(Automation.stage)
        .options(
            joinedload(Automation.stage),
            joinedload(Automation.fallback_stage),
            joinedload(Automation.template),
            joinedload(Automation.channel),
            selectinload(Automation.buttons).joinedload(AutomationButton.stage),
        )
        .order_by(Stage.position, Automation.created_at, Automation.id)
    )
    return db.session().scalars(wanted).all()


def find(automation_id: UUID) -> Automation:
    """The merchant's automation, or NotFound."""
    wanted = select(Automation).where(Automation.id == automation_id)
    automation = db.session().scalars(wanted).first()
    if automation is None:
        raise NotFound
    return automation


def samples(limit: int = 20) -> Sequence[Order]:
    """The newest orders, for a preview on a real one."""
    newest = select(Order).order_by(Order.number.desc()).limit(limit)
    return db.session().scalars(newest.options(joinedload(Order.customer))).all()


def figures() -> dict[UUID, Figures]:
    """Automation → what it did in the last 30 days; one that did nothing is not in there."""
    since = utcnow() - LATELY
    counted = (
        select(Run.automation_id, func.count(Run.message_id), func.count(Run.replied_at))
        .where(Run.created_at >= since)
        .group_by(Run.automation_id)
    )
    found = {row[0]: Figures(row[1], row[2]) for row in db.session().execute(counted)}
    for run in _problems(since):
        found[run.automation_id].problem = run
    return found


def _problems(since: datetime) -> Sequence[Run]:
    failed = or_(
        Run.failure.is_not(None),
        Message.failed_at.is_not(None),
        Message.sending == Sending.FAILED,
    )
    newest = (
        select(Run)
        .ext(distinct_on(Run.automation_id))
        .outerjoin(Run.message)
        .where(Run.created_at >= since, failed)
        .order_by(Run.automation_id, Run.created_at.desc(), Run.id.desc())
        .options(joinedload(Run.message))
    )
    return db.session().scalars(newest).all()


def entered(stage: Stage) -> int:
    """How many orders came onto the stage in the last 30 days."""
    came = select(func.count(Entry.order_id.distinct())).where(
        Entry.to_stage_id == stage.id,
        Entry.id >= _first_id_of(LATELY),
        Entry.at >= utcnow() - LATELY,
    )
    return db.session().scalar(came) or 0


def _first_id_of(lately: timedelta) -> UUID:
    # Our ids begin with the time they were made (UUIDv7), so the primary key is an index by time.
    milliseconds = int((utcnow() - lately).timestamp() * 1000)
    return UUID(int=milliseconds << 80)

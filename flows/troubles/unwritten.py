"""Runs that could not write their message, by cause, and one by one: asked of ix_runs_failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import joinedload

from flows.errors import NotFound
from flows.troubles.looking import MOST, Place, span
from models import db
from models.automation import Automation, Run
from models.order import Order


@dataclass(slots=True)
class RunGroup:
    """Runs that could not write their message for the same reason."""

    cause: str
    """A key of flows.runs.FAILURES."""
    count: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    automations: Counter[UUID] = field(default_factory=Counter)

    def add(self, row: Any) -> None:
        self.count += row.many
        self.oldest = min(filter(None, (self.oldest, row.oldest)))
        self.newest = max(filter(None, (self.newest, row.newest)))
        self.automations[row.automation_id] += row.many


@dataclass(frozen=True, slots=True)
class RunNarrow:
    """Which runs of a cause."""

    cause: str
    automation_id: UUID | None = None

    def _where(self) -> ColumnElement[bool]:
        wanted = _FAILED & (Run.failure == self.cause)
        if self.automation_id is not None:
            wanted &= Run.automation_id == self.automation_id
        return wanted


# What was undone is over: its trigger is itself.
_FAILED: ColumnElement[bool] = (
    Run.failure.is_not(None) & Run.settled_at.is_(None) & (Run.trigger != Run.id)
)


def run_groups() -> list[RunGroup]:
    """By how many."""
    return sorted(_runs_grouped(_FAILED), key=lambda group: -group.count)


def run_group_of(which: RunNarrow) -> RunGroup:
    return next(iter(_runs_grouped(which._where())), RunGroup(which.cause))


def _runs_grouped(which: ColumnElement[bool]) -> list[RunGroup]:
    kind = (Run.failure, Run.automation_id)
    found: dict[str, RunGroup] = {}
    counted = select(*kind, *span(Run.created_at)).where(which).group_by(*kind)
    for row in db.session().execute(counted):
        found.setdefault(row.failure, RunGroup(row.failure)).add(row)
    return list(found.values())


def listed_runs(which: RunNarrow, *, before: Place | None = None, limit: int) -> Sequence[Run]:
    """The newest first; those below `before`."""
    wanted = (
        select(Run)
        .where(which._where())
        .order_by(Run.created_at.desc(), Run.id.desc())
        .options(
            joinedload(Run.automation).joinedload(Automation.template),
            joinedload(Run.order).joinedload(Order.stage),
        )
    )
    if before is not None:
        wanted = wanted.where(tuple_(Run.created_at, Run.id) < before)
    return db.session().scalars(wanted.limit(limit)).all()


def pick_runs(which: RunNarrow | Collection[UUID]) -> Select[UUID]:
    """Their ids, for a bulk."""
    if isinstance(which, RunNarrow):
        return select(Run.id).where(which._where())
    return select(Run.id).where(Run.id.in_(which), _FAILED)


def find_run(run_id: UUID) -> Run:
    """The merchant's run, or NotFound."""
    found = db.session().scalars(select(Run).where(Run.id == run_id)).first()
    if found is None:
        raise NotFound
    return found


def total_runs(which: RunNarrow) -> int:
    """How many there are of these."""
    counted = select(func.count()).select_from(Run).where(which._where())
    return db.session().scalar(counted) or 0


def count_runs() -> int:
    """How many wait for somebody, up to MOST."""
    some = select(Run.id).where(_FAILED).limit(MOST).subquery()
    return db.session().scalar(select(func.count()).select_from(some)) or 0

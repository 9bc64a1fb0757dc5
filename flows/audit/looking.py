"""Looking into the audit: newest first, by person, by room, by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select, tuple_

from models import db
from models.audit import AuditEntry
from models.user import Membership

PAGE = 50

Place = tuple[datetime, UUID]
"""Where a line stands: (at, id)."""


def wanted(
    *,
    person: UUID | None = None,
    room: str = "",
    since: datetime | None = None,
    to: datetime | None = None,
) -> Select[AuditEntry]:
    """The lines that fit, newest first. `person`: what they did and what was done to them."""
    newest_first = (AuditEntry.at.desc(), AuditEntry.id.desc())
    lines = select(AuditEntry).order_by(*newest_first)
    if person is not None:
        lines = lines.where(or_(AuditEntry.by_id == person, AuditEntry.on_id == person))
    if room:
        lines = lines.where(AuditEntry.room == room)
    if since is not None:
        lines = lines.where(AuditEntry.at >= since)
    if to is not None:
        lines = lines.where(AuditEntry.at < to)
    return lines


def listed(lines: Select[AuditEntry], *, before: Place | None = None) -> Sequence[AuditEntry]:
    """A page of them, below `before` where somebody has read down to it."""
    if before is not None:
        lines = lines.where(tuple_(AuditEntry.at, AuditEntry.id) < before)
    return db.session().scalars(lines.limit(PAGE)).all()


def people() -> Sequence[Membership]:
    """Everybody who is or was in the team, by name."""
    everyone = select(Membership).order_by(Membership.disabled_at.isnot(None), Membership.name)
    return db.session().scalars(everyone).all()

"""AuditEntry: who changed, exported or opened what, when and from where. Append-only."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, ref
from models.types import utcnow


class AuditEntry(Row):
    """One line of the audit; names are copies, as they were that day. Never a secret in it."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "merchant_id", "at", "id"),
        Index(None, "merchant_id", "room", "at", "id"),
        Index(None, "merchant_id", "by_id", "at", "id"),
    )

    at: Mapped[datetime] = mapped_column(default=utcnow)
    room: Mapped[str]
    """The first word of `kind`, to look for all that happened there."""
    kind: Mapped[str]
    """door.in, pipeline.stage_added, exports.orders, …"""
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    by_name: Mapped[str]
    """Empty: Wasl itself, or whoever runs it."""
    ip: Mapped[str]
    agent: Mapped[str]
    """What the browser says it is."""
    on: Mapped[str]
    """What it was done to, by the name it had."""
    on_id: Mapped[UUID | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]

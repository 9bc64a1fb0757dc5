"""View: a way to look at the table of orders that somebody keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, ref
from models.types import utcnow


class View(Row):
    """Filters and columns under a name; of one person, or of everybody when nobody owns it."""

    __tablename__ = "views"
    __table_args__ = (Index(None, "merchant_id", "member_id", "name"),)

    member_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="CASCADE")
    name: Mapped[str]
    filters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    columns: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

"""Errand: something to ask or tell Meta about a number."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.channel import Channel
from models.db import Row, one, ref
from models.message import Sending
from models.types import utcnow


class Errand(Row):
    """Something to ask or tell Meta about a number: a row that the worker carries out (D6).

    `act`: look (what is true of it there), profile (what customers see of it, changed) or form
    (its address form, published).
    """

    __tablename__ = "errands"
    __table_args__ = (
        Index(
            "uq_errands_open",
            "merchant_id",
            "channel_id",
            "act",
            unique=True,
            postgresql_where=text("done_at IS NULL"),
        ),
        Index(None, "merchant_id", "channel_id"),
        Index("ix_errands_due", "due_at", postgresql_where=text("done_at IS NULL")),
    )

    channel_id: Mapped[UUID] = ref("channels", ondelete="CASCADE")
    act: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What to tell Meta."""
    media_id: Mapped[UUID | None] = ref("media", nullable=True, ondelete="SET NULL")
    sending: Mapped[Sending] = mapped_column(default=Sending.QUEUED)
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None]
    """Why it failed or waits: a word of flows/channels/errands.py."""
    words: Mapped[str | None]
    """Meta's own, for people."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    done_at: Mapped[datetime | None]

    channel: Mapped[Channel] = one("Channel")

    @property
    def open(self) -> bool:
        return self.done_at is None

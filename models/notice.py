"""Notice: what Meta says of a number or an account, and somebody should act on."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.channel import Channel
from models.db import Row, one, ref
from models.types import utcnow


class Notice(Row):
    """Something about a number or an account that somebody should act on, until it is seen to.

    One of each kind for each number or account: the newest word replaces the one before.
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index(
            "uq_notices_open",
            "merchant_id",
            "about",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    channel_id: Mapped[UUID | None] = ref("channels", nullable=True, ondelete="CASCADE")
    about: Mapped[str]
    """The number's or the account's id at Meta."""
    kind: Mapped[str]
    """Which sentence says it (inbox/channels/notices.py)."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    ended_at: Mapped[datetime | None]
    """Dismissed by a person, or no longer true."""
    ended_by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")

    channel: Mapped[Channel | None] = one("Channel")

"""Conversation: assignee, unread, the 24-hour window; Activity: what happens between bubbles."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.channel import Channel
from models.customer import WhatsAppIdentity
from models.db import Row, one, ref
from models.team import Team
from models.types import utcnow
from models.user import Membership

WINDOW = timedelta(hours=24)


class Conversation(Row):
    """One per channel and identity. What the list shows is kept here, so that it needs no join."""

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("merchant_id", "channel_id", "identity_id"),
        Index(
            "ix_conversations_recent",
            "merchant_id",
            text("last_message_at DESC"),
            text("id DESC"),
        ),
        Index(
            "ix_conversations_unread",
            "merchant_id",
            text("last_message_at DESC"),
            text("id DESC"),
            postgresql_where=text("unread > 0"),
        ),
        Index(
            "ix_conversations_assignee",
            "merchant_id",
            "assignee_id",
            text("last_message_at DESC"),
            text("id DESC"),
        ),
        Index(
            None,
            "merchant_id",
            "team_id",
            postgresql_where=text("team_id IS NOT NULL"),
        ),
        Index(
            "ix_conversations_unanswered",
            "merchant_id",
            text("last_message_at DESC"),
            text("id DESC"),
            postgresql_where=text("last_direction = 'in'"),
        ),
        Index(None, "merchant_id", "identity_id"),
    )

    channel_id: Mapped[UUID] = ref("channels")
    identity_id: Mapped[UUID] = ref("whatsapp_identities")
    assignee_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    team_id: Mapped[UUID | None] = ref("teams", nullable=True, ondelete="SET NULL")
    """Whose it is while nobody of them has taken it."""
    unread: Mapped[int] = mapped_column(default=0)
    muted: Mapped[bool] = mapped_column(default=False)
    """A blocked customer's: what they write is kept, and nobody is called to it."""
    last_inbound_at: Mapped[datetime | None]
    """Meta's time of the customer's last message: the window counts from it, not from our clock."""
    last_message_at: Mapped[datetime] = mapped_column(default=utcnow)
    last_message_id: Mapped[UUID | None]
    last_direction: Mapped[str | None]
    last_preview: Mapped[str] = mapped_column(default="")
    last_kind: Mapped[str] = mapped_column(default="")
    search_text: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    channel: Mapped[Channel] = one("Channel")
    identity: Mapped[WhatsAppIdentity] = one("WhatsAppIdentity")
    assignee: Mapped[Membership | None] = one("Membership", via="assignee_id")
    team: Mapped[Team | None] = one("Team")

    @property
    def window_closes_at(self) -> datetime | None:
        return self.last_inbound_at + WINDOW if self.last_inbound_at else None

    @property
    def window_open(self) -> bool:
        """Whether free text is allowed; Meta refuses it (131047) after 24 hours of silence."""
        closes = self.window_closes_at
        return closes is not None and utcnow() < closes


class Activity(Row):
    """A small line in the thread: assigned, order created, order moved, tap too late."""

    __tablename__ = "activities"
    __table_args__ = (Index(None, "merchant_id", "conversation_id", "at"),)

    conversation_id: Mapped[UUID] = ref("conversations", ondelete="CASCADE")
    kind: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    actor_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    at: Mapped[datetime] = mapped_column(default=utcnow)

    actor: Mapped[Membership | None] = one("Membership", via="actor_id")

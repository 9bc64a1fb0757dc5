"""Channel: one WhatsApp number, its messaging account, its credentials; what Meta says of them."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, one, ref
from models.sealed import seal, unseal
from models.types import utcnow


class ChannelState(enum.StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"


class Channel(Row):
    """A number customers write to. `phone_number_id` and `waba_id` are Meta's, never derived."""

    __tablename__ = "channels"
    __table_args__ = (
        Index("uq_channels_phone_number_id", "phone_number_id", unique=True),
        Index(None, "waba_id"),
    )

    name: Mapped[str]
    phone_number_id: Mapped[str]
    waba_id: Mapped[str]
    display_phone_number: Mapped[str]
    country: Mapped[str]
    """Region for reading national phone numbers (ISO 3166)."""
    currency: Mapped[str] = mapped_column(default="USD")
    """What Meta bills this messaging account in."""
    time_zone: Mapped[str] = mapped_column(default="Africa/Casablanca")
    """The messaging account's own, in which Meta counts days and months."""
    state: Mapped[ChannelState] = mapped_column(default=ChannelState.ACTIVE)
    pause_reason: Mapped[str | None]
    sealed_token: Mapped[bytes | None]
    templates_due_at: Mapped[datetime | None] = mapped_column(default=utcnow)
    """When to ask Meta for the templates of its account again."""
    reckoning_due_at: Mapped[datetime | None] = mapped_column(default=utcnow)
    """When to ask Meta again what it charged in the last days."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    @property
    def token(self) -> str:
        if self.sealed_token is None:
            return ""
        return unseal(
            self.sealed_token,
            merchant_id=self.merchant_id,
            place="channels.token",
            row_id=self.id,
        )

    @token.setter
    def token(self, secret: str) -> None:
        """Needs `merchant_id` set: the secret is bound to the row it is kept in."""
        self.sealed_token = seal(
            secret, merchant_id=self.merchant_id, place="channels.token", row_id=self.id
        )


class ChannelEvent(Row):
    """Something Meta said about a number, an account, a template or a call; kept as it was said."""

    __tablename__ = "channel_events"
    __table_args__ = (
        UniqueConstraint("merchant_id", "key"),
        Index(None, "merchant_id", "at"),
    )

    channel_id: Mapped[UUID | None] = ref("channels", nullable=True, ondelete="CASCADE")
    waba_id: Mapped[str | None]
    field: Mapped[str]
    kind: Mapped[str]
    key: Mapped[str]
    """Hash of the canonical change: the same news twice is one row."""
    payload: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=utcnow)

    channel: Mapped[Channel | None] = one("Channel")

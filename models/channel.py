"""Channel: one WhatsApp number, its messaging account, its credentials; what Meta says of them."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, one, ref
from models.sealed import seal, unseal
from models.types import utcnow


class ChannelState(enum.StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"


BY_A_PERSON = "person"
"""The pause reason of a number that somebody of the team paused; else one of flows/verdicts."""


class Channel(Row):
    """A number customers write to. `phone_number_id` and `waba_id` are Meta's, never derived."""

    __tablename__ = "channels"
    __table_args__ = (
        # Whoever types a number without being able to prove it keeps it from nobody.
        Index(
            "uq_channels_phone_number_id",
            "phone_number_id",
            unique=True,
            postgresql_where=text("proven_at IS NOT NULL"),
        ),
        Index(None, "merchant_id", "phone_number_id", unique=True),
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
    """While it is paused: BY_A_PERSON, or why Meta lets nothing leave (token, permission)."""
    sealed_token: Mapped[bytes | None]
    sealed_app_secret: Mapped[bytes | None]
    """Of an app of the merchant's own, which signs its webhooks; None: the install's app does."""
    templates_due_at: Mapped[datetime | None] = mapped_column(default=utcnow)
    """When to ask Meta for the templates of its account again."""
    templates_problem: Mapped[str | None]
    """Why the last fetch of its templates brought nothing."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What Meta said at the last look (flows/channels/facts.py names them all)."""
    profile: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What customers see of it: about, address, description, email, websites."""
    proven_at: Mapped[datetime | None]
    """When its token opened it at Meta, or the install's own people added it. Before that nothing
    that Meta says of the number comes here: anybody can type somebody else's."""
    looked_at: Mapped[datetime | None]
    """When Meta last answered about it."""
    heard_at: Mapped[datetime | None]
    """When the first webhook about it was read."""
    reckoning_due_at: Mapped[datetime | None] = mapped_column(default=utcnow)
    """When to ask Meta again what it charged in the last days."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    @property
    def token(self) -> str:
        return self._opened(self.sealed_token, "channels.token")

    @token.setter
    def token(self, secret: str) -> None:
        """Needs `merchant_id` set: the secret is bound to the row it is kept in."""
        self.sealed_token = self._closed(secret, "channels.token")

    @property
    def app_secret(self) -> str:
        return self._opened(self.sealed_app_secret, "channels.app_secret")

    @app_secret.setter
    def app_secret(self, secret: str) -> None:
        self.sealed_app_secret = self._closed(secret, "channels.app_secret") if secret else None

    @property
    def digits(self) -> str:
        """Its number as wa.me wants it."""
        return "".join(filter(str.isdecimal, self.display_phone_number))

    def _opened(self, sealed: bytes | None, place: str) -> str:
        if sealed is None:
            return ""
        return unseal(sealed, merchant_id=self.merchant_id, place=place, row_id=self.id)

    def _closed(self, secret: str, place: str) -> bytes:
        return seal(secret, merchant_id=self.merchant_id, place=place, row_id=self.id)


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

"""Form: the address form of a number in WhatsApp Flows, its keys, how far it is at Meta."""

from __future__ import annotations

import enum
from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.channel import Channel
from models.db import Row, one, ref
from models.sealed import seal, unseal
from models.types import utcnow

KEY = "forms.private_key"


class FormState(enum.StrEnum):
    """How it stands at Meta; none: it has keys, and Meta has no form of it yet."""

    NONE = "none"
    DRAFTED = "drafted"
    PUBLISHED = "published"
    THROTTLED = "throttled"
    """Meta lets ten an hour be opened: the endpoint was slow or away."""
    BLOCKED = "blocked"
    DEPRECATED = "deprecated"


class Form(Row):
    """One per number: what is typed into it is encrypted for the number's own key."""

    __tablename__ = "forms"
    __table_args__ = (UniqueConstraint("merchant_id", "channel_id"),)

    channel_id: Mapped[UUID] = ref("channels", ondelete="CASCADE")
    sealed_private_key: Mapped[bytes]
    """PEM, RSA with 2048 bits."""
    public_key: Mapped[str]
    """PEM, as Meta keeps it."""
    fingerprint: Mapped[str]
    """SHA-256 of the public key, for people to compare."""
    key_taken_at: Mapped[datetime | None]
    """When Meta took the public key."""
    flow_id: Mapped[str | None]
    state: Mapped[FormState] = mapped_column(default=FormState.NONE)
    version: Mapped[str | None]
    """Of the screens that Meta has: begins the hash of their JSON."""
    endpoint: Mapped[str | None]
    """Where Meta sends what is typed."""
    problem: Mapped[str | None]
    """Why it was not published the last time somebody asked: a word of flows/channels/errands."""
    words: Mapped[str | None]
    """Meta's own, for people."""
    published_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    channel: Mapped[Channel] = one("Channel")

    @property
    def private_key(self) -> str:
        sealed, merchant_id = self.sealed_private_key, self.merchant_id
        return unseal(sealed, merchant_id=merchant_id, place=KEY, row_id=self.id)

    @private_key.setter
    def private_key(self, pem: str) -> None:
        """Needs `merchant_id` set: the secret is bound to the row it is kept in."""
        merchant_id = self.merchant_id
        self.sealed_private_key = seal(pem, merchant_id=merchant_id, place=KEY, row_id=self.id)

    @property
    def usable(self) -> bool:
        """Whether customers can open it; a throttled one only a few of them."""
        return self.state is FormState.PUBLISHED and self.flow_id is not None

"""Mail: one e-mail that leaves, or has left."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row
from models.sealed import seal, unseal
from models.types import utcnow


class MailState(enum.StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"


class Mail(Row):
    """Its text is sealed, for it holds a link that opens a door, and is forgotten once it left."""

    __tablename__ = "mails"
    __table_args__ = (
        Index(
            "ix_mails_due",
            "merchant_id",
            "due_at",
            postgresql_where=text("state IN ('queued', 'claimed')"),
        ),
    )

    recipient: Mapped[str]
    subject: Mapped[str]
    sealed_text: Mapped[bytes | None]
    state: Mapped[MailState] = mapped_column(default=MailState.QUEUED)
    attempt: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    """When it may be tried, or until when a worker has it."""
    reason: Mapped[str] = mapped_column(default="")
    """Why it failed, in the words of the mail server."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    sent_at: Mapped[datetime | None]

    @property
    def text(self) -> str:
        sealed = self.sealed_text or b""
        place = {"merchant_id": self.merchant_id, "place": "mails.text", "row_id": self.id}
        return unseal(sealed, **place)  # type: ignore[arg-type]

    @text.setter
    def text(self, plain: str) -> None:
        place = {"merchant_id": self.merchant_id, "place": "mails.text", "row_id": self.id}
        self.sealed_text = seal(plain, **place)  # type: ignore[arg-type]

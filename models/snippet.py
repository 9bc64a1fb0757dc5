"""Snippet: a text or a file kept to be sent again and again, under a short name."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, one, ref
from models.message import Media
from models.search import words
from models.types import utcnow


class Snippet(Row):
    """What an agent has after typing "/" and a few letters of its name."""

    __tablename__ = "snippets"
    __table_args__ = (
        UniqueConstraint("merchant_id", "name"),
        Index(None, "merchant_id", "media_id"),
    )

    name: Mapped[str]
    """Small letters, digits, - and _: what is typed after the stroke."""
    text: Mapped[str] = mapped_column(default="")
    media_id: Mapped[UUID | None] = ref("media", nullable=True)
    search_text: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    media: Mapped[Media | None] = one("Media")

    def index(self) -> None:
        """Make name and text findable; call after either of them changed."""
        self.search_text = " ".join(words(f"{self.name} {self.text}"))

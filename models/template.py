"""MessageTemplate: Meta's state, category, language, variables and buttons of a ready message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, ref
from models.message import Sending
from models.types import utcnow

VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Variable:
    """One blank of a template: in which part ("header", "body", "button:1") and its name ("1")."""

    part: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.part}.{self.name}"


@dataclass(frozen=True, slots=True)
class Button:
    index: int
    kind: str
    """Meta's type in small letters: quick_reply, url, phone_number, copy_code, …"""
    text: str
    url: str | None = None


class MessageTemplate(Row):
    """A template of one messaging account in one language."""

    __tablename__ = "message_templates"
    __table_args__ = (
        UniqueConstraint("merchant_id", "waba_id", "name", "language"),
        Index(
            "ix_message_templates_outbox",
            "merchant_id",
            "due_at",
            postgresql_where=text("sending IN ('queued', 'claimed', 'waiting')"),
        ),
    )

    waba_id: Mapped[str]
    meta_id: Mapped[str | None]
    name: Mapped[str]
    language: Mapped[str]
    category: Mapped[str]
    """marketing, utility or authentication: what Meta decided, not what was asked."""
    state: Mapped[str]
    """Meta's status in small letters; only "approved" may be sent."""
    named: Mapped[bool] = mapped_column(default=False)
    components: Mapped[list[Any]] = mapped_column(default=list)
    reason: Mapped[str | None]
    quality: Mapped[str | None]
    synced_at: Mapped[datetime] = mapped_column(default=utcnow)
    media_id: Mapped[UUID | None] = ref("media", nullable=True, ondelete="SET NULL")
    """The picture, film or file of its header: Meta's sample, and what customers are sent."""
    next_category: Mapped[str | None]
    """What Meta announced it will charge it as."""
    recategorised_from: Mapped[str | None]
    """What it was charged as before Meta changed its mind, until somebody has seen it."""

    # What a person wrote and Meta has not seen yet; it leaves like a message, by a row.
    draft: Mapped[dict[str, Any] | None]
    """{"category", "components", "media_id"?}; None when there is nothing to submit."""
    sending: Mapped[Sending | None]
    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(SmallInteger, default=0)
    problem: Mapped[str | None]
    """Why the last submission failed, in Meta's words."""

    @property
    def approved(self) -> bool:
        return self.state == "approved"

    def part(self, kind: str) -> dict[str, Any]:
        """The HEADER, BODY, FOOTER or BUTTONS component as Meta gave it; empty when it has none."""
        found = (c for c in self.components if str(c.get("type", "")).upper() == kind)
        return next(found, {})

    @property
    def body(self) -> str:
        return str(self.part("BODY").get("text", ""))

    @property
    def header(self) -> str:
        """The header's text; empty for a media header or none."""
        return str(self.part("HEADER").get("text", ""))

    @property
    def footer(self) -> str:
        return str(self.part("FOOTER").get("text", ""))

    @property
    def buttons(self) -> list[Button]:
        return [
            Button(
                index,
                str(b.get("type", "")).lower(),
                str(b.get("text", "")),
                b.get("url"),
            )
            for index, b in enumerate(self.part("BUTTONS").get("buttons", []))
        ]

    @property
    def variables(self) -> list[Variable]:
        """Every blank in the order it is read: header, body, URL buttons."""
        parts = [("header", self.header), ("body", self.body)]
        parts += [(f"button:{b.index}", b.url or "") for b in self.buttons]
        return [
            Variable(part, name)
            for part, text in parts
            for name in dict.fromkeys(VARIABLE.findall(text))
        ]

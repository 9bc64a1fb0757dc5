"""MessageTemplate: Meta's state, category, language, variables and buttons of a ready message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, ref
from models.message import Sending
from models.types import utcnow

RETURNING = ("paused", "pending", "in_appeal")
"""States after which Meta may approve it again: what was to leave with it is held so long."""
VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Variable:
    """One blank of a template: in which part ("header", "body", "button:1") and its name ("1")."""

    part: str
    name: str
    beside: bool = False
    """Whether no text has it: a place, a code, a link that Meta wants beside the words."""

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
    card_media: Mapped[list[Any] | None]
    """The files of a carousel's cards, by id and in their order."""
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

    @property
    def may_return(self) -> bool:
        """Whether it cannot be sent now, but perhaps again."""
        return self.state in RETURNING

    def part(self, kind: str) -> dict[str, Any]:
        """The HEADER, BODY, FOOTER or BUTTONS component as Meta gave it; empty when it has none."""
        return _part(self.components, kind)

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
        return card_buttons(self.components)

    @property
    def cards(self) -> list[list[dict[str, Any]]]:
        """The components of each card of a carousel; empty for any other template."""
        found = self.part("CAROUSEL").get("cards")
        cards = found if isinstance(found, list) else []
        return [card.get("components") or [] for card in cards if isinstance(card, dict)]

    @property
    def offer(self) -> dict[str, Any]:
        """{"text", "has_expiration"} of a limited-time offer; empty for any other template."""
        found = self.part("LIMITED_TIME_OFFER").get("limited_time_offer")
        return found if isinstance(found, dict) else {}

    @property
    def variables(self) -> list[Variable]:
        """Every blank in the order it is read: header, body, offer, buttons, then cards.

        Most are words in a text; others are what Meta wants beside it: the place of a header, a
        coupon's code, the end of an offer, the products of a list, the picture of a card.
        """
        found = list(_blanks(self.components))
        if self.offer.get("has_expiration"):
            found.append(Variable("offer", "until", beside=True))
        for index, card in enumerate(self.cards):
            ours = index < len(self.card_media or ())
            found += _blanks(card, f"card:{index}.", pictured=ours)
        return found


PLACE = ("latitude", "longitude", "name", "address")
# Meta's type of a button → what it wants to be told when it is sent.
TOLD = {"copy_code": "code", "mpm": "products"}


def _part(components: list[Any], kind: str) -> dict[str, Any]:
    return next((c for c in components if str(c.get("type", "")).upper() == kind), {})


def card_buttons(components: list[Any]) -> list[Button]:
    """The buttons among these components: a template's, or one card's."""
    return [
        Button(index, str(b.get("type", "")).lower(), str(b.get("text", "")), b.get("url"))
        for index, b in enumerate(_part(components, "BUTTONS").get("buttons", []))
    ]


def _blanks(components: list[Any], card: str = "", *, pictured: bool = False) -> Iterator[Variable]:
    header, body = _part(components, "HEADER"), _part(components, "BODY")
    shape = str(header.get("format", "TEXT")).upper()
    if shape == "LOCATION":
        yield from (Variable(f"{card}header", name, beside=True) for name in PLACE)
    elif card and header and not pictured:
        yield Variable(f"{card}header", "link", beside=True)
    yield from _named(f"{card}header", header.get("text"))
    yield from _named(f"{card}body", body.get("text"))
    for button in card_buttons(components):
        yield from _named(f"{card}button:{button.index}", button.url)
        if told := TOLD.get(button.kind):
            yield Variable(f"{card}button:{button.index}", told, beside=True)


def _named(part: str, text: Any) -> Iterator[Variable]:
    names = dict.fromkeys(VARIABLE.findall(str(text or "")))
    yield from (Variable(part, name) for name in names)

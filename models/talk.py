"""Bot and what customers and it say: Talk, Turn, Draft; the merchant's answers and words."""

from __future__ import annotations

import enum
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.channel import Channel
from models.conversation import Conversation
from models.db import Row, one, ref
from models.types import utcnow
from models.user import Membership

BY_PEOPLE = "person"
"""Why the bot keeps out where somebody of the team took the conversation over."""


class OrderRule(enum.StrEnum):
    """What becomes of an order that a customer has put together with the bot."""

    DRAFT = "draft"
    """It waits for an agent, who looks and accepts."""
    ORDER = "order"
    """The customer's own confirmation makes it an order on the first stage."""
    NONE = "none"
    """The bot takes no orders: it hands over."""


class Bot(Row):
    """How the bot of one number behaves; a number without a row has none."""

    __tablename__ = "bots"
    __table_args__ = (UniqueConstraint("merchant_id", "channel_id"),)

    channel_id: Mapped[UUID] = ref("channels", ondelete="CASCADE")
    active: Mapped[bool] = mapped_column(default=False)
    speaks_from: Mapped[time | None]
    speaks_until: Mapped[time | None]
    """On the merchant's clock; None of both: at any hour."""
    formal: Mapped[bool] = mapped_column(default=False)
    """Whether it speaks without emoji and at a distance."""
    texts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What the merchant says otherwise: {"greeting": {"fr": …, "ar": …}}."""
    menu: Mapped[list[str]] = mapped_column(default=list)
    order_rule: Mapped[OrderRule] = mapped_column(default=OrderRule.DRAFT)
    confirms: Mapped[bool] = mapped_column(default=True)
    """Whether "wakha" does what the button of an automation's question does."""
    silence_hours: Mapped[int] = mapped_column(SmallInteger, default=12)
    """How long it keeps out of a conversation after a person wrote in it."""
    paid: Mapped[bool] = mapped_column(default=True)
    """Whether it goes on once the month's free messages are used up."""
    days_from: Mapped[int | None] = mapped_column(SmallInteger)
    days_until: Mapped[int | None] = mapped_column(SmallInteger)
    """Days a parcel usually takes; None: it promises nothing."""
    catalogue_id: Mapped[str] = mapped_column(default="")
    """Of the catalogue that Meta keeps, for product messages; "": pictures and lists."""
    forms: Mapped[bool] = mapped_column(default=False)
    """Whether it asks for the address with a form, where one is published."""

    channel: Mapped[Channel] = one("Channel")

    @property
    def open_always(self) -> bool:
        return self.speaks_from is None or self.speaks_until is None

    def speaks_at(self, local: time) -> bool:
        """Whether it speaks at this hour of the merchant's clock, perhaps over midnight."""
        start, end = self.speaks_from, self.speaks_until
        if start is None or end is None:
            return True
        return start <= local < end if start <= end else local >= start or local < end


class Question(Row):
    """Something customers ask, and what the merchant answers, in their language."""

    __tablename__ = "questions"
    __table_args__ = (Index(None, "merchant_id", "position"),)

    name: Mapped[str]
    """What it is about; a row of the menu of questions."""
    keywords: Mapped[list[str]] = mapped_column(default=list)
    """Words or phrases of which one is enough."""
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """{"fr": …, "ar": …, "en": …}; a language that is missing is answered in French."""
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)


class Phrase(Row):
    """What a merchant taught: these words mean this intent."""

    __tablename__ = "phrases"
    __table_args__ = (UniqueConstraint("merchant_id", "folded"),)

    text: Mapped[str]
    folded: Mapped[str]
    intent: Mapped[str]
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    by: Mapped[Membership | None] = one("Membership", via="by_id")


class Talk(Row):
    """Where bot and customer are in a conversation; one per conversation."""

    __tablename__ = "talks"
    __table_args__ = (
        UniqueConstraint("merchant_id", "conversation_id"),
        Index("ix_talks_due", "merchant_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    conversation_id: Mapped[UUID] = ref("conversations", ondelete="CASCADE")
    language: Mapped[str | None]
    """fr, ar, darija or en: as the customer wrote last."""
    step: Mapped[str] = mapped_column(default="")
    """What the bot asked last and waits for; "": nothing."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The order that is being put together, and what the step needs to know."""
    facts_at: Mapped[datetime | None]
    """When a half-done order was last touched: it lasts a day."""
    misses: Mapped[int] = mapped_column(SmallInteger, default=0)
    """How often in a row it did not understand."""
    seen_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    """Up to which message of the conversation it has listened."""
    waiting_since: Mapped[datetime | None]
    """Since when the customer has been writing what is not answered yet."""
    due_at: Mapped[datetime | None]
    """When they have stopped typing, as far as one can tell."""
    silent_until: Mapped[datetime | None]
    """A person has the conversation, or shall: the bot keeps out."""
    back_at: Mapped[datetime | None]
    """When a person gave it back: what people did before keeps the bot out no longer."""
    left_because: Mapped[str | None]
    """Why it stepped aside: human, anger, complaint, misses, file, loop, person, …"""

    conversation: Mapped[Conversation] = one("Conversation")


class Turn(Row):
    """One answer of the bot, or why it stepped aside: what it heard and how it understood it."""

    __tablename__ = "turns"
    __table_args__ = (
        Index(None, "merchant_id", "at", "id"),
        Index(None, "merchant_id", "conversation_id", "at"),
        Index(
            "ix_turns_missed",
            "merchant_id",
            "at",
            postgresql_where=text("did = 'not_understood'"),
        ),
    )

    conversation_id: Mapped[UUID] = ref("conversations", ondelete="CASCADE")
    channel_id: Mapped[UUID] = ref("channels", ondelete="CASCADE")
    heard_id: Mapped[UUID | None] = ref("messages", nullable=True, ondelete="SET NULL")
    """The last message it heard."""
    heard: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    intent: Mapped[str] = mapped_column(default="")
    confidence: Mapped[float] = mapped_column(default=0.0)
    rule: Mapped[str] = mapped_column(default="")
    """Which words decided."""
    entities: Mapped[list[Any]] = mapped_column(default=list)
    step: Mapped[str] = mapped_column(default="")
    """What it had asked before."""
    did: Mapped[str]
    """What it did: menu, asked_city, ordered, confirmed, handed_over, not_understood, …"""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    order_id: Mapped[UUID | None] = ref("orders", nullable=True, ondelete="SET NULL")
    taught_at: Mapped[datetime | None]
    at: Mapped[datetime] = mapped_column(default=utcnow)

    conversation: Mapped[Conversation] = one("Conversation")


class DraftState(enum.StrEnum):
    WAITING = "waiting"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


class OrderDraft(Row):
    """An order as a customer said it, for an agent to look at; what each field was read from."""

    __tablename__ = "order_drafts"
    __table_args__ = (
        Index(
            "uq_order_drafts_waiting",
            "merchant_id",
            "conversation_id",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    conversation_id: Mapped[UUID] = ref("conversations", ondelete="CASCADE")
    order_id: Mapped[UUID | None] = ref("orders", nullable=True, ondelete="SET NULL")
    state: Mapped[DraftState] = mapped_column(default=DraftState.WAITING)
    cart: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """flows/talks/cart.py writes and reads it."""
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    settled_at: Mapped[datetime | None]

    conversation: Mapped[Conversation] = one("Conversation")

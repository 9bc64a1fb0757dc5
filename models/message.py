"""Message and its two ladders; Attempt: one call to Meta and how it ended; MessageStatus; Media."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    and_,
    or_,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.channel import Channel
from models.conversation import Conversation
from models.db import Row, many, one, ref
from models.types import utcnow
from models.user import Membership


class Direction(enum.StrEnum):
    IN = "in"
    OUT = "out"


class Origin(enum.StrEnum):
    """Who wrote it."""

    CUSTOMER = "customer"
    AGENT = "agent"
    AUTOMATION = "automation"
    PHONE = "phone"
    """Typed in the WhatsApp Business app on the merchant's own phone: free, opens no window."""
    BOT = "bot"


class Sending(enum.StrEnum):
    """How far a message of ours got on its way to Meta (decisions, status ladders)."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    WAITING = "waiting"
    HELD = "held"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    DISCARDED = "discarded"


UNFINISHED = (Sending.QUEUED, Sending.CLAIMED, Sending.WAITING, Sending.HELD)
TROUBLED = (Sending.UNCERTAIN, Sending.FAILED)
"""What a person has to look at, until somebody does or Meta's statuses settle it."""

# What Meta reports afterwards; it only climbs. `failed` is a fact beside it.
RANKS = {"accepted": 0, "sent": 1, "delivered": 2, "read": 3, "played": 4}


class MediaState(enum.StrEnum):
    """Whether we have the file. What customers send has to be fetched from Meta first."""

    WAITING = "waiting"
    FETCHED = "fetched"
    FAILED = "failed"
    """It came, but we may not keep it: too large, or not what Meta said it is."""
    GONE = "gone"
    """Meta no longer has it: only the customer can send it again."""


class Media(Row):
    """A file we send, or one a customer sent; `meta_id` is Meta's name for it while it lasts."""

    __tablename__ = "media"
    __table_args__ = (
        Index(
            "ix_media_waiting",
            "merchant_id",
            "due_at",
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    file: Mapped[str]
    """Its key in flows/files; "" while it is not there."""
    filename: Mapped[str]
    mime_type: Mapped[str]
    """What its first bytes say it is; what Meta says until it is there."""
    size: Mapped[int]
    sha256: Mapped[str]
    """In hex; Meta's word until it is there, "" when Meta said none."""
    meta_id: Mapped[str | None]
    meta_id_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    # Of what customers send: fetched from Meta.
    state: Mapped[MediaState] = mapped_column(default=MediaState.FETCHED)
    channel_id: Mapped[UUID | None] = ref("channels", nullable=True, ondelete="SET NULL")
    """The number it came to: its token opens it."""
    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(SmallInteger, default=0)
    reason: Mapped[str | None]
    """Why it waits, failed or is gone: a key of flows.media.REASONS."""

    # What was found when it came.
    thumbnail: Mapped[str | None]
    """The key of a small picture of it, without what the camera wrote into it."""
    width: Mapped[int | None]
    height: Mapped[int | None]
    pages: Mapped[int | None]

    @property
    def here(self) -> bool:
        return self.state is MediaState.FETCHED

    @classmethod
    def to_fetch(cls, now: datetime) -> ColumnElement[bool]:
        """Rows whose file should be fetched now, and that nobody is busy with."""
        free = or_(cls.lease_until.is_(None), cls.lease_until < now)
        return and_(cls.state == MediaState.WAITING, cls.due_at <= now, free)


class Settled:
    """What may fail, and then wants a person to look at it: who did, when, and why so."""

    settled_at: Mapped[datetime | None]
    """When nobody had to look at its trouble any more."""
    settled_by_id: Mapped[UUID | None]
    settled_note: Mapped[str | None]
    """Why, in that person's words."""

    def settle(self, by: Membership | None = None, note: str = "") -> None:
        """Nobody needs to look at its trouble any more; without `by`, an automation went on."""
        self.settled_at, self.settled_note = utcnow(), note or None
        self.settled_by_id = by.id if by else None

    def unsettle(self) -> None:
        self.settled_at = self.settled_by_id = self.settled_note = None


class Message(Settled, Row):
    """One bubble. `at` is Meta's time for what came in, ours for what goes out."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("merchant_id", "channel_id", "wamid"),
        UniqueConstraint("merchant_id", "conversation_id", "client_id"),
        Index("ix_messages_thread", "merchant_id", "conversation_id", "at", "seq"),
        Index(
            "ix_messages_outbox",
            "merchant_id",
            "channel_id",
            "due_at",
            postgresql_where=text("sending IN ('queued', 'claimed', 'waiting')"),
        ),
        Index(
            "ix_messages_unfinished",
            "merchant_id",
            "conversation_id",
            "seq",
            postgresql_where=text("sending IN ('queued', 'claimed', 'waiting')"),
        ),
        Index(
            "ix_messages_troubled",
            "merchant_id",
            "at",
            postgresql_where=text("sending IN ('uncertain', 'failed', 'held')"),
        ),
        Index(
            "ix_messages_uncertain",
            "merchant_id",
            postgresql_where=text("sending = 'uncertain'"),
        ),
        Index(
            # Counted by cause and listed newest first without a look at the rows themselves.
            "ix_messages_stuck",
            "merchant_id",
            "sending",
            "reason",
            "at",
            "id",
            postgresql_include=["channel_id", "template_id", "order_id"],
            postgresql_where=text("sending IN ('uncertain', 'failed') AND settled_at IS NULL"),
        ),
        Index(None, "merchant_id", "order_id"),
        Index(
            "ix_messages_target",
            "merchant_id",
            "channel_id",
            "target_wamid",
            postgresql_where=text("target_wamid IS NOT NULL"),
        ),
        Index(
            "ix_messages_media",
            "merchant_id",
            "media_id",
            postgresql_where=text("media_id IS NOT NULL"),
        ),
        Index(
            "ix_messages_bot",
            "merchant_id",
            "at",
            postgresql_include=["turn_id"],
            postgresql_where=text("origin = 'bot'"),
        ),
        Index(
            "ix_messages_run",
            "merchant_id",
            "run_id",
            postgresql_where=text("run_id IS NOT NULL"),
        ),
    )

    conversation_id: Mapped[UUID] = ref("conversations", ondelete="CASCADE")
    channel_id: Mapped[UUID] = ref("channels")
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    """Order of arrival, for two messages of the same second."""
    direction: Mapped[Direction]
    origin: Mapped[Origin]
    kind: Mapped[str]
    """Meta's type (text, image, template, …), or "unknown"."""
    text: Mapped[str] = mapped_column(default="")
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Incoming: the typed body as Meta sent it. Outgoing: what `bot.client` needs to send it."""
    wamid: Mapped[str | None]
    reply_to_wamid: Mapped[str | None]
    target_wamid: Mapped[str | None]
    """The message this one reacts to, edits or takes back."""
    client_id: Mapped[UUID | None]
    """Made by the browser: a double click or a retry is one message."""
    sender_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    order_id: Mapped[UUID | None] = ref("orders", nullable=True, ondelete="SET NULL")
    template_id: Mapped[UUID | None] = ref("message_templates", nullable=True, ondelete="SET NULL")
    media_id: Mapped[UUID | None] = ref("media", nullable=True, ondelete="SET NULL")
    run_id: Mapped[UUID | None]
    """The automation's run it belongs to (no foreign key: a run points at its last message)."""
    turn_id: Mapped[UUID | None]
    """Of what the bot says: why (no foreign key: messages outlive what is known of a talk)."""
    at: Mapped[datetime] = mapped_column(default=utcnow)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    # On its way to Meta (None for what came in or was typed on the phone).
    sending: Mapped[Sending | None]
    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(SmallInteger, default=0)
    tries: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """How often Meta refused it for this reason, one after the other."""
    tried_since: Mapped[datetime | None]
    """When Meta refused it first, since it was written, sent again, or its number went on."""
    reason: Mapped[str | None]
    """Why it waits, is held, failed or is uncertain: a key of flows/verdicts, for people."""
    error_code: Mapped[int | None]
    error_detail: Mapped[str | None]

    # A person dealt with its trouble: said that it arrived, put it aside, had it sent anew.
    settled_by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")

    # What Meta reported since.
    rank: Mapped[int | None] = mapped_column(SmallInteger)
    accepted_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]

    # What Meta will charge, guessed before sending; the Charge has the truth.
    category: Mapped[str | None]
    estimate_micros: Mapped[int | None]
    estimate_currency: Mapped[str | None]

    conversation: Mapped[Conversation] = one("Conversation")
    channel: Mapped[Channel] = one("Channel")
    sender: Mapped[Membership | None] = one("Membership", via="sender_id")
    settled_by: Mapped[Membership | None] = one("Membership", via="settled_by_id")
    media: Mapped[Media | None] = one("Media")
    attempts: Mapped[list[Attempt]] = many(
        "Attempt", back_populates="message", order_by="Attempt.number"
    )

    @property
    def troubled(self) -> bool:
        """Whether somebody should look at it: it failed or nobody knows, and nobody has yet."""
        return self.sending in TROUBLED and self.settled_at is None

    @property
    def progress(self) -> str | None:
        """What its ticks say: how far it came or what went wrong; None for a customer's."""
        if self.direction is Direction.IN:
            return None
        if self.sending is Sending.DISCARDED:
            return Sending.DISCARDED.value
        if self.failed_at is not None:
            return Sending.FAILED.value
        if self.sending not in (None, Sending.ACCEPTED):
            return self.sending.value
        return next(name for name, rank in RANKS.items() if rank == (self.rank or 0))


class Attempt(Row):
    """One call to Meta: committed before the call, concluded after it."""

    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("merchant_id", "message_id", "number"),
        Index(
            "ix_attempts_again",
            "merchant_id",
            "message_id",
            postgresql_where=text("number > 1 AND wamid IS NOT NULL"),
        ),
    )

    message_id: Mapped[UUID] = ref("messages", ondelete="CASCADE")
    number: Mapped[int] = mapped_column(SmallInteger)
    claimed_at: Mapped[datetime] = mapped_column(default=utcnow)
    concluded_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    """accepted, retry, failed or uncertain; None while the call is under way."""
    wamid: Mapped[str | None]
    error_code: Mapped[int | None]
    detail: Mapped[str | None]

    message: Mapped[Message] = one("Message", back_populates="attempts")


class MessageStatus(Row):
    """One status as Meta sent it, also for a wamid we do not know (yet)."""

    __tablename__ = "message_statuses"
    __table_args__ = (
        UniqueConstraint("merchant_id", "channel_id", "wamid", "status", "recipient"),
        Index(None, "merchant_id", "message_id"),
    )

    channel_id: Mapped[UUID] = ref("channels")
    message_id: Mapped[UUID | None] = ref("messages", nullable=True, ondelete="CASCADE")
    wamid: Mapped[str]
    status: Mapped[str]
    recipient: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    callback: Mapped[str | None]
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Meta's pricing, conversation and errors objects."""
    received_at: Mapped[datetime] = mapped_column(default=utcnow)


class ReadMark(Row):
    """Tell Meta that we read up to this message: a row like a send, harmless to repeat."""

    __tablename__ = "read_marks"
    __table_args__ = (
        UniqueConstraint("merchant_id", "channel_id", "wamid"),
        Index(
            "ix_read_marks_outbox",
            "merchant_id",
            "channel_id",
            "due_at",
            postgresql_where=text("sending IN ('queued', 'claimed', 'waiting')"),
        ),
    )

    channel_id: Mapped[UUID] = ref("channels")
    conversation_id: Mapped[UUID] = ref("conversations", ondelete="CASCADE")
    wamid: Mapped[str]
    sending: Mapped[Sending] = mapped_column(default=Sending.QUEUED)
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(SmallInteger, default=0)
    error_code: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

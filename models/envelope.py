"""Envelope: one webhook body as Meta sent it, kept until every event in it is settled."""

from __future__ import annotations

import enum
from datetime import datetime
from uuid import UUID

from sqlalchemy import Identity, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base


class EnvelopeState(enum.StrEnum):
    NEW = "new"
    SETTLED = "settled"
    UNROUTED = "unrouted"
    """Some event in it is for a number nobody owns yet; read again when the number is added."""
    QUARANTINED = "quarantined"
    """It cannot be read, or an event in it fails; kept, counted and shown, stops nobody."""
    DISMISSED = "dismissed"
    """A person put it aside; gone after 30 days like a settled one."""


class Envelope(Base):
    """The order of `id` is the order of arrival."""

    __tablename__ = "envelopes"
    __table_args__ = (
        Index("uq_envelopes_sha256", "sha256", unique=True),
        Index("ix_envelopes_new", "id", postgresql_where=text("state = 'new'")),
        Index(
            "ix_envelopes_aside",
            "state",
            "id",
            postgresql_where=text("state IN ('unrouted', 'quarantined')"),
        ),
        Index(
            "ix_envelopes_concerns",
            "concerns",
            postgresql_using="gin",
            postgresql_where=text("state = 'quarantined'"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    body: Mapped[bytes]
    sha256: Mapped[bytes]
    signed_for: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    """The merchants whose own app signed it: it speaks of their numbers only. None: the install's
    app did, and it may speak of every number."""
    received_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    state: Mapped[EnvelopeState] = mapped_column(server_default=text("'new'"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    error: Mapped[str | None]
    concerns: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    """The merchants for whom an event in it failed: they see their own part of it."""
    note: Mapped[str | None]
    """Why a person dismissed it."""
    settled_at: Mapped[datetime | None]

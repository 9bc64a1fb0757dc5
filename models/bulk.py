"""Bulk: many orders or messages dealt with at once, one by one, each with its own result."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.automation import Run
from models.db import Row, many, one, ref
from models.message import Message
from models.order import Order
from models.types import utcnow
from models.user import Membership


class BulkState(enum.StrEnum):
    QUEUED = "queued"
    WORKING = "working"
    DONE = "done"
    STOPPED = "stopped"
    """A person stopped it: what was moved stays moved."""


class Bulk(Row):
    """A long piece of work on orders, messages or runs: a worker takes it from here, however often
    it is killed."""

    __tablename__ = "bulks"
    __table_args__ = (
        UniqueConstraint("merchant_id", "client_id"),
        Index(
            "ix_bulks_open",
            "merchant_id",
            "id",
            postgresql_where=text("state IN ('queued', 'working')"),
        ),
    )

    kind: Mapped[str]
    """move; delete_stage and change_state are a stage's orders moved or reclassified; with a dot
    in it, what flows/troubles does to messages or runs."""
    client_id: Mapped[UUID | None]
    """Made by the page: the same click twice is one piece of work."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What to do: {"stage_id", "reason"?} of a move, {"reason"} of a trouble."""
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    state: Mapped[BulkState] = mapped_column(default=BulkState.QUEUED)
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    """Of those done, how many the shop refused."""
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]

    by: Mapped[Membership | None] = one("Membership", via="by_id")
    items: Mapped[list[BulkItem]] = many(
        "BulkItem", back_populates="bulk", cascade="all, delete-orphan", order_by="BulkItem.id"
    )


class BulkItem(Row):
    """One order, message or run of a bulk; without an outcome its turn is still to come."""

    __tablename__ = "bulk_items"
    __table_args__ = (
        UniqueConstraint("merchant_id", "bulk_id", "order_id"),
        Index(
            "ix_bulk_items_open",
            "merchant_id",
            "bulk_id",
            "id",
            postgresql_where=text("outcome IS NULL"),
        ),
    )

    bulk_id: Mapped[UUID] = ref("bulks", ondelete="CASCADE")
    order_id: Mapped[UUID | None] = ref("orders", nullable=True, ondelete="CASCADE")
    message_id: Mapped[UUID | None] = ref("messages", nullable=True, ondelete="CASCADE")
    run_id: Mapped[UUID | None] = ref("runs", nullable=True, ondelete="CASCADE")
    outcome: Mapped[str | None]
    """moved, unchanged, done, or the code of the refusal."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """{"message", "facts"} of the refusal, for people to read."""
    at: Mapped[datetime | None]

    bulk: Mapped[Bulk] = one("Bulk", back_populates="items")
    order: Mapped[Order | None] = one("Order")
    message: Mapped[Message | None] = one("Message")
    run: Mapped[Run | None] = one("Run")

"""Notification: what rang somebody's bell; Preference: which kinds may."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, one, ref
from models.order import Order
from models.types import utcnow


class Notification(Row):
    """One thing one person should know, with the thing it is about one click away."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_newest", "merchant_id", "member_id", text("id DESC")),
        Index(
            "ix_notifications_unread",
            "merchant_id",
            "member_id",
            postgresql_where=text("read_at IS NULL"),
        ),
    )

    member_id: Mapped[UUID] = ref("memberships", ondelete="CASCADE")
    kind: Mapped[str]
    order_id: Mapped[UUID | None] = ref("orders", nullable=True, ondelete="CASCADE")
    run_id: Mapped[UUID | None] = ref("runs", nullable=True, ondelete="CASCADE")
    template_id: Mapped[UUID | None] = ref("message_templates", nullable=True, ondelete="CASCADE")
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    read_at: Mapped[datetime | None]

    order: Mapped[Order | None] = one("Order")


class Preference(Row):
    """A kind of notification somebody does not want (or wants although others do not)."""

    __tablename__ = "preferences"
    __table_args__ = (UniqueConstraint("merchant_id", "member_id", "kind"),)

    member_id: Mapped[UUID] = ref("memberships", ondelete="CASCADE")
    kind: Mapped[str]
    on: Mapped[bool]

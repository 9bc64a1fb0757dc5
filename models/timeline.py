"""Entry: who did what to which order, when, with which facts. Append-only."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Row, one, ref
from models.order import Order
from models.types import utcnow
from models.user import Membership


class Actor(enum.StrEnum):
    USER = "user"
    CUSTOMER = "customer"
    AUTOMATION = "automation"
    CARRIER = "carrier"
    STORE = "store"
    SYSTEM = "system"


class Entry(Row):
    """A line of an order's timeline; the names of stages are copies, as they were that day."""

    __tablename__ = "entries"
    __table_args__ = (Index(None, "merchant_id", "order_id", "seq"),)

    order_id: Mapped[UUID] = ref("orders", ondelete="CASCADE")
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    kind: Mapped[str]
    """created, moved, stock_blocked, late_tap, repeated_tap, automation_failed, note, …"""
    actor: Mapped[Actor]
    actor_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    from_stage_id: Mapped[UUID | None]
    to_stage_id: Mapped[UUID | None]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=utcnow)

    order: Mapped[Order] = one("Order")
    member: Mapped[Membership | None] = one("Membership", via="actor_id")


@dataclass(frozen=True, slots=True)
class By:
    """Who does something to an order; a person carries their membership."""

    actor: Actor
    member: Membership | None = None

    @classmethod
    def user(cls, member: Membership) -> By:
        return cls(Actor.USER, member)


CUSTOMER = By(Actor.CUSTOMER)
AUTOMATION = By(Actor.AUTOMATION)
SYSTEM = By(Actor.SYSTEM)

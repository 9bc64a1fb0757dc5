"""Merchant: country, currency, language, time zone and the rules it chose; its counters."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from models import db
from models.db import Base, Row
from models.types import Money, new_id, utcnow


class Merchant(Base):
    """A business that sells; everything else in the database belongs to one."""

    __tablename__ = "merchants"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    country: Mapped[str]
    currency: Mapped[str]
    language: Mapped[str] = mapped_column(default="fr")
    time_zone: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    plan: Mapped[str] = mapped_column(default="free")
    """How many people and shops it may have: see flows/plans.py."""
    allow_negative_stock: Mapped[bool] = mapped_column(default=False)
    delivery_fee: Mapped[int] = mapped_column(default=0)
    """What the order dialog proposes where no delivery zone says otherwise, in minor units."""
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    """On the merchant's clock: what automations have to say in between waits for the end."""
    call_limit: Mapped[int] = mapped_column(SmallInteger, default=3)
    """After so many calls without an answer the order is Unreachable."""
    call_again_minutes: Mapped[int] = mapped_column(default=60)
    """When to call again after nobody answered."""
    moved_in_at: Mapped[datetime | None]
    """When somebody put the list of first steps away."""
    place: Mapped[dict[str, Any] | None]
    """Where its shop is, for agents to send: {"latitude", "longitude", "name", "address"}."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def money(self, minor: int) -> Money:
        return Money(minor, self.currency)


class Counter(Row):
    """A number that people see and that never repeats: orders, free messages of a month."""

    __tablename__ = "counters"
    __table_args__ = (UniqueConstraint("merchant_id", "name"),)

    name: Mapped[str]
    value: Mapped[int]

    @staticmethod
    def next(name: str, *, start: int = 1) -> int:
        """The next number of the current merchant, taken at once and for good.

        Nobody waits for whoever took the one before (docs/decisions/0007); a transaction that is
        rolled back leaves a gap.
        """
        with db.aside() as beside:
            return Counter._take(beside, name, 1, start)

    @staticmethod
    def take(name: str, count: int) -> int:
        """The last of the next `count` numbers; the row stays locked until the commit: no gap."""
        return Counter._take(db.session(), name, count, 1)

    @staticmethod
    def _take(current: db.MerchantSession, name: str, count: int, start: int) -> int:
        fresh = insert(Counter).values(
            merchant_id=current.merchant_id,
            id=new_id(),
            name=name,
            value=start + count - 1,
        )
        statement = fresh.on_conflict_do_update(
            index_elements=["merchant_id", "name"],
            set_={"value": Counter.value + count},
        ).returning(Counter.value)
        return int(current.execute(statement).scalar_one())

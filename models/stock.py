"""Warehouse, StockLevel (snapshot), Movement (append-only ledger)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.catalog import Variant
from models.db import Row, one, ref
from models.types import utcnow


class Warehouse(Row):
    __tablename__ = "warehouses"

    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class StockLevel(Row):
    """What one warehouse holds of one variant: total = available + reserved, always."""

    __tablename__ = "stock_levels"
    __table_args__ = (
        UniqueConstraint("merchant_id", "variant_id", "warehouse_id"),
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
    )

    variant_id: Mapped[UUID] = ref("variants", ondelete="CASCADE")
    warehouse_id: Mapped[UUID] = ref("warehouses", ondelete="CASCADE")
    available: Mapped[int] = mapped_column(default=0)
    """What can still be promised; below zero only when the merchant allows it."""
    reserved: Mapped[int] = mapped_column(default=0)

    variant: Mapped[Variant] = one("Variant")

    @property
    def total(self) -> int:
        return self.available + self.reserved


class Movement(Row):
    """One change of a level: reserve, release, issue, restock, adjust. Their sum is the level."""

    __tablename__ = "movements"
    __table_args__ = (
        UniqueConstraint("merchant_id", "order_line_id", "kind", "entry_id"),
        Index(None, "merchant_id", "variant_id", "at"),
    )

    variant_id: Mapped[UUID] = ref("variants", ondelete="CASCADE")
    warehouse_id: Mapped[UUID] = ref("warehouses", ondelete="CASCADE")
    kind: Mapped[str]
    available: Mapped[int]
    reserved: Mapped[int]
    """Both signed: what this movement added to the level."""
    order_line_id: Mapped[UUID | None] = ref("order_lines", nullable=True, ondelete="SET NULL")
    """None, where the order had one, once somebody took the line off it: the entry still knows."""
    entry_id: Mapped[UUID | None] = ref("entries", nullable=True)
    reason: Mapped[str] = mapped_column(default="")
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)

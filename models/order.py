"""Order, OrderLine, PriceAdjustment: catalogue price beside applied price."""

from __future__ import annotations

import enum
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.conversation import Conversation
from models.customer import Customer
from models.db import Row, many, one, ref
from models.pipeline import Stage, SystemState
from models.types import Money, utcnow
from models.user import Membership


class StockPosition(enum.StrEnum):
    """Where the goods of a line are: promised, gone, on their way back (spec §3.4)."""

    NONE = "none"
    RESERVED = "reserved"
    ISSUED = "issued"
    IN_RETURN = "in_return"
    RESTOCKED = "restocked"


class Order(Row):
    """What a customer wants, on exactly one stage. Amounts are minor units of `currency`.

    The delivery address is a copy: editing the card later does not change where this parcel goes.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("merchant_id", "number"),
        UniqueConstraint("merchant_id", "client_id"),
        Index(
            "ix_orders_board",
            "merchant_id",
            "stage_id",
            text("stage_entered_at DESC"),
            text("id DESC"),
        ),
        Index(None, "merchant_id", "conversation_id"),
        Index(None, "merchant_id", "customer_id", text("number DESC")),
    )

    number: Mapped[int]
    client_id: Mapped[UUID | None]
    """Made by the form: the same form sent twice is one order."""
    customer_id: Mapped[UUID] = ref("customers")
    conversation_id: Mapped[UUID | None] = ref("conversations", nullable=True, ondelete="SET NULL")
    stage_id: Mapped[UUID] = ref("stages")
    state: Mapped[SystemState]
    """The last state a stage gave it; a stage without a state changes nothing."""
    flag: Mapped[str | None]
    """stock_blocked while a customer's confirmation waits for stock; None otherwise."""
    stage_entered_at: Mapped[datetime] = mapped_column(default=utcnow)
    version: Mapped[int] = mapped_column(default=1)
    """Grows with every move; a move that saw an older one is refused."""
    source: Mapped[str] = mapped_column(default="whatsapp")
    payment_method: Mapped[str] = mapped_column(default="cod")
    payment_status: Mapped[str] = mapped_column(default="pending")
    currency: Mapped[str]
    catalog_total: Mapped[int]
    """Sum of the lines at catalogue prices."""
    applied_total: Mapped[int]
    """Sum of the lines after the discount."""
    delivery_fee: Mapped[int] = mapped_column(default=0)
    ship_name: Mapped[str]
    ship_phone: Mapped[str]
    ship_line: Mapped[str] = mapped_column(default="")
    ship_city: Mapped[str] = mapped_column(default="")
    assignee_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    customer: Mapped[Customer] = one("Customer")
    conversation: Mapped[Conversation | None] = one("Conversation")
    stage: Mapped[Stage] = one("Stage")
    assignee: Mapped[Membership | None] = one("Membership", via="assignee_id")
    lines: Mapped[list[OrderLine]] = many(
        "OrderLine",
        back_populates="order",
        cascade="all, delete-orphan",
        order_by="OrderLine.position",
    )

    @property
    def discount(self) -> int:
        return self.catalog_total - self.applied_total

    @property
    def amount_due(self) -> Money:
        """What the courier collects: lines less discount, plus the delivery fee."""
        return Money(self.applied_total + self.delivery_fee, self.currency)


class OrderLine(Row):
    """Name, reference and prices are copies: a new price is for future orders only."""

    __tablename__ = "order_lines"
    __table_args__ = (
        Index(None, "merchant_id", "order_id", "position"),
        Index(None, "merchant_id", "variant_id"),
    )

    order_id: Mapped[UUID] = ref("orders", ondelete="CASCADE")
    position: Mapped[int]
    variant_id: Mapped[UUID | None] = ref("variants", nullable=True, ondelete="SET NULL")
    """None for a free product: attached to this order, in no catalogue, never in stock."""
    name: Mapped[str]
    sku: Mapped[str] = mapped_column(default="")
    quantity: Mapped[int]
    unit_price: Mapped[int]
    stock: Mapped[StockPosition] = mapped_column(default=StockPosition.NONE)
    warehouse_id: Mapped[UUID | None] = ref("warehouses", nullable=True)

    order: Mapped[Order] = one("Order", back_populates="lines")

    @property
    def total(self) -> int:
        return self.quantity * self.unit_price


class PriceAdjustment(Row):
    """Who gave which discount on an order, when and why."""

    __tablename__ = "price_adjustments"
    __table_args__ = (Index(None, "merchant_id", "order_id"),)

    order_id: Mapped[UUID] = ref("orders", ondelete="CASCADE")
    catalog_total: Mapped[int]
    applied_total: Mapped[int]
    reason: Mapped[str] = mapped_column(default="")
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    at: Mapped[datetime] = mapped_column(default=utcnow)

    by: Mapped[Membership | None] = one("Membership", via="by_id")

"""Order, OrderLine, PriceAdjustment: catalogue price beside applied price."""

from __future__ import annotations

import enum
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.conversation import Conversation
from models.customer import Customer
from models.db import Row, many, one, ref
from models.pipeline import Stage, Status, SystemState, status_of
from models.types import Money, utcnow
from models.user import Membership


class StockPosition(enum.StrEnum):
    """Where the goods of a line are: promised, gone, on their way back (spec §3.4)."""

    NONE = "none"
    RESERVED = "reserved"
    ISSUED = "issued"
    IN_RETURN = "in_return"
    RESTOCKED = "restocked"


FLAGS = ("stock_blocked", "possible_duplicate", "action_failed", "late_tap", "review")
"""A customer's confirmation waits for stock · looks like an earlier order · something the stage
should have done failed · the customer tapped too late · the loop guard or a carrier asks a person
to look."""


# Which milestones a state implies: confirmed from 1 on, shipped from 2 on.
_REACHED = {
    SystemState.CONFIRMED: 1,
    SystemState.SHIPPED: 2,
    SystemState.DELIVERY_FAILURE: 2,
    SystemState.DELIVERED: 2,
    SystemState.RETURNED: 2,
}


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
        Index(None, "merchant_id", "assignee_id"),
        Index(None, "merchant_id", "conversation_id"),
        Index(None, "merchant_id", "duplicate_of_id"),
        Index(
            "ix_orders_newest",
            "merchant_id",
            text("created_at DESC"),
            text("id DESC"),
            # What the table filters by: any combination is read from the index alone.
            postgresql_include=[
                *("stage_id", "state", "assignee_id", "carrier"),
                *("payment_method", "payment_status", "source", "flags"),
            ],
        ),
        Index(
            "ix_orders_to_call",
            "merchant_id",
            text("urgent DESC"),
            "call_due_at",
            "id",
            postgresql_where=text("call_due_at IS NOT NULL"),
        ),
        Index(
            "ix_orders_callers",
            "merchant_id",
            "caller_id",
            postgresql_where=text("caller_id IS NOT NULL"),
        ),
        Index(
            "ix_orders_flagged",
            "merchant_id",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=text("flags <> '{}'"),
        ),
        Index(
            "ix_orders_open",
            "merchant_id",
            "created_at",
            postgresql_where=text("state NOT IN ('delivered', 'returned', 'cancelled')"),
        ),
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
    reason: Mapped[str | None]
    """Why it was cancelled, failed or returned; None on other states."""
    flags: Mapped[list[str]] = mapped_column(default=list)
    """What somebody should look at: see FLAGS."""
    duplicate_of_id: Mapped[UUID | None] = ref("orders", nullable=True, ondelete="SET NULL")
    """The earlier order of the same phone and product, while nobody has decided."""
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
    delivery_kind: Mapped[str] = mapped_column(default="home")
    """home or desk: to the door, or to the carrier's office."""
    carrier: Mapped[str] = mapped_column(default="")
    tracking: Mapped[str] = mapped_column(default="")
    """Who carries the parcel and its number there, as people typed them."""
    ship_name: Mapped[str]
    ship_phone: Mapped[str]
    ship_line: Mapped[str] = mapped_column(default="")
    ship_city: Mapped[str] = mapped_column(default="")
    assignee_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    # What indicators count; models.tally keeps the sums. Set when the order gets there, None
    # again when somebody corrects it back below.
    confirmed_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]

    # The call centre: when to call next (None: nobody needs to), how often it was tried.
    call_due_at: Mapped[datetime | None]
    urgent: Mapped[bool] = mapped_column(default=False)
    call_attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    caller_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    caller_until: Mapped[datetime | None]
    """Until then nobody else is handed this order to call."""

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

    def stand_on(self, stage: Stage, at: datetime) -> None:
        """The order is on `stage` since `at`: state, milestones, and whether to call, follow."""
        self.stage = stage
        self.stage_entered_at = at
        self.state = stage.state or self.state
        self._count_milestones(at)
        # A call is due as soon as an order is to be confirmed by one, and on no other stage.
        self.call_due_at = at if self.state is SystemState.TO_CONFIRM else None
        # What looked odd has been decided by moving it; a twin is still a twin.
        self.flags = [flag for flag in self.flags if flag == "possible_duplicate"]

    def _count_milestones(self, at: datetime) -> None:
        if self.state is SystemState.CANCELLED:
            return  # how far it had come stays true
        far = _REACHED.get(self.state, 0)
        self.confirmed_at = (self.confirmed_at or at) if far >= 1 else None
        self.shipped_at = (self.shipped_at or at) if far >= 2 else None
        if self.state is SystemState.DELIVERED:
            self.delivered_at = self.delivered_at or at
        elif self.state is not SystemState.RETURNED:
            self.delivered_at = None

    def raise_flag(self, flag: str) -> None:
        if flag not in FLAGS:
            raise ValueError(flag)
        if flag not in self.flags:
            self.flags = [*self.flags, flag]

    def lower_flag(self, flag: str) -> None:
        self.flags = [other for other in self.flags if other != flag]

    @property
    def status(self) -> Status:
        return status_of(self.state, self.stage.state)

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


class CallAttempt(Row):
    """One call to the customer of an order and how it ended (R56)."""

    __tablename__ = "call_attempts"
    __table_args__ = (Index(None, "merchant_id", "order_id", "at"),)

    order_id: Mapped[UUID] = ref("orders", ondelete="CASCADE")
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    outcome: Mapped[str]
    """no_answer, busy, postponed, wrong_number, fake, duplicate, cancelled, confirmed."""
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=utcnow)
    again_at: Mapped[datetime | None]
    """When the customer asked to be called, or when the rule says to try again."""

    by: Mapped[Membership | None] = one("Membership", via="by_id")

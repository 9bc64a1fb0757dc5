"""Charge: what Meta charges for one message; RateCard: Meta's price list, by date."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, Row, one, ref
from models.message import Message
from models.types import utcnow


class RateCard(Base):
    """One line of a price list: a market, a category, a currency, from a day on.

    `market` is a region of Meta's card or the ISO code of one country (which beats its region).
    `micros` is None where the card says n/a, which is not zero.
    """

    __tablename__ = "rate_cards"
    __table_args__ = (UniqueConstraint("currency", "market", "category", "effective_from"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    currency: Mapped[str]
    market: Mapped[str]
    category: Mapped[str]
    effective_from: Mapped[date]
    micros: Mapped[int | None] = mapped_column(BigInteger)


class Charge(Row):
    """One per message of ours that Meta delivered, also when it was free: the quota counts them."""

    __tablename__ = "charges"
    __table_args__ = (
        UniqueConstraint("merchant_id", "channel_id", "wamid"),
        Index(None, "merchant_id", "month"),
        Index(None, "merchant_id", "message_id"),
        Index(None, "merchant_id", "order_id"),
    )

    channel_id: Mapped[UUID] = ref("channels")
    message_id: Mapped[UUID | None] = ref("messages", nullable=True, ondelete="SET NULL")
    order_id: Mapped[UUID | None] = ref("orders", nullable=True, ondelete="SET NULL")
    wamid: Mapped[str]
    category: Mapped[str]
    pricing_model: Mapped[str | None]
    pricing_type: Mapped[str | None]
    market: Mapped[str | None]
    """The line of the rate card that applied; None when no country could be read."""
    country: Mapped[str | None]
    amount_micros: Mapped[int | None]
    """Millionths of `currency`; None = counted but unpriced, never to be read as free."""
    currency: Mapped[str]
    reason: Mapped[str]
    """Why this amount: priced, free_tier, free_window, free_entry_point, phone, unpriced."""
    source: Mapped[str]
    """webhook when Meta's pricing said so, estimate when it was missing at delivery."""
    quota_index: Mapped[int | None]
    """The n-th service message of this number in the month (the first 1,000 are free)."""
    delivered_at: Mapped[datetime]
    local_date: Mapped[date]
    """The day in the messaging account's time zone, which decides the price list."""
    month: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    message: Mapped[Message | None] = one("Message")

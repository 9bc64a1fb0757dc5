"""Charge: what Meta charges for one message; RateCard, PriceList: Meta's prices, by date; Spending:
the sums of charges; Reckoning: Meta's own count of a day; Repricing; Budget."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, Row, one, ref
from models.message import Message
from models.types import utcnow
from models.user import Membership


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


class PriceList(Row):
    """A list that a merchant brought in for itself; those of RateCard are everybody's.

    Never changed and never deleted: charges were made by it.
    """

    __tablename__ = "price_lists"
    __table_args__ = (UniqueConstraint("merchant_id", "currency", "effective_from"),)

    currency: Mapped[str]
    effective_from: Mapped[date]
    lines: Mapped[dict[str, Any]]
    """Market → category → micro-units; null where the list says n/a."""
    file: Mapped[str]
    sha256: Mapped[str]
    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    at: Mapped[datetime] = mapped_column(default=utcnow)

    by: Mapped[Membership | None] = one("Membership", via="by_id")


class Charge(Row):
    """One per message of ours that Meta delivered, also when it was free: the quota counts them."""

    __tablename__ = "charges"
    __table_args__ = (
        UniqueConstraint("merchant_id", "channel_id", "wamid"),
        Index(None, "merchant_id", "month", "id"),
        Index(None, "merchant_id", "message_id"),
        Index(None, "merchant_id", "order_id"),
        Index(
            "ix_charges_unpriced",
            "merchant_id",
            "month",
            "id",
            postgresql_where=text("amount_micros IS NULL"),
        ),
    )

    channel_id: Mapped[UUID] = ref("channels")
    message_id: Mapped[UUID | None] = ref("messages", nullable=True, ondelete="SET NULL")
    order_id: Mapped[UUID | None] = ref("orders", nullable=True, ondelete="SET NULL")
    wamid: Mapped[str]
    template: Mapped[str | None]
    """The template's name when it was sent: it may be gone since."""
    automation_id: Mapped[UUID | None]
    """Whose run sent it (no foreign key: it stays when the automation goes)."""
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
    told_by: Mapped[str | None]
    """The status whose pricing this follows; what `delivered` says beats what `sent` said."""
    quota_index: Mapped[int | None]
    """The n-th service message of this number in the month (the first 1,000 are free)."""
    delivered_at: Mapped[datetime]
    local_date: Mapped[date]
    """The day in the messaging account's time zone, which decides the price list."""
    month: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    message: Mapped[Message | None] = one("Message")


class Spending(Row):
    """A difference to the sums of charges of one day that are alike in all that a page asks for.

    Written by triggers on `charges` (migration 0016), so that no statement can forget it, and only
    ever added; the clock folds many rows into one (docs/decisions/0004). A month of a million
    charges is a few thousand rows.
    """

    __tablename__ = "spendings"
    __table_args__ = (
        Index(None, "merchant_id", "local_date"),
        Index(
            "ix_spendings_unpriced",
            "merchant_id",
            postgresql_where=text("reason = 'unpriced'"),
        ),
    )

    channel_id: Mapped[UUID] = ref("channels")
    local_date: Mapped[date]
    currency: Mapped[str]
    category: Mapped[str]
    reason: Mapped[str]
    template: Mapped[str | None]
    automation_id: Mapped[UUID | None]
    country: Mapped[str | None]
    """None also where no list can tell the price: billed in a way that nobody knows."""
    messages: Mapped[int]
    free: Mapped[int]
    billed: Mapped[int]
    """With an amount of 0, with a higher one; the rest has no price."""
    estimated: Mapped[int]
    amount: Mapped[int]
    guessed: Mapped[int]
    """Millionths of the currency; of these, those of charges that Meta has not confirmed."""


class Repricing(Row):
    """Somebody let charges without a price take the price that a newer list has for them."""

    __tablename__ = "repricings"
    __table_args__ = (Index(None, "merchant_id", "at"),)

    by_id: Mapped[UUID | None] = ref("memberships", nullable=True, ondelete="SET NULL")
    at: Mapped[datetime] = mapped_column(default=utcnow)
    charges: Mapped[int]
    amounts: Mapped[dict[str, Any]]
    """Currency → micro-units they came to."""

    by: Mapped[Membership | None] = one("Membership", via="by_id")


class Reckoning(Row):
    """What Meta's own analytics say of a number on one day of its account's calendar."""

    __tablename__ = "reckonings"
    __table_args__ = (UniqueConstraint("merchant_id", "channel_id", "day"),)

    channel_id: Mapped[UUID] = ref("channels", ondelete="CASCADE")
    day: Mapped[date]
    volume: Mapped[int]
    micros: Mapped[int | None]
    """None where Meta tells no cost (an account on a partner's credit line)."""
    parts: Mapped[list[Any]]
    """[category, pricing type, volume, micro-units or null] for each that Meta names."""
    asked_at: Mapped[datetime] = mapped_column(default=utcnow)


class Budget(Row):
    """What a merchant means to spend in a month, in one currency: a warning, never a stop."""

    __tablename__ = "budgets"
    __table_args__ = (UniqueConstraint("merchant_id", "currency"),)

    currency: Mapped[str]
    micros: Mapped[int]
    month: Mapped[date | None]
    """The last month somebody was told about."""
    told: Mapped[int] = mapped_column(default=0)
    """How many per cent they were told of."""

"""The month's account: what Meta charged, by category, number and day; what a message cost."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from flows.costs.ledger import ESTIMATE
from flows.costs.rules import FREE_SERVICE_MESSAGES, SERVICE_BILLED_SINCE
from models import db
from models.channel import Channel
from models.cost import Charge

Sums = Row[*tuple[Any, ...]]

# The order of the page; any other category of Meta's follows by name.
CATEGORIES = ("marketing", "utility", "authentication", "authentication_international", "service")


@dataclass(slots=True)
class Tally:
    """Delivered messages and what they cost. messages = free + billed + unpriced."""

    messages: int = 0
    free: int = 0
    billed: int = 0
    unpriced: int = 0
    """Counted, but no price is known: the amounts are too low by these."""
    estimated: int = 0
    """Not yet confirmed by Meta."""
    amounts: dict[str, int] = field(default_factory=dict)
    """Currency → micro-units; empty where nothing has a price."""

    def add(self, row: Sums) -> None:
        self.messages += row.messages
        self.free += row.free
        self.billed += row.billed
        self.unpriced += row.messages - row.free - row.billed
        self.estimated += row.estimated
        if row.amount is not None:
            self.amounts[row.currency] = self.amounts.get(row.currency, 0) + int(row.amount)


@dataclass(slots=True)
class NumberAccount:
    """One WhatsApp number in the month."""

    channel: Channel
    tally: Tally = field(default_factory=Tally)
    quota_used: int = 0
    """Service messages that count towards the month's free ones."""

    @property
    def free_used(self) -> int:
        return min(self.quota_used, FREE_SERVICE_MESSAGES)


@dataclass(slots=True)
class MonthAccount:
    """A calendar month as the messaging accounts count it."""

    first_day: date
    total: Tally
    categories: dict[str, Tally]
    numbers: list[NumberAccount]
    days: dict[date, Tally]
    """Every day of the month, also the empty ones."""

    @property
    def has_quota(self) -> bool:
        """Whether Meta counted free service messages in this month."""
        return self.first_day >= SERVICE_BILLED_SINCE


@dataclass(frozen=True, slots=True)
class Cost:
    """What one message cost, in millionths of the currency; None = no price is known."""

    micros: int | None
    currency: str
    reason: str
    category: str
    estimated: bool


def month(first_day: date, *, channel_id: UUID | None = None) -> MonthAccount:
    """The account of the month that contains this day, of all numbers or of one."""
    first_day = first_day.replace(day=1)
    numbers = {channel.id: NumberAccount(channel) for channel in _channels(channel_id)}
    account = MonthAccount(first_day, Tally(), {}, list(numbers.values()), _days(first_day))
    categories: dict[str, Tally] = {}
    for row in _rows(first_day, channel_id):
        number = numbers[row.channel_id]
        number.quota_used = max(number.quota_used, row.quota or 0)
        category = categories.setdefault(row.category, Tally())
        for tally in (account.total, category, number.tally, account.days[row.local_date]):
            tally.add(row)
    account.categories = dict(sorted(categories.items(), key=lambda item: _rank(item[0])))
    return account


def first_month() -> date | None:
    """The oldest month with a charge."""
    return db.session().scalar(select(func.min(Charge.month)))


def of_messages(ids: Collection[UUID]) -> dict[UUID, Cost]:
    """Message id → what Meta charged for it; a message that was not delivered is not in there."""
    rows = db.session().execute(
        select(
            Charge.message_id,
            Charge.amount_micros,
            Charge.currency,
            Charge.reason,
            Charge.category,
            Charge.source,
        ).where(Charge.message_id.in_(ids))
    )
    return {
        row.message_id: Cost(
            row.amount_micros, row.currency, row.reason, row.category, row.source == ESTIMATE
        )
        for row in rows
    }


def of_orders(ids: Collection[UUID]) -> dict[UUID, Tally]:
    """Order id → what the messages sent for it cost; an order without any is not in there."""
    tallies: dict[UUID, Tally] = {}
    wanted = (
        select(Charge.order_id, *_SUMS)
        .where(Charge.order_id.in_(ids))
        .group_by(Charge.order_id, Charge.currency)
    )
    for row in db.session().execute(wanted):
        tallies.setdefault(row.order_id, Tally()).add(row)
    return tallies


_SUMS = (
    Charge.currency,
    func.count().label("messages"),
    func.count().filter(Charge.amount_micros == 0).label("free"),
    func.count().filter(Charge.amount_micros > 0).label("billed"),
    func.count().filter(Charge.source == ESTIMATE).label("estimated"),
    func.sum(Charge.amount_micros).label("amount"),
)


def _rows(first_day: date, channel_id: UUID | None) -> list[Sums]:
    by = (Charge.channel_id, Charge.category, Charge.local_date, Charge.currency)
    wanted = (
        select(*by[:3], *_SUMS, func.max(Charge.quota_index).label("quota"))
        .where(Charge.month == first_day)
        .group_by(*by)
        .order_by(*by)
    )
    if channel_id is not None:
        wanted = wanted.where(Charge.channel_id == channel_id)
    return list(db.session().execute(wanted))


def _channels(channel_id: UUID | None) -> list[Channel]:
    wanted = select(Channel).order_by(Channel.name, Channel.id)
    if channel_id is not None:
        wanted = wanted.where(Channel.id == channel_id)
    return list(db.session().scalars(wanted))


def _days(first_day: date) -> dict[date, Tally]:
    count = monthrange(first_day.year, first_day.month)[1]
    return {first_day + timedelta(days=offset): Tally() for offset in range(count)}


def _rank(category: str) -> tuple[int, str]:
    known = CATEGORIES.index(category) if category in CATEGORIES else len(CATEGORIES)
    return known, category

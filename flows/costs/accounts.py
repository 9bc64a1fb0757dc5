"""The month's account: what Meta charged, by category, number, template, stage, day and reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Row, cast, func, select, tuple_

from flows.costs.ledger import ESTIMATE, quota_counter
from flows.costs.rules import FREE_SERVICE_MESSAGES, SERVICE_BILLED_SINCE, Reason, last_day
from models import db
from models.automation import Automation
from models.channel import Channel
from models.cost import Charge, Spending
from models.merchant import Counter
from models.pipeline import Stage
from models.tally import Tally as OrderTally

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
    guessed: dict[str, int] = field(default_factory=dict)
    """The part of them that Meta has not confirmed."""

    def add(self, row: Sums) -> None:
        self.messages += row.messages
        self.free += row.free
        self.billed += row.billed
        self.unpriced += row.messages - row.free - row.billed
        self.estimated += row.estimated
        if row.free + row.billed:
            self.amounts[row.currency] = self.amounts.get(row.currency, 0) + int(row.amount)
            self.guessed[row.currency] = self.guessed.get(row.currency, 0) + int(row.guessed)


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


@dataclass(frozen=True, slots=True)
class Sender:
    """What made messages leave: an automation, or (without a name) people."""

    automation_id: UUID | None
    name: str | None
    """None: written by the team, or by an automation that is gone."""
    stage: str | None
    color: str | None
    tally: Tally


@dataclass(frozen=True, slots=True)
class Orders:
    """How far the orders of a month came, to divide what was spent by."""

    confirmed: int = 0
    delivered: int = 0


@dataclass(slots=True)
class MonthAccount:
    """A calendar month as the messaging accounts count it."""

    first_day: date
    numbers: list[NumberAccount]
    days: dict[date, Tally]
    """Every day of the month, also the empty ones."""
    total: Tally = field(default_factory=Tally)
    categories: dict[str, Tally] = field(default_factory=dict)
    reasons: dict[str, Tally] = field(default_factory=dict)
    """Why messages cost nothing, or have no price; without those that are simply billed."""
    templates: dict[str | None, Tally] = field(default_factory=dict)
    """By the template's name, the dearest first; None: what was no template."""
    senders: list[Sender] = field(default_factory=list)

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
    """The account of the month that contains this day, of all numbers or of one.

    Read from the kept sums: as fast with a million charges as with a hundred.
    """
    first_day = first_day.replace(day=1)
    numbers = {channel.id: NumberAccount(channel) for channel in _channels(channel_id)}
    account = MonthAccount(first_day, list(numbers.values()), _days(first_day))
    used = _quotas(first_day, numbers)
    for number in account.numbers:
        number.quota_used = used.get(number.channel.id, 0)
    senders: dict[UUID | None, Tally] = {}
    for row in _rows(first_day, channel_id):
        match _LEVELS[row.level]:
            case "channel_id":
                tally = numbers[row.channel_id].tally
            case "local_date":
                tally = account.days[row.local_date]
            case "category":
                tally = account.categories.setdefault(row.category, Tally())
            case "template":
                tally = account.templates.setdefault(row.template, Tally())
            case "automation_id":
                tally = senders.setdefault(row.automation_id, Tally())
            case "reason":
                tally = account.reasons.setdefault(row.reason, Tally())
            case _:
                tally = account.total
        tally.add(row)
    account.reasons.pop(Reason.PRICED, None)
    account.categories = dict(sorted(account.categories.items(), key=lambda one: _rank(one[0])))
    account.templates = dict(sorted(account.templates.items(), key=lambda one: _dearest(one[1])))
    account.senders = _senders(senders)
    return account


def orders_of(first_day: date) -> Orders:
    """The orders created in the month: how many were confirmed, how many are delivered."""
    sums = select(
        func.coalesce(func.sum(OrderTally.confirmed), 0),
        func.coalesce(func.sum(OrderTally.delivered), 0),
    ).where(OrderTally.day.in_(_days(first_day)))
    confirmed, delivered = db.session().execute(sums).one()
    return Orders(int(confirmed), int(delivered))


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


_BY = (
    *(Spending.channel_id, Spending.local_date, Spending.category),
    *(Spending.template, Spending.automation_id, Spending.reason),
)
# What grouping() says of a row: a bit for each column that it is not grouped by, the first highest.
_EVERYTHING = 2 ** len(_BY) - 1
_LEVELS = {
    _EVERYTHING - 2 ** (len(_BY) - 1 - place): column.key for place, column in enumerate(_BY)
} | {_EVERYTHING: "total"}


def _rows(first_day: date, channel_id: UUID | None) -> list[Sums]:
    """The month's sums by each column alone, and in all: PostgreSQL adds up thousands of them."""
    sums = [
        cast(func.sum(column), BigInteger).label(column.key)
        for column in (
            *(Spending.messages, Spending.free, Spending.billed),
            *(Spending.estimated, Spending.amount, Spending.guessed),
        )
    ]
    sets = [tuple_(Spending.currency, column) for column in _BY]
    wanted = (
        select(*_BY, Spending.currency, func.grouping(*_BY).label("level"), *sums)
        .where(Spending.local_date.between(first_day, last_day(first_day)))
        .group_by(func.grouping_sets(tuple_(Spending.currency), *sets))
        .having(func.sum(Spending.messages) != 0)
    )
    if channel_id is not None:
        wanted = wanted.where(Spending.channel_id == channel_id)
    return list(db.session().execute(wanted))


def _quotas(first_day: date, numbers: Collection[UUID]) -> dict[UUID, int]:
    """How many numbers each channel has given to service messages of the month."""
    names = {quota_counter(id_, first_day): id_ for id_ in numbers}
    rows = db.session().execute(select(Counter.name, Counter.value).where(Counter.name.in_(names)))
    return {names[row.name]: row.value for row in rows}


def _senders(tallies: dict[UUID | None, Tally]) -> list[Sender]:
    wanted = (
        select(Automation.id, Automation.name, Stage.name.label("stage"), Stage.color)
        .join(Stage, Automation.stage)
        .where(Automation.id.in_([id_ for id_ in tallies if id_]))
    )
    named = {row.id: row for row in db.session().execute(wanted)}
    found = []
    for id_, tally in sorted(tallies.items(), key=lambda one: _dearest(one[1])):
        row = named.get(id_) if id_ else None
        if row is None:
            found.append(Sender(id_, None, None, None, tally))
        else:
            found.append(Sender(id_, row.name, row.stage, row.color, tally))
    return found


def _dearest(tally: Tally) -> tuple[int, int]:
    return -max(tally.amounts.values(), default=0), -tally.messages


def _channels(channel_id: UUID | None) -> list[Channel]:
    wanted = select(Channel).order_by(Channel.name, Channel.id)
    if channel_id is not None:
        wanted = wanted.where(Channel.id == channel_id)
    return list(db.session().scalars(wanted))


def _days(first_day: date) -> dict[date, Tally]:
    count = last_day(first_day).day
    return {first_day + timedelta(days=offset): Tally() for offset in range(count)}


def _rank(category: str) -> tuple[int, str]:
    known = CATEGORIES.index(category) if category in CATEGORIES else len(CATEGORIES)
    return known, category

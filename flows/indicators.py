"""How the shop is doing: the rates above the board, from sums that are kept, never counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, select, text

from models import db
from models.order import Order
from models.pipeline import Stage
from models.tally import Tally
from models.types import utcnow

PERIODS = (7, 30, 90)
"""Days an indicator may look back."""
GOOD, FAIR = 85, 70
"""Percent of shipped orders delivered: above is good, from FAIR on it is fair."""

# In the words of ix_orders_open, which holds these orders in the order of their age.
_OPEN = text("orders.state NOT IN ('delivered', 'returned', 'cancelled')")


@dataclass(frozen=True, slots=True)
class Day:
    """What became of the orders created on one day (UTC)."""

    on: date
    created: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class Indicators:
    """Of the orders created in the last `days`; a rate of nothing is None."""

    days: int
    created: int
    confirmed: int
    shipped: int
    delivered: int
    revenue: int | None
    """Applied totals of those delivered, minor units; None for who may not see it."""
    open: int
    """Orders neither delivered, returned nor cancelled, however old."""
    median_age: timedelta | None
    """Of the open ones, since they were created."""
    trend: list[Day]
    """Each day of the period, the oldest first."""

    @property
    def confirmation_rate(self) -> float | None:
        return _share(self.confirmed, self.created)

    @property
    def delivery_rate(self) -> float | None:
        return _share(self.delivered, self.shipped)

    @property
    def delivery_mark(self) -> str:
        """green, orange or red; gray while nothing was shipped."""
        rate = self.delivery_rate
        if rate is None:
            return "gray"
        return "green" if rate > GOOD else "orange" if rate >= FAIR else "red"


def of(days: int, *, money: bool) -> Indicators:
    """The indicators of the current merchant over its last `days` days, today included."""
    since = utcnow().astimezone(UTC).date() - timedelta(days=days - 1)
    rows = db.session().execute(_sums(since, money=money)).mappings().all()
    by_day = {row["day"]: row for row in rows}

    def total(name: str) -> int:
        return sum(row[name] for row in rows)

    count, median = _open_orders()
    return Indicators(
        days=days,
        created=total("orders"),
        confirmed=total("confirmed"),
        shipped=total("shipped"),
        delivered=total("delivered"),
        revenue=total("revenue") if money else None,
        open=count,
        median_age=median,
        trend=[_day(on, by_day.get(on)) for on in _days(since, days)],
    )


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _sums(since: date, *, money: bool) -> Select[Any]:
    """One row a day. Stage by stage, for that is how the index of tallies lies."""
    wanted = ("orders", "confirmed", "shipped", "delivered", *(("revenue",) if money else ()))
    columns: list[Any] = [_sum(getattr(Tally, name)).label(name) for name in wanted]
    return (
        select(Tally.day, *columns)
        .join(Stage, (Stage.merchant_id == Tally.merchant_id) & (Stage.id == Tally.stage_id))
        .where(Tally.day >= since)
        .group_by(Tally.day)
    )


def _sum(column: Any) -> ColumnElement[int]:
    return cast(func.sum(column), BigInteger)


def _open_orders() -> tuple[int, timedelta | None]:
    """How many orders are open and their median age: both by walking ix_orders_open alone."""
    count = db.session().scalar(select(func.count()).select_from(Order).where(_OPEN)) or 0
    if not count:
        return 0, None
    middle = (
        select(Order.created_at)
        .where(_OPEN)
        .order_by(Order.created_at)
        .offset((count - 1) // 2)
        .limit(2 - count % 2)
    )
    return count, _mean_age(db.session().scalars(middle).all())


def _mean_age(created: Any) -> timedelta:
    now = utcnow()
    ages: list[timedelta] = [now - at for at in created]
    return sum(ages, timedelta()) / len(ages)


def _days(since: date, days: int) -> Iterator[date]:
    return (since + timedelta(days=n) for n in range(days))


def _day(on: date, row: Any) -> Day:
    return Day(on, row["orders"], row["confirmed"]) if row else Day(on, 0, 0)

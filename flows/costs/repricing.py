"""Charges without a price: which they are, and the price a newer list has for some of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, or_, select, update

from flows import live
from flows.costs.cards import Price, price
from flows.costs.rules import Reason
from models import db
from models.cost import Charge, Repricing
from models.user import Membership

PAGE = 50


@dataclass(slots=True)
class Priceable:
    """Charges that were unpriced and have a price on a list now."""

    charges: int = 0
    amounts: dict[str, int] = field(default_factory=dict)
    """Currency → micro-units they come to."""


def priceable() -> Priceable:
    """How many charges of any month could take a price now, and what they would come to."""
    found = Priceable()
    for group, now in _groups():
        _count(found, group, now, group.charges)
    return found


def price_now(*, by: Membership) -> Priceable:
    """Those charges have their price and `by` is named for it; settled ones stay as they are."""
    done = Priceable()
    for group, now in _groups():
        changed = db.session().execute(
            update(Charge)
            .where(*_same(group), *_unpriced())
            .values(amount_micros=now.micros, market=now.market, reason=Reason.PRICED.value)
            .execution_options(synchronize_session=False)
        )
        _count(done, group, now, changed.rowcount)  # type: ignore[attr-defined]
    if done.charges:
        log = Repricing(by_id=by.id, charges=done.charges, amounts=done.amounts)
        db.session().add(log)
        live.changed("costs")
    return done


def repricings() -> Sequence[Repricing]:
    """The last times somebody did that."""
    newest = select(Repricing).order_by(Repricing.at.desc()).limit(10)
    return db.session().scalars(newest).all()


def unpriced(
    first_day: date, *, channel_id: UUID | None = None, after: UUID | None = None
) -> Sequence[Charge]:
    """Charges of the month without a price, in the order they were made; those after this id."""
    wanted = select(Charge).where(Charge.month == first_day, Charge.amount_micros.is_(None))
    if channel_id is not None:
        wanted = wanted.where(Charge.channel_id == channel_id)
    if after is not None:
        wanted = wanted.where(Charge.id > after)
    return db.session().scalars(wanted.order_by(Charge.id).limit(PAGE)).all()


# --- groups of like charges -----------------------------------------------------------------------

_LIKE = (Charge.currency, Charge.country, Charge.category, Charge.local_date)


def _unpriced() -> tuple[ColumnElement[bool], ...]:
    """Billed, as far as anybody says: of a type we do not know no list tells the price."""
    kind = Charge.pricing_type
    return (Charge.amount_micros.is_(None), or_(kind.is_(None), kind == "regular"))


def _groups() -> list[tuple[Row[tuple[str, str, str, date, int]], Price]]:
    wanted = (
        select(*_LIKE, func.count().label("charges"))
        .where(*_unpriced(), Charge.country.is_not(None))
        .group_by(*_LIKE)
        .order_by(*_LIKE)
    )
    prices: dict[tuple[str, str, str, date], Price] = defaultdict(lambda: Price(None, None))
    found = []
    for group in db.session().execute(wanted):
        key = (group.currency, group.country, group.category, group.local_date)
        prices[key] = price(*key)
        if prices[key].micros is not None:
            found.append((group, prices[key]))
    return found  # type: ignore[return-value]


def _same(group: Row[tuple[str, str, str, date, int]]) -> tuple[ColumnElement[bool], ...]:
    values = (group.currency, group.country, group.category, group.local_date)
    return tuple(column == value for column, value in zip(_LIKE, values, strict=True))


def _count(
    into: Priceable, group: Row[tuple[str, str, str, date, int]], now: Price, charges: int
) -> None:
    if charges and now.micros is not None:
        into.charges += charges
        so_far = into.amounts.get(group.currency, 0)
        into.amounts[group.currency] = so_far + now.micros * charges

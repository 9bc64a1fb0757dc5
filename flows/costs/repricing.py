"""Charges without a price: which they are, and the price a newer list has for some of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Row, cast, func, select, text

from flows import audit, live
from flows.costs.cards import Price, price
from models import db
from models.cost import Charge, Repricing, Spending
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
    for group, found_price in _groups():
        found.charges += group.charges
        so_far = found.amounts.get(group.currency, 0)
        found.amounts[group.currency] = so_far + (found_price.micros or 0) * group.charges
    return found


def price_now(*, by: Membership) -> Priceable:
    """Those charges have their price and `by` is named for it; settled ones stay as they are."""
    prices = [
        {
            "currency": group.currency,
            "country": group.country,
            "category": group.category,
            "day": group.local_date.isoformat(),
            "micros": found.micros,
            "market": found.market,
        }
        for group, found in _groups()
    ]
    session, done = db.session(), Priceable()
    if not prices:
        return done
    for row in session.execute(_PRICE, {"prices": json.dumps(prices)}):
        done.charges += row.charges
        done.amounts[row.currency] = int(row.amount)
    session.expire_all()
    if done.charges:
        session.add(Repricing(by_id=by.id, charges=done.charges, amounts=done.amounts))
        audit.note("costs.priced", after={"count": done.charges})
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

# Everything at once: a list may come for a million charges.
_PRICE = text("""
WITH priced AS (
    UPDATE charges c SET amount_micros = p.micros, market = p.market, reason = 'priced'
    FROM jsonb_to_recordset(CAST(:prices AS jsonb))
        AS p(currency text, country text, category text, day date, micros bigint, market text)
    WHERE c.amount_micros IS NULL AND coalesce(c.pricing_type, 'regular') = 'regular'
        AND c.currency = p.currency AND c.country = p.country AND c.category = p.category
        AND c.local_date = p.day
        AND c.merchant_id = CAST(nullif(current_setting('wasl.merchant', true), '') AS uuid)
    RETURNING c.currency, c.amount_micros)
SELECT currency, count(*) AS charges, sum(amount_micros) AS amount FROM priced GROUP BY currency
""")
_LIKE = (Spending.currency, Spending.country, Spending.category, Spending.local_date)


def _groups() -> list[tuple[Row[tuple[Any, ...]], Price]]:
    """Charges without a price that are alike, as the kept sums know them, with their price now."""
    unpriced_ = cast(
        func.sum(Spending.messages - Spending.free - Spending.billed), BigInteger
    ).label("charges")
    wanted = (
        select(*_LIKE, unpriced_)
        .where(Spending.reason == "unpriced", Spending.country.is_not(None))
        .group_by(*_LIKE)
        .having(func.sum(Spending.messages) > 0)
    )
    found = []
    for group in db.session().execute(wanted):
        now = price(group.currency, group.country, group.category, group.local_date)
        if now.micros is not None:
            found.append((group, now))
    return found  # type: ignore[return-value]

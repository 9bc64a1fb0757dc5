"""Meta's price lists: everybody's and a merchant's own, and the price on a day."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session, joinedload

from flows.costs.markets import RATES, lines_for
from models import db
from models.cost import PriceList, RateCard

STALE_SECONDS = 300.0
PER_MESSAGE_SINCE = date(2025, 7, 1)
"""Before it Meta billed conversations, which have no price of ours."""

Line = dict[str, int | None]
"""Category → micro-units; None where the card says n/a."""


class RateCardChanged(Exception):
    """A published price list differs from the one already charged by; a new date is needed."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one message costs in millionths of the currency; None = no price, which is not zero."""

    micros: int | None
    market: str | None
    """The line of the card that applied."""


@dataclass(frozen=True, slots=True)
class Own:
    """Where a merchant's own list comes from; plain values, for they outlive their session."""

    file: str
    sha256: str
    at: datetime
    by: str | None
    """The name of who brought it in; None: somebody who left."""


@dataclass(frozen=True, slots=True)
class Card:
    """A price list as charges are made by it."""

    currency: str
    effective_from: date
    lines: dict[str, Line]
    own: Own | None = None
    """How the merchant brought it in for itself; None: it is everybody's."""

    def price(self, country: str, category: str) -> Price:
        """A country's own line beats its region's, and its n/a is not filled from the region."""
        market = next((line for line in lines_for(country) if line in self.lines), None)
        return Price(self.lines[market].get(category) if market else None, market)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Cards by currency, the newest first, as this process read them."""

    cards: dict[str, list[Card]]
    read_at: float


_house: _Shelf | None = None
_own: dict[UUID, _Shelf] = {}
MOST_SHELVES = 5_000


def load_rate_cards() -> int:
    """Put the cards of our data files that are not there yet into the database; how many.

    Cards are append-only: RateCardChanged when a file differs from the card of the same currency
    and date in the database, because charges were made by that one.
    """
    added = 0
    for path in sorted(RATES.glob("*-*.json")):
        try:
            added += add(_card(json.loads(path.read_text(encoding="utf-8"))))
        except RateCardChanged as changed:
            raise RateCardChanged(f"{path.name}: {changed}") from None
    return added


def add(card: Card) -> bool:
    """Everybody has this card; whether it is new.

    RateCardChanged when there is another one of its currency and date: charges were made by it.
    """
    key = (card.currency, card.effective_from)
    with db.house() as house:
        # Two processes may start at once: the second waits, then finds everything there.
        house.execute(text("LOCK TABLE rate_cards IN SHARE ROW EXCLUSIVE MODE"))
        same = select(RateCard).where(
            RateCard.currency == key[0], RateCard.effective_from == key[1]
        )
        there = _arranged(house.scalars(same))
        if not there:
            house.execute(insert(RateCard), list(_rows(card)))
        elif there[key] != card.lines:
            raise RateCardChanged("give a changed list a new date")
    forget_rate_cards()
    return not there


def card_for_all(currency: str, day: date) -> Card | None:
    """The card of all merchants that applies on a day."""
    with db.house() as house:
        wanted = select(RateCard).where(
            RateCard.currency == currency, RateCard.effective_from <= day
        )
        arranged = _arranged(house.scalars(wanted))
    newest = max(arranged, default=None)
    return Card(*newest, arranged[newest]) if newest else None


def cards_for_all() -> list[tuple[str, date, int]]:
    """Currency, first day and number of markets of every card of all merchants, newest first."""
    markets = func.count(RateCard.market.distinct())
    key = (RateCard.currency, RateCard.effective_from)
    wanted = select(*key, markets).group_by(*key).order_by(key[1].desc(), key[0])
    with db.house() as house:
        return [(row[0], row[1], row[2]) for row in house.execute(wanted)]


def forget_rate_cards() -> None:
    """Let this process read the cards anew; other processes do within five minutes."""
    global _house
    _house = None
    _own.clear()


def price(currency: str, country: str | None, category: str, day: date) -> Price:
    """The list price of one message by the newest card of the currency in force on that day."""
    card = in_force(currency, day) if country and day >= PER_MESSAGE_SINCE else None
    return card.price(country, category) if card and country else Price(None, None)


def in_force(currency: str, day: date) -> Card | None:
    """The card of the currency that applies on a day, for the current merchant."""
    return next((card for card in cards(currency) if card.effective_from <= day), None)


def cards(currency: str | None = None) -> list[Card]:
    """The cards of a currency (or of all), the newest first: everybody's and the merchant's own."""
    house, own = _house_shelf().cards, _own_shelf().cards
    wanted = [currency] if currency else sorted({*house, *own})
    # Of one date the merchant's own is first: sorting keeps the order of equals.
    return [
        card
        for each in wanted
        for card in sorted(
            [*own.get(each, []), *house.get(each, [])],
            key=lambda card: card.effective_from,
            reverse=True,
        )
    ]


def _house_shelf() -> _Shelf:
    global _house
    shelf = _house
    if shelf is None or _stale(shelf):
        arranged = _arranged(db.session().scalars(select(RateCard)))
        shelf = _shelved(Card(*key, lines) for key, lines in arranged.items())
        _house = shelf if shelf.cards else None  # an empty table is about to be filled
    return shelf


def _own_shelf() -> _Shelf:
    session = db.session()
    shelf = _own.get(session.merchant_id)
    if shelf is None or _stale(shelf):
        with _reader(session) as reader:
            mine = select(PriceList).where(PriceList.merchant_id == session.merchant_id)
            wanted = mine.options(joinedload(PriceList.by)).order_by(PriceList.id)
            shelf = _shelved(_own_card(row) for row in reader.scalars(wanted))
        if len(_own) >= MOST_SHELVES:
            _own.clear()
        _own[session.merchant_id] = shelf
    return shelf


def _reader(session: db.MerchantSession) -> AbstractContextManager[Session]:
    """A session that sees the merchant's lists. Who sees only their own orders sees none, and must
    not fill the shelf of all with nothing."""
    return db.house() if session.only else nullcontext(session)


def _own_card(row: PriceList) -> Card:
    own = Own(row.file, row.sha256, row.at, row.by.name if row.by else None)
    return Card(row.currency, row.effective_from, dict(row.lines), own)


def _stale(shelf: _Shelf) -> bool:
    return time.monotonic() > shelf.read_at + STALE_SECONDS


def _shelved(found: Iterable[Card]) -> _Shelf:
    arranged: dict[str, list[Card]] = defaultdict(list)
    for card in sorted(found, key=lambda card: card.effective_from, reverse=True):
        arranged[card.currency].append(card)
    return _Shelf(dict(arranged), time.monotonic())


def _arranged(rows: Iterable[RateCard]) -> dict[tuple[str, date], dict[str, Line]]:
    cards: dict[tuple[str, date], dict[str, Line]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        cards[row.currency, row.effective_from][row.market][row.category] = row.micros
    return cards


def _rows(card: Card) -> Iterable[dict[str, Any]]:
    for market, line in card.lines.items():
        for category, micros in line.items():
            yield {
                "currency": card.currency,
                "effective_from": card.effective_from,
                "market": market,
                "category": category,
                "micros": micros,
            }


def _card(told: dict[str, Any]) -> Card:
    """One of our data files: its prices stand in the order of its categories."""
    lines = {
        market: dict(zip(told["categories"], prices, strict=True))
        for market, prices in told["micros"].items()
    }
    return Card(told["currency"], date.fromisoformat(told["effective_from"]), lines)

"""Meta's price lists: our data files put into the database, and the price on a day."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, select, text

from flows.costs.markets import RATES, lines_for
from models import db
from models.cost import RateCard

STALE_SECONDS = 300.0

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
class _Card:
    effective_from: date
    lines: dict[str, Line]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Every card of the database by currency, the newest first, as this process read them."""

    cards: dict[str, list[_Card]]
    read_at: float


_shelf: _Shelf | None = None


def load_rate_cards() -> int:
    """Put the cards of our data files that are not there yet into the database; how many.

    Cards are append-only: RateCardChanged when a file differs from the card of the same currency
    and date in the database, because charges were made by that one.
    """
    added = 0
    with db.house() as house:
        # Two processes may start at once: the second waits, then finds everything there.
        house.execute(text("LOCK TABLE rate_cards IN SHARE ROW EXCLUSIVE MODE"))
        there = _arranged(house.scalars(select(RateCard)))
        for path in sorted(RATES.glob("*-*.json")):
            rows = _rows(json.loads(path.read_text(encoding="utf-8")))
            key = (rows[0]["currency"], rows[0]["effective_from"])
            if key not in there:
                house.execute(insert(RateCard), rows)
                added += 1
            elif there[key] != _arranged(RateCard(**row) for row in rows)[key]:
                raise RateCardChanged(f"{path.name}: give a changed list a new date")
    forget_rate_cards()
    return added


def forget_rate_cards() -> None:
    """Let this process read the cards anew; other processes do within five minutes."""
    global _shelf
    _shelf = None


def price(currency: str, country: str | None, category: str, day: date) -> Price:
    """The list price of one message by the newest card of the currency in force on that day.

    A country's own line beats its region's, and its n/a is not filled from the region.
    """
    if country is None:
        return Price(None, None)
    for card in _cards(currency):
        if card.effective_from <= day:
            market = next((line for line in lines_for(country) if line in card.lines), None)
            return Price(card.lines[market].get(category) if market else None, market)
    return Price(None, None)


def _cards(currency: str) -> list[_Card]:
    global _shelf
    shelf = _shelf
    if shelf is None or time.monotonic() > shelf.read_at + STALE_SECONDS:
        shelf = _read()
        _shelf = shelf if shelf.cards else None  # an empty table is about to be filled
    return shelf.cards.get(currency, [])


def _read() -> _Shelf:
    cards: dict[str, list[_Card]] = defaultdict(list)
    arranged = _arranged(db.session().scalars(select(RateCard)))
    for currency, effective_from in sorted(arranged, reverse=True):
        cards[currency].append(_Card(effective_from, arranged[currency, effective_from]))
    return _Shelf(dict(cards), time.monotonic())


def _arranged(rows: Iterable[RateCard]) -> dict[tuple[str, date], dict[str, Line]]:
    cards: dict[tuple[str, date], dict[str, Line]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        cards[row.currency, row.effective_from][row.market][row.category] = row.micros
    return cards


def _rows(card: dict[str, Any]) -> list[dict[str, Any]]:
    """A data file as rows: its prices stand in the order of its categories."""
    return [
        {
            "currency": card["currency"],
            "effective_from": date.fromisoformat(card["effective_from"]),
            "market": market,
            "category": category,
            "micros": micros,
        }
        for market, prices in card["micros"].items()
        for category, micros in zip(card["categories"], prices, strict=True)
    ]

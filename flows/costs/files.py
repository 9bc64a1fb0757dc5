"""Price lists as files: ours (JSON) and Meta's (CSV, a row for each market), read into a Card."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flows.costs.cards import Card, Line
from flows.costs.markets import market_called
from flows.costs.rules import spelled
from flows.errors import N_, Refused

LARGEST = 1_000_000
MOST = 10**12
"""Micro-units no message costs."""
CATEGORIES = ("marketing", "utility", "authentication", "authentication_international", "service")
_NONE = {"", "n/a", "na", "-", "–", "—", "null", "none"}
_MONTHS = "january february march april may june july august september october november december"


@dataclass(frozen=True, slots=True)
class Read:
    """What a file says. What is missing is asked of whoever brings it in."""

    currency: str | None
    effective_from: date | None
    lines: dict[str, Line]
    ignored: list[str]
    """Columns that are no category we know."""

    def card(self, currency: str | None = None, effective_from: date | None = None) -> Card:
        """The list for this currency and date; Refused where neither file nor caller names them."""
        currency, day = currency or self.currency, effective_from or self.effective_from
        if currency is None:
            raise _no("currency_missing", N_("The list does not say its currency."))
        if not re.fullmatch("[A-Z]{3}", currency):
            raise _no("not_a_currency", N_("A currency has three letters, such as USD or EUR."))
        if day is None:
            raise _no("date_missing", N_("The list does not say from which day on it applies."))
        return Card(currency, day, self.lines)


def read(data: bytes, name: str = "") -> Read:
    """What a price list says, or Refused with the reason and the place."""
    if len(data) > LARGEST:
        raise _no("too_large", N_("This file is too large for a price list."))
    if data.startswith(b"PK"):
        raise _no(
            "spreadsheet",
            N_("This is a spreadsheet, whatever its name says: save it as CSV and bring that in."),
        )
    text = decoded(data)
    if text.lstrip().startswith("{"):
        return _from_json(text)
    return _from_csv(text, name)


def decoded(data: bytes) -> str:
    """UTF-8, else as old spreadsheets write."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


# --- JSON -----------------------------------------------------------------------------------------


def _from_json(text: str) -> Read:
    """Our own shape: {"currency", "effective_from", "categories", "micros": {market: prices}}.

    Prices stand in the order of the categories, or under their names.
    """
    try:
        told: dict[str, Any] = json.loads(text)
        day = told.get("effective_from")
        lines = {
            _market(market, market): _whole(market, prices, told.get("categories", ()))
            for market, prices in told["micros"].items()
        }
        return _checked(Read(_currency(told.get("currency")), _day(day), lines, []))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _no("not_a_list", N_("This is not a price list.")) from None


def _whole(market: str, prices: Any, categories: Sequence[str]) -> Line:
    named = prices if isinstance(prices, dict) else dict(zip(categories, prices, strict=True))
    line: Line = {}
    for category, micros in named.items():
        if micros is not None and (type(micros) is not int or not 0 <= micros < MOST):
            raise _no_price(market, category, micros)
        if spelled(category) not in CATEGORIES:
            raise _no(
                "unknown_category", N_("There is no category “{category}”."), category=category
            )
        line[spelled(category)] = micros
    return line


# --- CSV ------------------------------------------------------------------------------------------


def _from_csv(text: str, name: str) -> Read:
    """Meta's own: a row a market, a column a category, with whatever stands above the heads."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), _dialect(text))]
    start = next((n for n, row in enumerate(rows) if _heads(row)), None)
    if start is None:
        raise _no(
            "no_heads", N_("No line with the heads “Market”, “Marketing”, “Utility” was found.")
        )
    heads = [_head(cell) for cell in rows[start]]
    above = " ".join(cell for row in rows[:start] for cell in row) + f" {name}"
    lines: dict[str, Line] = {}
    currencies = {found} if (found := _currency_in(above)) else set()
    days = {day} if (day := _day_in(above)) else set()
    for number, row in enumerate(rows[start + 1 :], start + 2):
        cells = dict(zip(heads, row, strict=False))
        if not cells.get("market"):
            continue  # Meta writes remarks below the prices
        prices = {c: cells[c] for c in CATEGORIES if c in cells}
        if not any(prices.values()):
            continue
        market = _market(cells["market"], number)
        if market in lines:
            raise _no("twice", N_("“{market}” stands on the list twice."), market=cells["market"])
        lines[market] = {c: _micros(cells["market"], c, text) for c, text in prices.items()}
        if written := _currency(cells.get("currency")):
            currencies = (currencies if len(lines) > 1 else set()) | {written}
    if len(currencies) > 1:
        raise _no("currencies", N_("The list has prices in several currencies."))
    known = {"market", "currency", "", *CATEGORIES}
    ignored = [cell for head, cell in zip(heads, rows[start], strict=True) if head not in known]
    return _checked(Read(next(iter(currencies), None), next(iter(days), None), lines, ignored))


def _dialect(text: str) -> type[csv.excel]:
    separator = max(",;\t", key=text.count)

    class Dialect(csv.excel):
        delimiter = separator

    return Dialect


def _heads(row: Sequence[str]) -> bool:
    found = {_head(cell) for cell in row}
    return "market" in found and bool(found & set(CATEGORIES))


def _head(cell: str) -> str:
    word = re.sub(r"[^a-z]+", "_", cell.lower()).strip("_")
    word = re.sub(r"_?(rates?|price|usd|per_message)$", "", word)
    return {"region": "market", "country": "market", "markets": "market"}.get(word, word)


def _micros(market: str, category: str, written: str) -> int | None:
    """An amount as Meta or a spreadsheet writes it: $0.0414, 0,0414 €, MAD 0.4100, n/a."""
    if written.lower() in _NONE:
        return None
    digits = re.sub(r"^[A-Z]{3}\s*|\s*[A-Z]{3}$|[$€£₹\s\u00a0\u202f]", "", written)
    if "," in digits and "." in digits:
        digits = digits.replace(",", "")
    try:
        amount = Decimal(digits.replace(",", ".")) * 1_000_000
    except InvalidOperation:
        raise _no_price(market, category, written) from None
    if not amount.is_finite() or amount != amount.to_integral_value() or not 0 <= amount < MOST:
        raise _no_price(market, category, written)
    return int(amount)


# --- words of a list ------------------------------------------------------------------------------


def _market(written: str, place: object) -> str:
    found = market_called(written)
    if found is None:
        raise _no(
            "unknown_market",
            N_("“{market}” (line {place}) is no country or region of Meta's lists."),
            market=written,
            place=place,
        )
    return found


def _currency(word: object) -> str | None:
    written = str(word or "").strip().upper()
    return {"$US": "USD", "US$": "USD", "$": "USD", "€": "EUR"}.get(written, written) or None


def _currency_in(text: str) -> str | None:
    found = re.search(
        r"(?<![A-Za-z])(USD|EUR|GBP|MAD|DZD|TND|AED|SAR|INR|IDR|MXN|AUD|BRL|ARS|CLP|COP|MYR|PEN|SGD)"
        r"(?![A-Za-z])",
        text.upper(),
    )
    return found[1] if found else None


def _day(word: object) -> date | None:
    return date.fromisoformat(str(word)) if word else None


def _day_in(text: str) -> date | None:
    """2026-10-01, or October 1, 2026."""
    try:
        if found := re.search(r"(20\d\d)-(\d\d)-(\d\d)", text):
            return date(*map(int, found.groups()))
        months = "|".join(_MONTHS.split())
        if found := re.search(rf"({months})\s+(\d{{1,2}})(?:st)?,?\s+(20\d\d)", text.lower()):
            return datetime.strptime(" ".join(found.groups()), "%B %d %Y").date()  # noqa: DTZ007
    except ValueError:
        pass
    return None


def _checked(found: Read) -> Read:
    if not any(micros is not None for line in found.lines.values() for micros in line.values()):
        raise _no("no_prices", N_("There is no price on this list."))
    return found


def _no_price(market: str, category: str, written: object) -> Refused:
    return _no(
        "not_a_price",
        N_("“{written}” ({market}, {category}) is not a price with at most six decimals."),
        written=str(written)[:40],
        market=market,
        category=category,
    )


def _no(code: str, sentence: str, **facts: object) -> Refused:
    refusal = Refused(code, sentence, **facts)
    refusal.status = 422
    return refusal

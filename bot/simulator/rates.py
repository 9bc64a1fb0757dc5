"""Meta's list prices, read on their own: the bill that the product's own count is held against."""

from __future__ import annotations

import json
from datetime import date
from functools import cache

import phonenumbers

from bot.simulator.world import Json
from flows.costs.markets import RATES

OTHER = "Other"


def country_of(phone: str | None, user_id: str) -> str:
    """The ISO country of a recipient: by calling code, else as the user id begins."""
    if phone is None:
        return user_id.partition(".")[0]
    number = phonenumbers.parse(phone)
    named = phonenumbers.region_code_for_number(number)
    return named or phonenumbers.region_code_for_country_code(number.country_code or 0)


def price(country: str, category: str, day: date) -> int | None:
    """Micro-units of the card's currency (USD) for one message; None where the card says n/a."""
    card = next((card for card in _cards() if card["effective_from"] <= day.isoformat()), None)
    card = card or _cards()[-1]
    if category not in card["categories"]:
        return 0 if category == "service" else None
    lines = card["micros"]
    country = _markets()["shares"].get(country, country)
    line = next(lines[name] for name in (country, _region(country), OTHER) if name in lines)
    micros: int | None = line[card["categories"].index(category)]
    return micros


@cache
def _cards() -> list[Json]:
    """The newest first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in RATES.glob("usd-*.json")]
    return sorted(found, key=lambda card: str(card["effective_from"]), reverse=True)


@cache
def _region(country: str) -> str:
    regions: Json = _markets()["regions"]
    return next((r for r, facts in regions.items() if country in facts["countries"]), OTHER)


@cache
def _markets() -> Json:
    found: Json = json.loads((RATES / "markets.json").read_text(encoding="utf-8"))
    return found

"""Where a recipient stands on Meta's price list: phone or user id → country → line of the card."""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from pathlib import Path

import phonenumbers
from babel import Locale

from models.types import fold

RATES = Path(__file__).parent / "rates"
OTHER = "Other"

# A business-scoped user id begins with its country: "MA.13491208655302741918".
_USER_ID = re.compile(r"([A-Z]{2})\.\w")


def country_of(phone: str | None, user_id: str | None) -> str | None:
    """The recipient's country (ISO 3166), from the phone (E.164), else from the user id.

    None when neither tells: such a message has no price, which does not make it free.
    """
    return _by_phone(phone) or _by_user_id(user_id)


def lines_for(country: str) -> tuple[str, ...]:
    """The lines a card may list this country under, the nearest first; "Other" is the last."""
    regions, shares = _map()
    # Meta goes by calling code: Western Sahara (+212) is on Morocco's line.
    listed = shares.get(country, country)
    region = regions.get(listed)
    return (listed, region, OTHER) if region else (listed, OTHER)


def market_called(name: str) -> str | None:
    """The line of a card for a market as Meta writes it: an ISO code, a region or "Other"."""
    return _named().get(_plain(name))


def is_country(market: str) -> bool:
    return len(market) == 2


@cache
def _named() -> dict[str, str]:
    regions = {_plain(region): region for region in (*set(_map()[0].values()), OTHER)}
    english = Locale("en").territories
    countries = {
        _plain(written): code
        for code in phonenumbers.SUPPORTED_REGIONS
        for written in (code, english.get(code, code), english.get(code, code).split(" SAR ")[0])
    }
    return countries | {_plain(alias): code for alias, code in _ALIASES.items()} | regions


# Meta's names where they are not those of the Unicode tables.
_ALIASES = {
    "Turkiye": "TR",
    "Turkey": "TR",
    "UAE": "AE",
    "UK": "GB",
    "Ivory Coast": "CI",
    "Russian Federation": "RU",
    "Czech Republic": "CZ",
    "Democratic Republic of the Congo": "CD",
    "Republic of Korea": "KR",
    "Viet Nam": "VN",
}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", fold(name.replace("&", " and "))).strip()


@lru_cache(4096)  # parsing takes longer than pricing, and one message is asked about often
def _by_phone(phone: str | None) -> str | None:
    if not phone:
        return None
    try:
        number = phonenumbers.parse(f"+{phone.lstrip('+')}")
    except phonenumbers.NumberParseException:
        return None
    # A calling code of several countries (+1, +7, +212) is told apart by the digits after it;
    # a number of no known plan is the first country's.
    code = number.country_code or 0
    return _real(
        phonenumbers.region_code_for_number(number)
        or phonenumbers.region_code_for_country_code(code)
    )


def _by_user_id(user_id: str | None) -> str | None:
    found = _USER_ID.match(user_id or "")
    return _real(found[1]) if found else None


def _real(region: str | None) -> str | None:
    return region if region in phonenumbers.SUPPORTED_REGIONS else None


@cache
def _map() -> tuple[dict[str, str], dict[str, str]]:
    """Country → region, and country → the country whose line it shares."""
    markets = json.loads((RATES / "markets.json").read_text(encoding="utf-8"))
    regions = {
        country: region
        for region, described in markets["regions"].items()
        for country in described["countries"]
    }
    return regions, markets["shares"]

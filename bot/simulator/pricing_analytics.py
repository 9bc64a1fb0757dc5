"""Graph's `pricing_analytics`: what was delivered and what it costs, as the ledger has it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.simulator.errors import GraphError, missing
from bot.simulator.rates import country_of, price
from bot.simulator.world import Account, Bubble, Json, World

NAME = "pricing_analytics"
GRANULARITIES = ("HALF_HOUR", "DAILY", "MONTHLY")
DIMENSIONS = {
    "PRICING_CATEGORY": "pricing_category",
    "PRICING_TYPE": "pricing_type",
    "COUNTRY": "country",
    "PHONE": "phone_number",
    "TIER": "tier",
}
MILLION = 1_000_000
HALF_HOUR = 1800


@dataclass(frozen=True)
class Question:
    """What is asked: a span of seconds since 1970, how finely, and of which messages."""

    start: int
    end: int
    granularity: str
    dimensions: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("COST", "VOLUME")
    phone_numbers: tuple[str, ...] = ()
    country_codes: tuple[str, ...] = ()
    pricing_types: tuple[str, ...] = ()
    pricing_categories: tuple[str, ...] = ()


def asked_in(fields: str) -> dict[str, str] | None:
    """The arguments of `pricing_analytics.start(…).end(…)…` in a list of fields, if it is there."""
    found = re.search(rf"\b{NAME}((?:\.\w+\([^)]*\))*)", fields)
    return dict(re.findall(r"\.(\w+)\(([^)]*)\)", found[1])) if found else None


def question(asked: dict[str, str]) -> Question:
    """The question these arguments ask, or GraphError as Meta refuses them."""
    for name in ("start", "end", "granularity"):
        if not asked.get(name):
            raise missing(f"{NAME}.{name}")
    if not asked["start"].isdigit() or not asked["end"].isdigit():
        raise GraphError(100, message=f"(#100) {NAME}: start and end are UNIX timestamps.")
    granularity = asked["granularity"].strip("\"'").upper()
    if granularity not in GRANULARITIES:
        raise GraphError(100, message=f"(#100) {NAME}: granularity is one of {GRANULARITIES}.")
    dimensions = _listed(asked.get("dimensions"))
    if set(dimensions) - DIMENSIONS.keys():
        raise GraphError(100, message=f"(#100) {NAME}: dimensions are {tuple(DIMENSIONS)}.")
    return Question(
        start=int(asked["start"]),
        end=int(asked["end"]),
        granularity=granularity,
        dimensions=dimensions,
        metrics=_listed(asked.get("metric_types")) or ("COST", "VOLUME"),
        phone_numbers=tuple(_digits(n) for n in _listed(asked.get("phone_numbers"))),
        country_codes=_listed(asked.get("country_codes")),
        pricing_types=_listed(asked.get("pricing_types")),
        pricing_categories=_listed(asked.get("pricing_categories")),
    )


def answer(world: World, account: Account, asked: Question) -> Json:
    """{"data": [{"data_points": […]}]}; costs in whole units of the account's currency."""
    sums: dict[tuple[tuple[str, str | int], ...], list[int]] = defaultdict(lambda: [0, 0])
    for bubble in list(world.bubbles.values()):
        for place, micros in _counted(world, account, bubble, asked):
            sums[place][0] += 1
            sums[place][1] += micros
    points = [_point(dict(place), sums[place], asked) for place in sorted(sums, key=str)]
    return {"data": [{"data_points": points}]}


def _counted(
    world: World, account: Account, bubble: Bubble, asked: Question
) -> Iterator[tuple[tuple[tuple[str, str | int], ...], int]]:
    at = bubble.reached.get("delivered")
    number = world.numbers[bubble.number]
    if at is None or bubble.pricing is None or number.account != account.id:
        return
    customer = world.customers[bubble.customer or ""]
    facts = {
        "phone_number": number.digits,
        "country": country_of(customer.phone, customer.user_id),
        "pricing_type": str(bubble.pricing.get("type", "regular")).upper(),
        "pricing_category": str(bubble.pricing["category"]).upper().replace("-", "_"),
        "tier": "0:MAX",
    }
    if not (asked.start <= at < asked.end and _wanted(facts, asked)):
        return
    local = world.local(account, at)
    start, end = _bucket(local, asked.granularity)
    kept = {name: facts[name] for name in map(DIMENSIONS.__getitem__, asked.dimensions)}
    micros = None
    if facts["pricing_type"] == "REGULAR":
        micros = price(facts["country"], facts["pricing_category"].lower(), local.date())
    yield (("start", start), ("end", end), *kept.items()), micros or 0


def _wanted(facts: dict[str, str], asked: Question) -> bool:
    filters = (
        ("phone_number", asked.phone_numbers),
        ("country", asked.country_codes),
        ("pricing_type", asked.pricing_types),
        ("pricing_category", asked.pricing_categories),
    )
    return all(not values or facts[name] in values for name, values in filters)


def _bucket(local: datetime, granularity: str) -> tuple[int, int]:
    if granularity == "HALF_HOUR":
        start = int(local.timestamp()) // HALF_HOUR * HALF_HOUR
        return start, start + HALF_HOUR
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if granularity == "DAILY":
        return int(day.timestamp()), int((day + timedelta(days=1)).timestamp())
    month = day.replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    return int(month.timestamp()), int(following.timestamp())


def _point(place: Json, sums: list[int], asked: Question) -> Json:
    volume, micros = sums
    figures = {"VOLUME": ("volume", volume), "COST": ("cost", micros / MILLION)}
    return place | dict(figures[metric] for metric in asked.metrics if metric in figures)


def _listed(text: str | None) -> tuple[str, ...]:
    words = re.findall(r"[\w+]+", text or "")
    return tuple(word if word.isdigit() else word.upper() for word in words)


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))

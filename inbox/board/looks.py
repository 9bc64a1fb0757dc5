"""How the board says things: ages, rates, where a card may go, why an order comes to a stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from babel import Locale
from babel.dates import format_skeleton, format_timedelta
from babel.numbers import format_percent
from flask import Blueprint
from markupsafe import Markup

from flows import pipeline
from flows.board import Card
from flows.indicators import Day
from inbox import languages
from inbox.conversations.asked import write_place
from inbox.current import current
from inbox.filters import ltr, number
from models.order import Order
from models.pipeline import REASONED, Pipeline, Stage, SystemState
from models.timeline import By
from models.types import utcnow


def attach(pages: Blueprint) -> None:
    for show in FILTERS:
        pages.add_app_template_filter(show, show.__name__)


class Goes:
    """Where this person may take each order, as the places of the columns: "2 3 10"."""

    def __init__(self, of: Pipeline) -> None:
        self._rules = pipeline.Rules.of(of, By.user(current.member))
        self._may = current.may("orders.move")
        self._known: dict[tuple[UUID, SystemState], str] = {}

    def __call__(self, order: Order) -> str:
        here = (order.stage_id, order.state)
        if here not in self._known:
            stages = self._rules.allowed(order) if self._may else []
            self._known[here] = " ".join(str(stage.position) for stage in stages)
        return self._known[here]


def card_place(card: Card) -> str:
    return write_place(card.place)


def reasons(stage: Stage) -> str | None:
    """What people choose from when an order comes here, for board.js; None: nobody asks why."""
    return json.dumps(stage.reasons) if stage.state in REASONED else None


def age(at: datetime) -> str:
    """How long ago, in one short word: 5 min, 3 h, 2 d."""
    return span(utcnow() - at)


def span(passed: timedelta) -> str:
    """A length of time in one short word: 5 min, 3 h, 2 d."""
    minutes = max(1, int(passed.total_seconds() // 60))
    return _short(minutes, current.language, current.country)


def rate(percent: float) -> Markup:
    """83,5 %, as the reader writes it."""
    share = Decimal(f"{percent:.1f}").normalize() / 100
    return ltr(format_percent(share, decimal_quantization=False, locale=_locale()))


def bar(day: Day) -> tuple[str, int, str]:
    """A day of the trend, as the macro `bars` draws it."""
    name = format_skeleton("MMMd", day.on, locale=_locale())
    return name, day.confirmed, number(day.confirmed)


FILTERS: tuple[Callable[..., object], ...] = (age, card_place, rate, reasons, span)


def _locale() -> Locale:
    return languages.locale(current.language, current.country)


@lru_cache(maxsize=10_000)
def _short(minutes: int, language: str, country: str) -> str:
    passed, locale = timedelta(minutes=minutes), languages.locale(language, country)
    return format_timedelta(passed, granularity="minute", format="short", locale=locale)

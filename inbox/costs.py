"""The page of Meta's charges: a month by category, number and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from babel import dates
from flask import Blueprint, render_template, request

from flows import channels, costs
from flows.errors import NotFound
from inbox import languages
from inbox.auth import needs
from inbox.current import current
from inbox.filters import micros
from inbox.languages import N_, gettext
from models.channel import Channel
from models.types import utcnow

pages = Blueprint("costs", __name__)

CATEGORIES = {
    "marketing": N_("Marketing"),
    "utility": N_("Utility"),
    "authentication": N_("Authentication"),
    "authentication_international": N_("Authentication from abroad"),
    "service": N_("Replies"),
    "referral_conversion": N_("After an advertisement"),
    "unknown": N_("Not known"),
}


@dataclass(frozen=True, slots=True)
class Day:
    """One bar of the plot and one row of the table below it."""

    number: str
    name: str
    tally: costs.Tally


@pages.get("/costs")
@needs("costs.read", "money.see")
def index() -> str:
    newest = utcnow().astimezone(current.zone).date().replace(day=1)
    first_day = _month(request.args.get("month"), newest)
    number = _number(request.args.get("number"))
    account = costs.month(first_day, channel_id=number.id if number else None)
    days = [Day(f"{day.day}", _written(day, "MMMEd"), t) for day, t in account.days.items()]
    return render_template(
        "costs/_account.html" if current.wants_fragment else "costs/index.html",
        account=account,
        number=number,
        numbers=channels.all_of_merchant(),
        month=f"{first_day:%Y-%m}",
        month_name=_written(first_day, "yMMMM"),
        earlier=_earlier(first_day),
        later=_later(first_day, newest),
        days=days,
        points={currency: _points(days, currency) for currency in account.total.amounts},
        category_name=category_name,
        quota=costs.FREE_SERVICE_MESSAGES,
    )


def category_name(category: str) -> str:
    """Meta's category in the reader's language; one we do not know yet as Meta spells it."""
    return gettext(CATEGORIES.get(category, category))


def _month(text: str | None, newest: date) -> date:
    if not text:
        return newest
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise NotFound from None


def _number(text: str | None) -> Channel | None:
    if not text:
        return None
    try:
        found = channels.find(UUID(text))
    except ValueError:
        found = None
    if found is None:
        raise NotFound
    return found


def _earlier(first_day: date) -> str | None:
    """The month before, unless nothing was charged so early."""
    oldest = costs.first_month()
    there = oldest is not None and oldest < first_day
    return f"{first_day - timedelta(days=1):%Y-%m}" if there else None


def _later(first_day: date, newest: date) -> str | None:
    return f"{first_day + timedelta(days=31):%Y-%m}" if first_day < newest else None


def _points(days: list[Day], currency: str) -> list[tuple[str, int, str]]:
    """What the plot shows of each day: its number, how high its bar is, what the bar says."""
    spent = [(day, day.tally.amounts.get(currency, 0)) for day in days]
    return [(day.number, amount, micros(amount, currency).striptags()) for day, amount in spent]


def _written(day: date, skeleton: str) -> str:
    locale = languages.locale(current.language, current.country)
    return dates.format_skeleton(skeleton, day, locale=locale)

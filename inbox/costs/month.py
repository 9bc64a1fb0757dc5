"""The month of Meta's charges: by day, category, template, stage and number; the budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask import render_template, request

from flows import channels, costs
from flows.errors import Invalid, Refused
from inbox import htmx, life
from inbox.auth import needs
from inbox.costs import pages, words
from inbox.costs.asked import Asked
from inbox.current import current
from inbox.filters import micros
from inbox.forms import Fields
from inbox.languages import N_, told
from inbox.languages import gettext as _
from models.types import Money, exponent

SHOWN = 8
"""Templates and senders the page names; the others are behind a click."""


@dataclass(frozen=True, slots=True)
class Day:
    """One bar of the plot and one row of the table below it."""

    number: str
    name: str
    tally: costs.Tally


@dataclass(frozen=True, slots=True)
class Share:
    """What one order cost in micro-units, where there were orders to divide by."""

    confirmed: int | None
    delivered: int | None


@pages.get("/costs")
@needs("costs.read", "money.see")
def index() -> str:
    template = "costs/_account.html" if current.wants_fragment else "costs/index.html"
    return render_template(template, **shown(Asked.read()))


def shown(asked: Asked) -> dict[str, Any]:
    """Everything the page of a month says."""
    account = costs.month(asked.first_day, channel_id=asked.number_id)
    days = [
        Day(f"{day.day}", words.written(day, "MMMEd"), tally) for day, tally in account.days.items()
    ]
    orders = costs.orders_of(asked.first_day)
    compared = costs.drift(asked.first_day, channel_id=asked.number_id)
    return {
        "account": account,
        "number": asked.number,
        "numbers": channels.all_of_merchant(),
        "month": asked.month,
        "month_name": words.written(asked.first_day, "yMMMM"),
        "earlier": _earlier(asked.first_day),
        "later": _later(asked),
        "days": days,
        "points": {currency: _points(days, currency) for currency in account.total.amounts},
        "shares": _shares(account.total, orders),
        "orders": orders,
        "drift": compared,
        "meta": _compared(compared),
        "budgets": costs.of_month(asked.first_day),
        "priceable": costs.priceable() if account.total.unpriced else costs.Priceable(),
        "quota": costs.FREE_SERVICE_MESSAGES,
        "most": SHOWN,
        "words": words,
    }


def _shares(total: costs.Tally, orders: costs.Orders) -> dict[str, Share]:
    return {
        currency: Share(
            _share(amount, orders.confirmed),
            _share(amount, orders.delivered),
        )
        for currency, amount in total.amounts.items()
    }


def _share(amount: int, orders: int) -> int | None:
    """To the ten-thousandth, as Meta writes its prices: a quotient has no more to say."""
    return round(amount / orders / 100) * 100 if orders else None


@dataclass(slots=True)
class Compared:
    """The days that both counted, in one currency; `theirs` is None where Meta tells no cost."""

    days: int = 0
    messages: int = 0
    their_messages: int = 0
    ours: int = 0
    theirs: int | None = 0

    @property
    def percent(self) -> Decimal | None:
        """How far our sum is from Meta's, in per cent of Meta's."""
        if not self.theirs:
            return None
        return (Decimal(self.ours - self.theirs) * 100 / self.theirs).quantize(Decimal("0.01"))

    @property
    def agrees(self) -> bool:
        return self.messages == self.their_messages and self.theirs in (None, self.ours)


def _compared(found: list[costs.Drift]) -> dict[str, Compared]:
    sums: dict[str, Compared] = {}
    for day in found:
        one = sums.setdefault(day.currency, Compared())
        one.days += 1
        one.messages += day.ours
        one.their_messages += day.theirs
        one.ours += day.our_micros
        known = one.theirs is not None and day.their_micros is not None
        one.theirs = (one.theirs or 0) + (day.their_micros or 0) if known else None
    return sums


def _earlier(first_day: date) -> str | None:
    """The month before, unless nothing was charged so early."""
    oldest = costs.first_month()
    there = oldest is not None and oldest < first_day
    return f"{first_day - timedelta(days=1):%Y-%m}" if there else None


def _later(asked: Asked) -> str | None:
    if asked.first_day >= asked.newest:
        return None
    return f"{asked.first_day + timedelta(days=31):%Y-%m}"


def _points(days: list[Day], currency: str) -> list[tuple[str, int, str]]:
    """What the plot shows of each day: its number, how high its bar is, what the bar says."""
    spent = [(day, day.tally.amounts.get(currency, 0)) for day in days]
    return [(day.number, amount, micros(amount, currency).striptags()) for day, amount in spent]


# --- the budget -----------------------------------------------------------------------------------


@pages.get("/costs/budget")
@needs("costs.edit", "money.see")
def budget() -> str:
    asked = Asked.read()
    meant = _meant(asked)
    typed = {currency: _typed(meant.get(currency)) for currency in _currencies(meant)}
    return render_template("costs/budget.html", typed=typed, errors={}, month=asked.month)


@pages.post("/costs/budget")
@needs("costs.edit", "money.see")
def mean_to_spend() -> str | tuple[str, int]:
    """What the month may cost in each currency the numbers are billed in; empty: no budget."""
    fields = Fields(request.form)
    asked = Asked.read()
    wanted = {c: fields.money(c, c) for c in _currencies(_meant(asked))}
    wrong = dict(fields.wrong)
    for currency, amount in wanted.items():
        if amount is not None and amount < 0:
            wrong[currency] = Refused("negative", N_("This is not an amount."))
    if wrong:
        life.undo()
        errors = {name: told(why) for name, why in Invalid(wrong).fields.items()}
        typed = {currency: request.form.get(currency, "") for currency in wanted}
        page = render_template("costs/budget.html", typed=typed, errors=errors, month=asked.month)
        return page, 422
    for currency, amount in wanted.items():
        costs.mean_to_spend(currency, amount and amount * 10 ** (6 - exponent(currency)))
    htmx.toast(_("Saved."))
    htmx.close_dialog()
    return render_template("costs/_beside.html", **shown(asked))


def _meant(asked: Asked) -> dict[str, costs.Spent]:
    return {spent.currency: spent for spent in costs.of_month(asked.first_day)}


def _currencies(meant: dict[str, costs.Spent]) -> list[str]:
    """What the merchant's numbers are billed in, and what has a budget already."""
    billed = {channel.currency for channel in channels.all_of_merchant()}
    return sorted(billed | meant.keys())


def _typed(spent: costs.Spent | None) -> str:
    if spent is None:
        return ""
    minor = spent.micros // 10 ** (6 - exponent(spent.currency))
    return str(Money(minor, spent.currency).decimal)

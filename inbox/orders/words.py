"""What happened to an order, in words: a table of sentences, one for each kind of entry."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from flows.runs import FAILURES
from inbox import filters
from inbox.languages import N_, gettext
from models.timeline import Actor, Entry
from models.types import Money

# kind → icon, colour, sentence.
SENTENCES: dict[str, tuple[str, str, str]] = {
    "created": ("plus", "green", N_("Order created on %(to)s")),
    "moved": ("right", "blue", N_("Moved from %(from)s to %(to)s")),
    "discounted": (
        "tag",
        "orange",
        N_("Discount of %(discount)s: %(applied_total)s instead of %(catalog_total)s"),
    ),
    "tapped": ("check", "green", N_("The customer tapped %(button)s")),
    "repeated_tap": (
        "refresh",
        "gray",
        N_("The customer tapped %(button)s after an earlier answer"),
    ),
    "late_tap": (
        "clock",
        "gray",
        N_("The customer tapped %(button)s too late: the order was on %(stage)s already"),
    ),
    "tap_refused": (
        "alert",
        "orange",
        N_("The customer tapped %(button)s, but from %(stage)s the order cannot go to %(to)s"),
    ),
    "stock_blocked": (
        "box",
        "red",
        N_(
            "The customer tapped %(button)s, but stock is short: %(name)s, %(needed)s needed,"
            " %(available)s available"
        ),
    ),
    "automation_failed": ("alert", "red", N_("The automation %(automation)s could not send")),
}
OTHER = ("info", "gray", N_("Noted: %(kind)s"))

ACTORS = {
    Actor.CUSTOMER: N_("The customer"),
    Actor.AUTOMATION: N_("An automation"),
    Actor.CARRIER: N_("The carrier"),
    Actor.STORE: N_("The online shop"),
    Actor.SYSTEM: N_("Wasl"),
    Actor.USER: N_("Somebody who left the team"),
}
AMOUNTS = ("discount", "applied_total", "catalog_total")


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the timeline as people read it."""

    icon: str
    color: str
    text: Markup
    reason: str
    who: Markup
    at: datetime


def told(entry: Entry, currency: str) -> Told:
    """The entry in the reader's words; amounts in its facts are minor units of the currency."""
    icon, color, sentence = SENTENCES.get(entry.kind, OTHER)
    facts = defaultdict(lambda: Markup("…"), kind=filters.bdi(entry.kind))
    for name, value in entry.facts.items():
        facts[name] = _fact(name, value, currency)
    # Our own sentence is the markup; every fact in it is escaped.
    text = Markup(gettext(sentence)) % facts  # noqa: S704
    return Told(icon, color, text, _why(entry), _who(entry), entry.at)


def _why(entry: Entry) -> str:
    """The reason somebody gave, the button that moved the order, why nothing could be sent."""
    facts = entry.facts
    if entry.kind == "moved" and facts.get("button"):
        return gettext(N_("By the button “%(button)s”"), button=facts["button"])
    if facts.get("code") in FAILURES:
        return gettext(FAILURES[facts["code"]]).format(missing=facts.get("detail") or "")
    return str(facts.get("reason") or "")


def _fact(name: str, value: Any, currency: str) -> Markup:
    if name in AMOUNTS:
        return filters.money(Money(value, currency))
    return filters.bdi(value)


def _who(entry: Entry) -> Markup:
    name = entry.member.name if entry.member else gettext(ACTORS[entry.actor])
    return filters.bdi(name)

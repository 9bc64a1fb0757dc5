"""What happened to an order, in words: a table of sentences, one for each kind of entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from markupsafe import Markup

from flows.calls.outcomes import OUTCOMES
from flows.orders import DELIVERY_KINDS, PAYMENT_METHODS, PAYMENT_STATUSES
from flows.runs import CANCELLATIONS, FAILURES
from flows.verdicts import REASONS
from inbox import filters
from inbox.languages import N_, gettext, ngettext
from models.pipeline import Status
from models.timeline import Actor, Entry
from models.types import Money

# kind → icon, colour, sentence.
SENTENCES: dict[str, tuple[str, str, str]] = {
    "created": ("plus", "green", N_("Order created on %(to)s")),
    "moved": ("right", "blue", N_("Moved from %(from)s to %(to)s")),
    "undone": ("back", "gray", N_("Undone: back from %(from)s to %(to)s")),
    "stage_deleted": (
        "right",
        "gray",
        N_("Moved from %(from)s to %(to)s: the stage was deleted"),
    ),
    "reclassified": ("tag", "gray", N_("%(to)s means something else now")),
    "edited": ("edit", "blue", N_("Order changed")),
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
        "orange",
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
    "run_again": ("refresh", "blue", N_("The automation %(automation)s was run again")),
    "run_cancelled": ("x", "gray", N_("The message of %(automation)s was cancelled")),
    "waiting_stopped": ("x", "gray", N_("%(automation)s waits for no answer any more")),
    "unanswered": ("history", "orange", N_("Nobody answered %(automation)s in time")),
    "loop_stopped": (
        "alert",
        "red",
        N_("Stopped: automations moved the order %(moves)s times within an hour. Have a look."),
    ),
    "fallback_refused": (
        "alert",
        "orange",
        N_("Nobody answered %(automation)s in time, but the order cannot go to %(to)s"),
    ),
    "call_asked": ("phone", "orange", N_("The automation %(automation)s asks to call")),
    "called": ("phone", "blue", N_("Called: %(outcome)s")),
    "call_undone": ("back", "gray", N_("The call was taken back: %(outcome)s")),
    "kept_both": ("check", "gray", N_("Not the same as order %(other)s: both are kept")),
    "seen": ("check", "gray", N_("Seen: %(flag)s")),
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
STATUSES: dict[str, str] = {
    Status.PENDING: N_("Pending"),
    Status.CONFIRMED: N_("Confirmed"),
    Status.PROCESSING: N_("Being prepared"),
    Status.SHIPPED: N_("Shipped"),
    Status.DELIVERED: N_("Delivered"),
    Status.RETURNED: N_("Returned"),
    Status.CANCELLED: N_("Cancelled"),
}
FLAGS = {
    "stock_blocked": N_("Waiting for stock"),
    "possible_duplicate": N_("Possible duplicate"),
    "action_failed": N_("A message failed"),
    "late_tap": N_("Tapped too late"),
    "review": N_("Needs a look"),
}
# What somebody can change → its name, and words for what it holds where that is a code.
FIELDS: dict[str, str] = {
    "name": N_("Name"),
    "phone": N_("Phone"),
    "address": N_("Address"),
    "city": N_("City"),
    "delivery_kind": N_("Delivery"),
    "carrier": N_("Carrier"),
    "tracking": N_("Tracking number"),
    "payment_method": N_("Payment"),
    "payment_status": N_("Payment status"),
    "assignee": N_("Assigned to"),
    "note": N_("Internal note"),
    "discount": N_("Discount"),
    "delivery_fee": N_("Delivery fee"),
}
CODES: dict[str, Mapping[str, str]] = {
    "delivery_kind": DELIVERY_KINDS,
    "payment_method": PAYMENT_METHODS,
    "payment_status": PAYMENT_STATUSES,
}
AMOUNTS = ("discount", "applied_total", "catalog_total", "delivery_fee")


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the timeline as people read it."""

    icon: str
    color: str
    text: Markup
    reason: str
    who: Markup
    at: datetime
    changes: list[Markup] = field(default_factory=list)
    """One for each field that somebody changed."""
    status: str = ""
    """The public status the order has since, where it got another."""
    run: str = ""
    """The run it is about, to be opened."""


def told(entry: Entry, currency: str) -> Told:
    """The entry in the reader's words; amounts in its facts are minor units of the currency."""
    icon, color, sentence = SENTENCES.get(entry.kind, OTHER)
    facts = defaultdict(lambda: Markup("…"), kind=filters.bdi(entry.kind.replace("_", " ")))
    for name, value in entry.facts.items():
        facts[name] = _fact(name, value, currency)
    return Told(
        icon,
        color,
        # Our own sentence is the markup; every fact in it is escaped.
        Markup(gettext(sentence)) % facts,  # noqa: S704
        _why(entry),
        _who(entry),
        entry.at,
        changes=[change(one, currency) for one in entry.facts.get("changes", ())],
        status=_status(entry),
        run=str(entry.facts.get("run") or ""),
    )


def change(one: Mapping[str, Any], currency: str) -> Markup:
    """What was and what is, of one field: City: Fès → Rabat; Sac: 2 → 3."""
    name = str(one.get("field", ""))
    label = one.get("name") if name == "line" else gettext(FIELDS.get(name, name))
    before, after = (_held(name, one.get(key), currency) for key in ("from", "to"))
    return Markup("{}: {} → {}").format(filters.bdi(label), before, after)


def reason(code: str | None) -> str:
    """Why an order was cancelled, failed or returned: ours in words, the merchant's as it is."""
    return gettext(OUTCOMES[code].words) if code in OUTCOMES else str(code or "")


def status(name: str | None) -> str:
    return gettext(STATUSES[name]) if name in STATUSES else ""


def flag(name: str) -> str:
    return gettext(FLAGS.get(name, name))


def _held(name: str, value: Any, currency: str) -> Markup:
    if value in (None, ""):
        return Markup("–")
    if name in AMOUNTS and isinstance(value, int):
        return filters.money(Money(value, currency))
    if name == "phone":
        return filters.phone(str(value))
    if value in CODES.get(name, ()):
        return filters.bdi(gettext(CODES[name][value]))
    return filters.bdi(value)


def _why(entry: Entry) -> str:
    """The reason somebody gave, the button that moved the order, why nothing could be sent."""
    for name, words in _WHY.items():
        if entry.facts.get(name) and (why := words(entry)):
            return why
    return reason(entry.facts.get("reason"))


def _button(entry: Entry) -> str:
    if entry.kind != "moved":
        return ""
    return gettext(N_("By the button “%(button)s”"), button=entry.facts["button"])


def _silence(entry: Entry) -> str:
    automation = entry.facts.get("automation", "…")
    return gettext(N_("Nobody answered “%(automation)s” in time"), automation=automation)


def _call(entry: Entry) -> str:
    if entry.kind != "moved":
        return ""
    outcome = reason(entry.facts["outcome"])
    return gettext(N_("After a call: %(outcome)s"), outcome=outcome)


def _failure(entry: Entry) -> str:
    code, detail = entry.facts["code"], entry.facts.get("detail") or ""
    why = ""
    if code in FAILURES:
        why = gettext(FAILURES[code]).format(missing=detail)
    elif code in REASONS:
        why = gettext(REASONS[code].what)
    elif code in CANCELLATIONS:
        why = gettext(CANCELLATIONS[code])
    deed = entry.facts.get("deed")
    return " ".join(filter(None, [why, gettext(DONE[deed]) if deed in DONE else ""]))


DONE = {
    "wait": N_("It is tried again later."),
    "template": N_("Another template was sent."),
    "call": N_("The team is asked to call."),
}


def _undoing(entry: Entry) -> str:
    cancelled, gone = entry.facts.get("cancelled", 0), entry.facts.get("gone", 0)
    said = []
    if cancelled:
        said.append(ngettext("%(num)s message cancelled", "%(num)s messages cancelled", cancelled))
    if gone:
        said.append(
            ngettext(
                "%(num)s message is already with the customer",
                "%(num)s messages are already with the customer",
                gone,
            )
        )
    return ", ".join(said)


# A fact that an entry has → what it says of why.
_WHY: dict[str, Callable[[Entry], str]] = {
    "button": _button,
    "expired": _silence,
    "outcome": _call,
    "code": _failure,
    "undoes": _undoing,
    "note": lambda entry: str(entry.facts["note"]),
}


def _status(entry: Entry) -> str:
    now = entry.facts.get("to_status")
    return status(now) if now != entry.facts.get("from_status") else ""


def _fact(name: str, value: Any, currency: str) -> Markup:
    if name in AMOUNTS and isinstance(value, int):
        return filters.money(Money(value, currency))
    if name == "outcome":
        return filters.bdi(reason(str(value)))
    if name == "flag":
        return filters.bdi(flag(str(value)))
    if name == "other":
        return filters.ltr(f"#{value}")
    return filters.bdi(value)


def _who(entry: Entry) -> Markup:
    name = entry.member.name if entry.member else gettext(ACTORS[entry.actor])
    return filters.bdi(name)

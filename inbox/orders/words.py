"""What happened to an order, in the reader's words: entries of its timeline, codes, flags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from markupsafe import Markup

from flows.calls.outcomes import OUTCOMES
from flows.runs import CANCELLATIONS, FAILURES
from flows.templates import FACTS
from flows.verdicts import REASONS
from inbox import filters
from inbox.conversations import asides
from inbox.languages import N_, gettext, ngettext
from inbox.orders.sentences import (
    ACTORS,
    AMOUNTS,
    CODES,
    DONE,
    FIELDS,
    FLAGS,
    OTHER,
    SENTENCES,
    SPOKEN,
    STATUSES,
)
from models.timeline import Entry
from models.types import Money


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
    if entry.facts.get("spoken"):
        sentence = SPOKEN.get(entry.kind, sentence)
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


def _words(entry: Entry) -> str:
    """What the customer wrote, and how sure the bot was of what it means."""
    spoken, sure = entry.facts["spoken"], asides.sure(entry.facts.get("confidence"))
    if sure:
        return gettext(
            N_("Because the customer wrote “%(text)s”, %(sure)s"), text=spoken, sure=sure
        )
    return gettext(N_("Because the customer wrote “%(text)s”"), text=spoken)


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
        facts = [gettext(FACTS.get(fact, fact)) for fact in detail.split(", ")]
        why = gettext(FAILURES[code]).format(missing=", ".join(facts))
    elif code in REASONS:
        why = gettext(REASONS[code].what)
    elif code in CANCELLATIONS:
        why = gettext(CANCELLATIONS[code])
    deed = entry.facts.get("deed")
    return " ".join(filter(None, [why, gettext(DONE[deed]) if deed in DONE else ""]))


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
    "spoken": _words,
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

"""How a template's state, quality and troubles are said to people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from babel import numbers
from flask import Blueprint
from markupsafe import Markup

from flows import templates
from inbox import filters, languages
from inbox.current import current
from inbox.languages import N_, gettext
from models.message import Sending
from models.template import MessageTemplate

# state → icon, colour, word
LOOKS = {
    "draft": ("edit", "gray", N_("Draft")),
    "submitting": ("clock", "blue", N_("Being submitted")),
    "pending": ("clock", "orange", N_("In review")),
    "in_appeal": ("clock", "orange", N_("Appeal in review")),
    "approved": ("check", "green", N_("Approved")),
    "rejected": ("x", "red", N_("Refused")),
    "paused": ("lock", "orange", N_("Paused")),
    "disabled": ("block", "red", N_("Disabled")),
    "locked": ("lock", "red", N_("Locked")),
    "limit_exceeded": ("alert", "orange", N_("Too many templates")),
    "pending_deletion": ("trash", "gray", N_("Being deleted")),
    "archived": ("history", "gray", N_("Archived")),
    "problem": ("alert", "red", N_("Not submitted")),
}
FILTERS = ("approved", "pending", "rejected", "paused", "disabled", "draft")

QUALITIES = {
    "green": ("green", N_("High quality")),
    "yellow": ("orange", N_("Medium quality")),
    "red": ("red", N_("Low quality")),
}

# Meta's reasons for a refusal → what is wrong, and what to do.
REASONS = {
    "ABUSIVE_CONTENT": N_("WhatsApp found offensive or abusive words in it. Write it anew."),
    "INCORRECT_CATEGORY": N_("Its text does not fit its category. Choose marketing for any offer."),
    "INVALID_FORMAT": N_("Something in it is badly formed: look at variables, links and spelling."),
    "PROMOTIONAL": N_("It advertises something. Submit it as marketing, or leave the offer out."),
    "SCAM": N_("WhatsApp takes it for a fraud. Say clearly who writes, and why."),
    "TAG_CONTENT_MISMATCH": N_("Its language or category is not that of its text."),
}
STATES = {
    "pending": N_("WhatsApp reads it now. This takes minutes, rarely a day."),
    "paused": N_("Customers blocked or reported it. WhatsApp sends it again after some hours."),
    "disabled": N_("Customers blocked or reported it three times. Make another one."),
    "rejected": N_("WhatsApp refused it. Change it and submit it again."),
    "limit_exceeded": N_("This account has as many templates as Meta allows."),
}


@dataclass(frozen=True, slots=True)
class Look:
    key: str
    icon: str
    color: str
    text: str


def look(template: MessageTemplate) -> Look:
    """What its chip says: what is under way or went wrong comes before Meta's state."""
    key = template.state
    if templates.on_its_way(template):
        key = "submitting"
    elif template.problem and template.state == "draft":
        key = "problem"
    icon, color, word = LOOKS.get(key, ("question", "gray", key))
    return Look(key, icon, color, gettext(word))


def trouble(template: MessageTemplate) -> str | None:
    """Why it is not approved, in plain words; None when it is, or was never submitted."""
    if template.state == "approved" or template.state not in STATES:
        return None
    reason = REASONS.get((template.reason or "").upper())
    if reason is not None:
        return gettext(reason)
    said = gettext(STATES[template.state])
    return f"{said} ({template.reason})" if template.reason else said


def problem(template: MessageTemplate) -> tuple[str, str] | None:
    """Why the last submission failed: our words, and Meta's where they say more."""
    if not template.problem:
        return None
    known = templates.PROBLEMS.get(template.problem)
    said = str((template.draft or {}).get("said") or "")
    return (gettext(known), said) if known else (template.problem, "")


def waits(template: MessageTemplate) -> bool:
    """Whether Meta could not take it yet, and it will be tried again."""
    return template.sending is Sending.WAITING


def quality(template: MessageTemplate) -> tuple[str, str] | None:
    found = QUALITIES.get(template.quality or "")
    return (found[0], gettext(found[1])) if found else None


def direction(language: str) -> str:
    """How the customer's phone sets a text of this language."""
    return "rtl" if language[:2] in ("ar", "fa", "he", "ur") else "ltr"


def more(amount: int, currency: str) -> Markup:
    """+22.08 USD: what a month costs more, or less."""
    sign = "+" if amount > 0 else ""
    text = numbers.format_decimal(
        Decimal(amount) / filters.MICROS,
        format="#,##0.00",
        locale=languages.locale(current.language, current.country),
    )
    return Markup('<bdi dir="ltr" class="nowrap">{}{}\u00a0{}</bdi>').format(sign, text, currency)


def attach(pages: Blueprint) -> None:
    shown: dict[str, Callable[..., object]] = {
        "more_micros": more,
        "template_look": look,
        "template_trouble": trouble,
        "template_problem": problem,
        "template_waits": waits,
        "template_quality": quality,
        "language_dir": direction,
    }
    for name, show in shown.items():
        pages.add_app_template_filter(show, name)

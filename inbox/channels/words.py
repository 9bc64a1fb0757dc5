"""How a number is said to people: its state, what Meta thinks of it, what was heard of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint

from flows import channels
from flows.channels import LIMITS, PROBLEMS, Facts
from inbox import filters
from inbox.languages import N_, gettext, ngettext
from models.channel import BY_A_PERSON, Channel, ChannelEvent, ChannelState
from models.errand import Errand

QUALITY = {
    "GREEN": ("green", N_("High")),
    "YELLOW": ("orange", N_("Medium")),
    "RED": ("red", N_("Low")),
}
THROUGHPUT = {
    "STANDARD": N_("80 messages a second"),
    "HIGH": N_("1,000 messages a second"),
    "NOT_APPLICABLE": N_("Does not apply"),
}
NAME_STATUS = {
    "APPROVED": ("green", N_("Approved")),
    "AVAILABLE_WITHOUT_REVIEW": ("green", N_("Approved without review")),
    "PENDING_REVIEW": ("orange", N_("In review")),
    "DEFERRED": ("orange", N_("In review")),
    "DECLINED": ("red", N_("Refused")),
    "REJECTED": ("red", N_("Refused")),
    "EXPIRED": ("orange", N_("Expired")),
    "NONE": ("gray", N_("None yet")),
}
STATUS = {
    "CONNECTED": ("green", N_("Connected")),
    "PENDING": ("orange", N_("Pending")),
    "UNVERIFIED": ("orange", N_("Not verified")),
    "DISCONNECTED": ("red", N_("Disconnected")),
    "OFFLINE": ("red", N_("Offline")),
    "FLAGGED": ("orange", N_("Flagged")),
    "RESTRICTED": ("red", N_("Restricted")),
    "BANNED": ("red", N_("Banned")),
    "MIGRATED": ("gray", N_("Moved elsewhere")),
    "RATE_LIMITED": ("orange", N_("Slowed down")),
    "DELETED": ("gray", N_("Deleted")),
}
REVIEW = {
    "APPROVED": ("green", N_("Approved")),
    "PENDING": ("orange", N_("In review")),
    "REJECTED": ("red", N_("Refused")),
}
UNKNOWN = ("gray", N_("Unknown"))

PAUSES = {
    BY_A_PERSON: N_("Your team has paused it. Messages wait until it goes on."),
    "token": N_("Meta no longer takes its access token. Messages wait for a new one."),
    "permission": N_("Its access token may not send. Messages wait for one that may."),
    "account": N_("Meta has restricted or locked its account. Messages wait until that is over."),
    "payment": N_("Meta has no valid payment method for its account. Messages wait for one."),
}
# What Meta told by itself, for the history. Anything else: Meta's own word.
EVENTS = {
    "flagged": N_("Customers block or report it: its quality is low"),
    "unflagged": N_("Its quality is good again"),
    "upgrade": N_("It may write to more people a day"),
    "downgrade": N_("It may write to fewer people a day"),
    "onboarding": N_("It was set up"),
    "throughput_upgrade": N_("It may send faster"),
    "account_violation": N_("Meta sees a breach of its rules"),
    "account_restriction": N_("Meta restricts the account"),
    "account_deleted": N_("The account was deleted"),
    "disabled_update": N_("Meta disables the account, or takes that back"),
    "partner_added": N_("An app was connected to the account"),
    "partner_removed": N_("An app was taken off the account"),
    "verified_account": N_("The account is verified"),
    "account_offboarded": N_("The account was disconnected"),
    "account_reconnected": N_("The account is connected again"),
    "pin_changed": N_("The two-step PIN was changed"),
    "pin_reset_request": N_("Somebody asked to reset the two-step PIN"),
    "pin_reset_success": N_("The two-step PIN was reset"),
    "approved": N_("Approved"),
    "rejected": N_("Refused"),
    "business_capability_update": N_("Limits of the business changed"),
}
RESTRICTIONS = {
    "RESTRICTED_BIZ_INITIATED_MESSAGING": N_("nobody may be written to first"),
    "RESTRICTED_CUSTOMER_INITIATED_MESSAGING": N_("customers may not be answered"),
    "RESTRICTED_ADD_PHONE_NUMBER_ACTION": N_("no number may be added"),
}
ABOUT = {
    "phone_number_name_update": N_("Display name"),
    "account_review_update": N_("Review of the account"),
    "account_alerts": N_("Alert"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """The chip of a number's state."""

    color: str
    text: str
    icon: str


def state(channel: Channel, errand: Errand | None = None) -> Look:
    """What matters most: paused, not proven, or what Meta calls it."""
    if channel.state is ChannelState.PAUSED:
        return Look(
            "red" if channel.pause_reason != BY_A_PERSON else "gray", gettext("Paused"), "lock"
        )
    if channel.proven_at is None:
        asking = errand is not None and errand.open
        color, text = ("blue", N_("Being checked")) if asking else ("red", N_("Not connected"))
        return Look(color, gettext(text), "clock" if asking else "alert")
    color, text = _of(STATUS, channels.facts_of(channel).status, N_("Connected"))
    return Look(color, text, "check" if color == "green" else "alert")


def pause(channel: Channel) -> str:
    return gettext(PAUSES.get(channel.pause_reason or "", PAUSES[BY_A_PERSON]))


def problem(errand: Errand | None) -> str | None:
    """Why the last errand did not end well, in plain words."""
    if errand is None or not errand.problem:
        return None
    sentence = gettext(PROBLEMS.get(errand.problem, PROBLEMS["refused"]))
    return sentence.format(needed=", ".join(channels.NEEDED))


def facts(channel: Channel) -> list[tuple[str, str, str]]:
    """Name, colour and words of everything Meta says of it."""
    known = channels.facts_of(channel)
    return [
        (gettext("State at Meta"), *_of(STATUS, known.status)),
        (gettext("Quality"), *_of(QUALITY, known.quality)),
        (gettext("People you may write to first, a day"), "gray", limit(known.limit)),
        (gettext("Speed"), "gray", _throughput(known)),
        (gettext("Payment method"), *_payment(known)),
        (gettext("Review of the account"), *_of(REVIEW, known.review)),
        (gettext("Webhooks"), *_subscribed(known)),
        (gettext("Access token"), *_expiry(known)),
    ]


def name_status(channel: Channel) -> tuple[str, str]:
    return _of(NAME_STATUS, channels.facts_of(channel).name_status)


def limit(tier: str | None) -> str:
    if tier is None:
        return gettext(UNKNOWN[1])
    if tier not in LIMITS:
        return tier
    most = LIMITS[tier]
    return gettext("No limit") if most is None else filters.number(most)


def restrictions(listed: str) -> str:
    """What an account may not do, as far as we know Meta's words for it."""
    return ", ".join(gettext(RESTRICTIONS.get(one, one)) for one in listed.split(", "))


def event(told: ChannelEvent) -> str:
    """One line of the history."""
    word = gettext(EVENTS[told.kind]) if told.kind in EVENTS else told.kind.replace("_", " ")
    if told.field in ABOUT:
        return f"{gettext(ABOUT[told.field])}: {_detail(told) or word}"
    return word


def _detail(told: ChannelEvent) -> str:
    info: Any = told.payload.get("alert_info")
    return str(info.get("alert_description") or "")[:200] if isinstance(info, dict) else ""


def _of(
    words: dict[str, tuple[str, str]], key: str | None, otherwise: str = UNKNOWN[1]
) -> tuple[str, str]:
    if key is None:
        return ("green" if otherwise != UNKNOWN[1] else "gray"), gettext(otherwise)
    color, text = words.get(key.upper(), ("gray", key.capitalize().replace("_", " ")))
    return color, gettext(text)


def _throughput(known: Facts) -> str:
    word = THROUGHPUT.get((known.throughput or "").upper())
    return gettext(word) if word else known.throughput or gettext(UNKNOWN[1])


def _payment(known: Facts) -> tuple[str, str]:
    if known.payment is None:
        return UNKNOWN[0], gettext(N_("Unknown: look at it with Meta"))
    return ("green", gettext("There is one")) if known.payment else ("red", gettext("None found"))


def _subscribed(known: Facts) -> tuple[str, str]:
    if known.subscribed is None:
        return UNKNOWN[0], gettext(UNKNOWN[1])
    if known.subscribed:
        return "green", gettext("Subscribed")
    return "red", gettext("Not subscribed")


def _expiry(known: Facts) -> tuple[str, str]:
    if known.missing:
        text = gettext("May not: %(permissions)s", permissions=", ".join(known.missing))
        return "red", text
    if known.expires_at is None:
        return UNKNOWN[0], gettext(UNKNOWN[1])
    if known.expires_at == 0:
        return "green", gettext("Does not expire")
    at = datetime.fromtimestamp(known.expires_at, UTC)
    days = (at - datetime.now(UTC)).days
    text = ngettext("Expires in %(num)s day", "Expires in %(num)s days", max(days, 0))
    return ("orange" if days < 14 else "green"), text


def attach(pages: Blueprint) -> None:
    pages.add_app_template_filter(state, "channel_state")
    pages.add_app_template_filter(pause, "channel_pause")
    pages.add_app_template_filter(facts, "channel_facts")
    pages.add_app_template_filter(name_status, "channel_name_status")
    pages.add_app_template_filter(problem, "errand_problem")
    pages.add_app_template_filter(event, "channel_event")

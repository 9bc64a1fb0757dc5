"""What Meta charges for a message, in few words: before it is sent, and once it is delivered."""

from __future__ import annotations

from markupsafe import Markup, escape

from flows.costs import Cost, Estimate
from inbox.filters import micros, number
from inbox.languages import N_, gettext
from models.message import Message

# Why a message is free, for the tooltip of "Free".
FREE: dict[str, str] = {
    "free_tier": N_("One of the month's free replies"),
    "free_window": N_("The customer wrote within 24 hours"),
    "free_entry_point": N_("The customer came from an advertisement"),
    "phone": N_("Sent from the phone"),
}


def of(message: Message, cost: Cost | None) -> tuple[Markup, str] | None:
    """Price and reason beside a bubble of ours: settled, else what was expected; None for none."""
    if cost is not None:
        reason = gettext(FREE[cost.reason]) if cost.reason in FREE else ""
        return _settled(cost), reason
    if message.estimate_currency is None or message.progress in ("failed", "discarded"):
        return None
    guess = _about(message.estimate_micros, message.estimate_currency)
    return guess, gettext(N_("Estimate, settled once it is delivered"))


def expected(estimate: Estimate) -> Markup:
    """What the next message would cost, for the composer and the template picker."""
    if estimate.micros == 0 and estimate.free_left is not None:
        left = number(estimate.free_left)
        return escape(gettext(N_("Free, %(left)s free replies left this month"), left=left))
    return _about(estimate.micros, estimate.currency)


def _settled(cost: Cost) -> Markup:
    if cost.micros is None:
        return escape(gettext(N_("Price unknown")))
    return micros(cost.micros, cost.currency) if cost.micros else escape(gettext(N_("Free")))


def _about(amount: int | None, currency: str) -> Markup:
    if amount is None:
        return escape(gettext(N_("Price unknown")))
    if amount == 0:
        return escape(gettext(N_("Free")))
    return Markup("≈\u00a0{}").format(micros(amount, currency))

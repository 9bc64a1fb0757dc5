"""Why a delivered message costs something or nothing: Meta's rules by period, without a database.

Until 2025-06-30 Meta billed conversations, since 2025-07-01 each delivered message. Since
2026-10-01 a service reply costs too, after 1,000 free ones per number and month, and a utility
template costs inside the 24-hour window as well. Days are those of the messaging account.
"""

from __future__ import annotations

import enum
from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from flows.costs.cards import Price

FREE_SERVICE_MESSAGES = 1000
SERVICE_BILLED_SINCE = date(2026, 10, 1)

SERVICE = "service"
UTILITY = "utility"
UNKNOWN = "unknown"


# Meta bills at delivery: what a status nearer to that says of money beats what another one says.
AUTHORITY = ("", "sent", "played", "read", "delivered")


class Reason(enum.StrEnum):
    """Why this amount."""

    PRICED = "priced"
    FREE_TIER = "free_tier"
    FREE_WINDOW = "free_window"
    FREE_ENTRY_POINT = "free_entry_point"
    PHONE = "phone"
    UNPRICED = "unpriced"


def last_day(first_day: date) -> date:
    """The last day of the month that begins on this one, also of the last month there is."""
    return first_day.replace(day=monthrange(first_day.year, first_day.month)[1])


def spelled(word: object) -> str:
    """Meta's word in one spelling: authentication-international and AUTHENTICATION_… are one."""
    return str(word or "").strip().lower().replace("-", "_")


def merged(sayings: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[dict[str, Any], str | None]:
    """One pricing object of what several statuses say, and the status that decided it.

    What a message is billed as comes whole from one status: a `type` of one and a `billable` of
    another would be told by nobody. Where it says nothing else, the others do.
    """
    pricing: dict[str, Any] = {}
    decided: str | None = None
    heard = [(status, said) for status, said in sayings if status in AUTHORITY]
    for status, said in sorted(heard, key=lambda one: AUTHORITY.index(one[0])):
        known = {name: value for name, value in said.items() if value is not None}
        if {"type", "billable"} & known.keys():
            pricing = {n: v for n, v in pricing.items() if n not in ("type", "billable")}
            decided = status
        pricing |= known
    return pricing, decided


def category_of(pricing: Mapping[str, Any], hint: str | None) -> str:
    """What Meta billed it as, else what we sent it as."""
    category = spelled(pricing.get("category")) or spelled(hint) or UNKNOWN
    return "marketing" if category == "marketing_lite" else category


def told(pricing: Mapping[str, Any], category: str, day: date) -> Reason | None:
    """What Meta's pricing object says; None when it does not say. Meta is trusted on "free"."""
    kind = spelled(pricing.get("type")) or _kind_of_old(pricing, category)
    if not kind:
        return None
    reasons = {
        "regular": Reason.PRICED,
        "free_entry_point": Reason.FREE_ENTRY_POINT,
        "free_customer_service": _free_of_service(category, day),
    }
    return reasons.get(kind, Reason.UNPRICED)


def guessed(category: str, day: date, *, window_open: bool | None, nth: int | None) -> Reason:
    """What Meta will say, while it has not: `nth` service message of its number in the month.

    When in doubt the message is billed. A free entry point (an advertisement) cannot be guessed.
    """
    if category == SERVICE:
        billed = day >= SERVICE_BILLED_SINCE and (nth is None or nth > FREE_SERVICE_MESSAGES)
        return Reason.PRICED if billed else _free_of_service(category, day)
    if category == UTILITY and window_open and day < SERVICE_BILLED_SINCE:
        return Reason.FREE_WINDOW
    return Reason.PRICED


def worth(reason: Reason, price: Price) -> tuple[int | None, Reason]:
    """The amount in micro-units and the reason that stays; billed without a price is unpriced."""
    if reason is Reason.PRICED and price.micros is not None:
        return price.micros, Reason.PRICED
    if reason in (Reason.PRICED, Reason.UNPRICED):
        return None, Reason.UNPRICED
    return 0, reason


def uses_quota(category: str, day: date, reason: str) -> bool:
    """Whether a delivery is one of the month's 1,000, or comes after them."""
    free_anyway = reason in (Reason.FREE_ENTRY_POINT, Reason.PHONE)
    return category == SERVICE and day >= SERVICE_BILLED_SINCE and not free_anyway


def _kind_of_old(pricing: Mapping[str, Any], category: str) -> str:
    """`type` from the deprecated `billable`, which stood alone in the days of conversations."""
    billable = pricing.get("billable")
    if not isinstance(billable, bool):
        return ""
    if billable:
        return "regular"
    return "free_entry_point" if category == "referral_conversion" else "free_customer_service"


def _free_of_service(category: str, day: date) -> Reason:
    if category == SERVICE and day >= SERVICE_BILLED_SINCE:
        return Reason.FREE_TIER
    return Reason.FREE_WINDOW

"""What Meta says about money in a status, by the date on the account's own calendar.

Rules: per conversation until 2025-06-30; per delivered message since 2025-07-01; since 2026-10-01
service messages cost after 1,000 free ones per number and month, and utility templates cost inside
the 24-hour window too. Meta names no amount, only whether and as what a message is billed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bot.simulator.world import Json

PER_MESSAGE_SINCE = date(2025, 7, 1)
SERVICE_BILLED_SINCE = date(2026, 10, 1)
FREE_SERVICES = 1000


@dataclass(frozen=True)
class Moment:
    """What decides the price of one message when it is sent or delivered."""

    day: date
    window_open: bool = False
    free_entry: bool = False
    services_this_month: int = 0
    reaction: bool = False


def pricing(category: str, moment: Moment) -> Json:
    """The `pricing` object of a status, for a lower-case category or "service"."""
    if moment.day < PER_MESSAGE_SINCE:
        named = "referral_conversion" if moment.free_entry else category
        billable = named not in ("service", "referral_conversion")
        return {"billable": billable, "pricing_model": "CBP", "category": named}
    if moment.free_entry:
        return _per_message("free_entry_point", "referral_conversion")
    free = moment.reaction or _free(category, moment)
    return _per_message("free_customer_service" if free else "regular", category)


def _free(category: str, moment: Moment) -> bool:
    if moment.day < SERVICE_BILLED_SINCE:
        return category == "service" or (category == "utility" and moment.window_open)
    return category == "service" and moment.services_this_month < FREE_SERVICES


def _per_message(kind: str, category: str) -> Json:
    return {
        "billable": kind == "regular",
        "pricing_model": "PMP",
        "type": kind,
        "category": category,
    }

"""Meta's words in the reader's language: categories, reasons, markets, days."""

from __future__ import annotations

from datetime import date

from babel import dates

from flows import costs
from inbox import languages
from inbox.current import current
from inbox.languages import N_, gettext

CATEGORIES = {
    "marketing": N_("Marketing"),
    "utility": N_("Utility"),
    "authentication": N_("Authentication"),
    "authentication_international": N_("Authentication from abroad"),
    "service": N_("Replies"),
    "referral_conversion": N_("After an advertisement"),
    "unknown": N_("Not known"),
}
REASONS = {
    costs.Reason.PRICED: N_("Billed at the list price"),
    costs.Reason.FREE_TIER: N_("Free replies of the month"),
    costs.Reason.FREE_WINDOW: N_("Within 24 hours of the customer's message"),
    costs.Reason.FREE_ENTRY_POINT: N_("After an advertisement, for 72 hours"),
    costs.Reason.PHONE: N_("Typed on the phone"),
    costs.Reason.UNPRICED: N_("No price is known"),
}
REGIONS = {
    "North America": N_("North America"),
    "Rest of Africa": N_("Rest of Africa"),
    "Rest of Asia Pacific": N_("Rest of Asia Pacific"),
    "Rest of Central & Eastern Europe": N_("Rest of Central and Eastern Europe"),
    "Rest of Latin America": N_("Rest of Latin America"),
    "Rest of Middle East": N_("Rest of the Middle East"),
    "Rest of Western Europe": N_("Rest of Western Europe"),
    "Other": N_("Other countries"),
}


def category_name(category: str) -> str:
    """Meta's category in the reader's language; one we do not know yet as Meta spells it."""
    return gettext(CATEGORIES.get(category, category))


def reason_name(reason: str) -> str:
    return gettext(REASONS[costs.Reason(reason)])


def market_name(market: str | None) -> str:
    """A country or a region of Meta's lists."""
    if market is None:
        return gettext("Unknown country")
    if market in REGIONS:
        return gettext(REGIONS[market])
    return str(languages.locale(current.language, current.country).territories.get(market, market))


def written(day: date, skeleton: str) -> str:
    locale = languages.locale(current.language, current.country)
    return dates.format_skeleton(skeleton, day, locale=locale)

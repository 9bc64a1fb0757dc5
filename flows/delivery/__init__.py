"""What delivery costs the customer: zones of cities with their fees.

quotes: what one city costs. zones: kept by people. lists: brought in and taken out as text.
"""

from flows.delivery.lists import Plan, Reading, bring_in, export, plan, read
from flows.delivery.quotes import KINDS, City, Quote, cities, fee, quote
from flows.delivery.zones import (
    MOST_CITIES,
    Kept,
    Listed,
    NewZone,
    delete,
    find,
    keep,
    listed,
    names_of,
    set_usual_fee,
)

__all__ = [
    "KINDS",
    "MOST_CITIES",
    "City",
    "Kept",
    "Listed",
    "NewZone",
    "Plan",
    "Quote",
    "Reading",
    "bring_in",
    "cities",
    "delete",
    "export",
    "fee",
    "find",
    "keep",
    "listed",
    "names_of",
    "plan",
    "quote",
    "read",
    "set_usual_fee",
]

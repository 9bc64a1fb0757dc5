"""Orders: pre-filled from a conversation or a card, taken in one transaction, shown with all that
happened.

draft: what the form begins with. people: whose order it may be. form: what comes back from it.
check: every wrong field at once. cards: whose card and addresses.
amounts: the one rule of totals. taking: the order and its card. panel, story: what people see.
"""

from flows.orders.amounts import Amounts, amounts
from flows.orders.cards import last_used_first
from flows.orders.check import pipeline
from flows.orders.draft import Draft, begin, prefill
from flows.orders.form import (
    DELIVERY_KINDS,
    LIMITS,
    PAYMENT_METHODS,
    PAYMENT_STATUSES,
    SOURCES,
    NewLine,
    NewOrder,
)
from flows.orders.panel import PAGE, Panel, listed, panel
from flows.orders.people import Known, people
from flows.orders.story import adjustments, find, said, timeline, versions
from flows.orders.taking import create

__all__ = [
    "DELIVERY_KINDS",
    "LIMITS",
    "PAGE",
    "PAYMENT_METHODS",
    "PAYMENT_STATUSES",
    "SOURCES",
    "Amounts",
    "Draft",
    "Known",
    "NewLine",
    "NewOrder",
    "Panel",
    "adjustments",
    "amounts",
    "begin",
    "create",
    "find",
    "last_used_first",
    "listed",
    "panel",
    "people",
    "pipeline",
    "prefill",
    "said",
    "timeline",
    "versions",
]

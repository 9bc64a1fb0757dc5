"""Orders: pre-filled from a conversation, taken in one transaction, shown with all that happened.

draft: what the form begins with. form: what comes back from it. check: every wrong field at once.
amounts: the one rule of totals. taking: the order and its card. panel, story: what people see.
"""

from flows.orders.amounts import Amounts, amounts
from flows.orders.draft import Draft, prefill
from flows.orders.form import (
    LIMITS,
    PAYMENT_METHODS,
    PAYMENT_STATUSES,
    NewLine,
    NewOrder,
)
from flows.orders.panel import PAGE, Panel, listed, panel
from flows.orders.story import adjustments, find, said, timeline
from flows.orders.taking import create

__all__ = [
    "LIMITS",
    "PAGE",
    "PAYMENT_METHODS",
    "PAYMENT_STATUSES",
    "Amounts",
    "Draft",
    "NewLine",
    "NewOrder",
    "Panel",
    "adjustments",
    "amounts",
    "create",
    "find",
    "listed",
    "panel",
    "prefill",
    "said",
    "timeline",
]

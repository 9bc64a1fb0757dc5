"""What Meta charges: guessed before sending, settled at delivery, added up by month (D11)."""

from flows.costs.accounts import (
    Cost,
    MonthAccount,
    NumberAccount,
    Tally,
    first_month,
    month,
    of_messages,
    of_orders,
)
from flows.costs.cards import Price, RateCardChanged, forget_rate_cards, load_rate_cards, price
from flows.costs.estimates import Estimate, estimate, estimates_for
from flows.costs.ledger import Delivery, quota_counter, settle
from flows.costs.markets import country_of
from flows.costs.rules import FREE_SERVICE_MESSAGES, SERVICE_BILLED_SINCE, Reason

__all__ = [
    "FREE_SERVICE_MESSAGES",
    "SERVICE_BILLED_SINCE",
    "Cost",
    "Delivery",
    "Estimate",
    "MonthAccount",
    "NumberAccount",
    "Price",
    "RateCardChanged",
    "Reason",
    "Tally",
    "country_of",
    "estimate",
    "estimates_for",
    "first_month",
    "forget_rate_cards",
    "load_rate_cards",
    "month",
    "of_messages",
    "of_orders",
    "price",
    "quota_counter",
    "settle",
]

"""What Meta charges: guessed before sending, settled at delivery, added up by month (D11)."""

from flows.costs.accounts import (
    Cost,
    MonthAccount,
    NumberAccount,
    Orders,
    Sender,
    Tally,
    first_month,
    month,
    of_messages,
    orders_of,
)
from flows.costs.budgets import Spent, mean_to_spend, of_month, warn
from flows.costs.cards import (
    Card,
    Price,
    RateCardChanged,
    card_for_all,
    cards,
    cards_for_all,
    forget_rate_cards,
    in_force,
    load_rate_cards,
    price,
)
from flows.costs.estimates import Estimate, estimate, estimates_for, free_used
from flows.costs.files import CATEGORIES, Read, decoded, read
from flows.costs.imports import (
    KINDS,
    Change,
    Comparison,
    changes_between,
    compare,
    take,
    take_for_all,
    told,
)
from flows.costs.ledger import Delivery, quota_counter, settle
from flows.costs.markets import country_of, is_country
from flows.costs.reckoning import Drift, Point, Question, drift
from flows.costs.reckoning import keep as keep_answer
from flows.costs.reckoning import take as take_question
from flows.costs.repricing import PAGE as UNPRICED_PAGE
from flows.costs.repricing import Priceable, price_now, priceable, repricings, unpriced
from flows.costs.rules import FREE_SERVICE_MESSAGES, SERVICE_BILLED_SINCE, Reason, merged
from flows.costs.sums import fold

__all__ = [
    "CATEGORIES",
    "FREE_SERVICE_MESSAGES",
    "KINDS",
    "SERVICE_BILLED_SINCE",
    "UNPRICED_PAGE",
    "Card",
    "Change",
    "Comparison",
    "Cost",
    "Delivery",
    "Drift",
    "Estimate",
    "MonthAccount",
    "NumberAccount",
    "Orders",
    "Point",
    "Price",
    "Priceable",
    "Question",
    "RateCardChanged",
    "Read",
    "Reason",
    "Sender",
    "Spent",
    "Tally",
    "card_for_all",
    "cards",
    "cards_for_all",
    "changes_between",
    "compare",
    "country_of",
    "decoded",
    "drift",
    "estimate",
    "estimates_for",
    "first_month",
    "fold",
    "forget_rate_cards",
    "free_used",
    "in_force",
    "is_country",
    "keep_answer",
    "load_rate_cards",
    "mean_to_spend",
    "merged",
    "month",
    "of_messages",
    "of_month",
    "orders_of",
    "price",
    "price_now",
    "priceable",
    "quota_counter",
    "read",
    "repricings",
    "settle",
    "take",
    "take_for_all",
    "take_question",
    "told",
    "unpriced",
    "warn",
]

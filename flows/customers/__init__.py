"""Same person, same card: reading phones, resolving WhatsApp identities, opening cards, blocking.

phones: numbers in any spelling. cards: one for each person. identities, joining: who writes, and
that two of them are one. blocking: whom nobody wants to sell to.
"""

from flows.customers.blocking import LONGEST_REASON, block, check_not_blocked, unblock
from flows.customers.cards import (
    add_phone,
    card_for,
    cards_with,
    count,
    is_blocked,
    link,
    open_card,
    refresh_search,
    search_text,
)
from flows.customers.identities import identities_for, repoint
from flows.customers.phones import SUFFIX, Number, matches, phone_words, read_phone, read_wa_id

__all__ = [
    "LONGEST_REASON",
    "SUFFIX",
    "Number",
    "add_phone",
    "block",
    "card_for",
    "cards_with",
    "check_not_blocked",
    "count",
    "identities_for",
    "is_blocked",
    "link",
    "matches",
    "open_card",
    "phone_words",
    "read_phone",
    "read_wa_id",
    "refresh_search",
    "repoint",
    "search_text",
    "unblock",
]

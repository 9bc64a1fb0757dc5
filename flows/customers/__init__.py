"""Same person, same card: reading phones, resolving WhatsApp identities, opening cards, blocking.

phones: numbers in any spelling. cards: one for each person. identities, joining: who writes, and
that two of them are one. blocking: whom nobody wants to sell to. editing, history: the card's page.
"""

from flows.customers.blocking import LONGEST_REASON, block, check_not_blocked, unblock
from flows.customers.cards import (
    add_phone,
    by_number,
    card_for,
    cards_with,
    count,
    is_blocked,
    link,
    open_card,
    reachable,
    refresh_search,
    save_contact,
    search_text,
)
from flows.customers.editing import (
    LIMITS,
    edit,
    find,
    put_address,
    put_phone,
    remove_address,
    remove_phone,
)
from flows.customers.history import History, history, orders_of
from flows.customers.identities import identities_for, repoint
from flows.customers.phones import SUFFIX, Number, matches, phone_words, read_phone, read_wa_id

__all__ = [
    "LIMITS",
    "LONGEST_REASON",
    "SUFFIX",
    "History",
    "Number",
    "add_phone",
    "block",
    "by_number",
    "card_for",
    "cards_with",
    "check_not_blocked",
    "count",
    "edit",
    "find",
    "history",
    "identities_for",
    "is_blocked",
    "link",
    "matches",
    "open_card",
    "orders_of",
    "phone_words",
    "put_address",
    "put_phone",
    "reachable",
    "read_phone",
    "read_wa_id",
    "refresh_search",
    "remove_address",
    "remove_phone",
    "repoint",
    "save_contact",
    "search_text",
    "unblock",
]

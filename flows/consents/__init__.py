"""Who may be sent advertising, since when and in which words: a ledger, and the fact it adds up to.

Law 09-08 asks for express consent beforehand (article 10), Meta for an opt-out that is honoured.
Messages about an order are not advertising and go on.
"""

from flows.consents.hearing import (
    hear,
    hear_all,
    hear_preference,
    hear_statuses,
    may_mean,
    refused_by_meta,
)
from flows.consents.ledger import (
    SOURCES,
    Said,
    Standing,
    check_may_send,
    history,
    may_advertise,
    record,
    standing,
)

__all__ = [
    "SOURCES",
    "Said",
    "Standing",
    "check_may_send",
    "hear",
    "hear_all",
    "hear_preference",
    "hear_statuses",
    "history",
    "may_advertise",
    "may_mean",
    "record",
    "refused_by_meta",
    "standing",
]

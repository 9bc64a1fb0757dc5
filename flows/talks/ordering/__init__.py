"""An order is put together in a talk: what was said goes into the cart, what is missing is asked,
and the customer sees it whole before anything is ordered.

said: a sentence → the cart. missing: the next question, or the summary. answers, taps, brought:
what comes back in words, by a button, from WhatsApp. placing: confirmed, kept or dropped.
"""

from flows.talks.ordering.answers import (
    answer_address,
    answer_city,
    answer_known_address,
    answer_name,
    answer_offer,
    answer_phone,
    answer_product,
    answer_quantity,
    answer_summary,
    answer_variant,
    refuse,
)
from flows.talks.ordering.brought import take_cart, take_contact, take_form, take_place
from flows.talks.ordering.missing import go_on
from flows.talks.ordering.placing import (
    begun,
    dealt_with,
    drop,
    ended_by_time,
    order,
    take_up_draft,
)
from flows.talks.ordering.taps import (
    asked_what,
    begin_with,
    change,
    choose_option,
    choose_quantity,
    choose_variant,
    other_address,
    same_address,
    tapped_confirm,
)

STEPS = (
    *("product", "variant", "quantity", "name", "phone", "known_address", "city", "address"),
    *("form", "summary", "changing"),
)
"""What the bot may have asked last while an order is put together."""

__all__ = [
    "STEPS",
    "answer_address",
    "answer_city",
    "answer_known_address",
    "answer_name",
    "answer_offer",
    "answer_phone",
    "answer_product",
    "answer_quantity",
    "answer_summary",
    "answer_variant",
    "asked_what",
    "begin_with",
    "begun",
    "change",
    "choose_option",
    "choose_quantity",
    "choose_variant",
    "dealt_with",
    "drop",
    "ended_by_time",
    "go_on",
    "order",
    "other_address",
    "refuse",
    "same_address",
    "take_cart",
    "take_contact",
    "take_form",
    "take_place",
    "take_up_draft",
    "tapped_confirm",
]

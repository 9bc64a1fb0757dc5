"""Tables of words about orders: a sentence for each kind of entry, names of fields and codes."""

from __future__ import annotations

from collections.abc import Mapping

from flows.orders import DELIVERY_KINDS, PAYMENT_METHODS, PAYMENT_STATUSES
from inbox.languages import N_
from models.pipeline import Status
from models.timeline import Actor

# kind → icon, colour, sentence.
SENTENCES: dict[str, tuple[str, str, str]] = {
    "created": ("plus", "green", N_("Order created on %(to)s")),
    "moved": ("right", "blue", N_("Moved from %(from)s to %(to)s")),
    "undone": ("back", "gray", N_("Undone: back from %(from)s to %(to)s")),
    "stage_deleted": (
        "right",
        "gray",
        N_("Moved from %(from)s to %(to)s: the stage was deleted"),
    ),
    "reclassified": ("tag", "gray", N_("%(to)s means something else now")),
    "edited": ("edit", "blue", N_("Order changed")),
    "discounted": (
        "tag",
        "orange",
        N_("Discount of %(discount)s: %(applied_total)s instead of %(catalog_total)s"),
    ),
    "tapped": ("check", "green", N_("The customer tapped %(button)s")),
    "repeated_tap": (
        "refresh",
        "gray",
        N_("The customer tapped %(button)s after an earlier answer"),
    ),
    "late_tap": (
        "clock",
        "orange",
        N_("The customer tapped %(button)s too late: the order was on %(stage)s already"),
    ),
    "tap_refused": (
        "alert",
        "orange",
        N_("The customer tapped %(button)s, but from %(stage)s the order cannot go to %(to)s"),
    ),
    "stock_blocked": (
        "box",
        "red",
        N_(
            "The customer tapped %(button)s, but stock is short: %(name)s, %(needed)s needed,"
            " %(available)s available"
        ),
    ),
    "automation_failed": ("alert", "red", N_("The automation %(automation)s could not send")),
    "automation_uncertain": (
        "question",
        "orange",
        N_("Nobody knows whether the message of %(automation)s arrived"),
    ),
    "run_again": ("refresh", "blue", N_("The automation %(automation)s was run again")),
    "run_cancelled": ("x", "gray", N_("The message of %(automation)s was cancelled")),
    "waiting_stopped": ("x", "gray", N_("%(automation)s waits for no answer any more")),
    "unanswered": ("history", "orange", N_("Nobody answered %(automation)s in time")),
    "loop_stopped": (
        "alert",
        "red",
        N_("Stopped: automations moved the order %(moves)s times within an hour. Have a look."),
    ),
    "fallback_refused": (
        "alert",
        "orange",
        N_("Nobody answered %(automation)s in time, but the order cannot go to %(to)s"),
    ),
    "call_asked": ("phone", "orange", N_("The automation %(automation)s asks to call")),
    "called": ("phone", "blue", N_("Called: %(outcome)s")),
    "call_undone": ("back", "gray", N_("The call was taken back: %(outcome)s")),
    "wishes": ("alert", "orange", N_("The customer wants something else")),
    "kept_both": ("check", "gray", N_("Not the same as order %(other)s: both are kept")),
    "seen": ("check", "gray", N_("Seen: %(flag)s")),
}
# The same where the customer did not tap a button but wrote it: why is told below.
SPOKEN: dict[str, str] = {
    "tapped": N_("The customer answered"),
    "repeated_tap": N_("The customer answered after an earlier answer"),
    "late_tap": N_("The customer answered too late: the order was on %(stage)s already"),
    "tap_refused": N_("The customer answered, but from %(stage)s the order cannot go to %(to)s"),
    "stock_blocked": N_(
        "The customer answered yes, but stock is short: %(name)s, %(needed)s needed,"
        " %(available)s available"
    ),
}
OTHER = ("info", "gray", N_("Noted: %(kind)s"))

ACTORS = {
    Actor.CUSTOMER: N_("The customer"),
    Actor.AUTOMATION: N_("An automation"),
    Actor.CARRIER: N_("The carrier"),
    Actor.STORE: N_("The online shop"),
    Actor.SYSTEM: N_("Wasl"),
    Actor.USER: N_("Somebody who left the team"),
}
# Small letters: a message is "Delivered", too, and that is another word in French and Arabic.
STATUSES: dict[str, str] = {
    Status.PENDING: N_("pending"),
    Status.CONFIRMED: N_("confirmed"),
    Status.PROCESSING: N_("being prepared"),
    Status.SHIPPED: N_("shipped"),
    Status.DELIVERED: N_("delivered"),
    Status.RETURNED: N_("returned"),
    Status.CANCELLED: N_("cancelled"),
}
FLAGS = {
    "stock_blocked": N_("Waiting for stock"),
    "possible_duplicate": N_("Possible duplicate"),
    "action_failed": N_("A message failed"),
    "late_tap": N_("Tapped too late"),
    "review": N_("Needs a look"),
}
# What somebody can change → its name, and words for what it holds where that is a code.
FIELDS: dict[str, str] = {
    "name": N_("Name"),
    "phone": N_("Phone"),
    "address": N_("Address"),
    "city": N_("City"),
    "delivery_kind": N_("Delivery"),
    "carrier": N_("Carrier"),
    "tracking": N_("Tracking number"),
    "payment_method": N_("Payment"),
    "payment_status": N_("Payment status"),
    "assignee": N_("Assigned to"),
    "note": N_("Internal note"),
    "discount": N_("Discount"),
    "delivery_fee": N_("Delivery fee"),
}
CODES: dict[str, Mapping[str, str]] = {
    "delivery_kind": DELIVERY_KINDS,
    "payment_method": PAYMENT_METHODS,
    "payment_status": PAYMENT_STATUSES,
}
AMOUNTS = ("discount", "applied_total", "catalog_total", "delivery_fee")
# What was done about a failure, where something was.
DONE = {
    "wait": N_("It is tried again later."),
    "template": N_("Another template was sent."),
    "call": N_("The team is asked to call."),
}

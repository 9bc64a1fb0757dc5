"""The columns the table of orders can show, and which it shows to whom says nothing."""

from __future__ import annotations

from collections.abc import Iterable

from flows.errors import N_

COLUMNS: dict[str, str] = {
    "number": N_("Number"),
    "created": N_("Date"),
    "customer": N_("Customer"),
    "phone": N_("Phone"),
    "city": N_("City"),
    "address": N_("Address"),
    "items": N_("Items"),
    "amount": N_("Amount due"),
    "fee": N_("Delivery fee"),
    "discount": N_("Discount"),
    "stage": N_("Stage"),
    "status": N_("Status"),
    "age": N_("On this stage for"),
    "agent": N_("Agent"),
    "source": N_("Source"),
    "payment": N_("Payment"),
    "carrier": N_("Carrier"),
    "flags": N_("Flags"),
    "calls": N_("Calls"),
    "reason": N_("Reason"),
    "note": N_("Internal note"),
}
ALWAYS = "number"
"""The way to the order's page."""
USUAL = (
    "number",
    "created",
    "customer",
    "phone",
    "city",
    "items",
    "amount",
    "stage",
    "age",
    "agent",
)


def known(names: Iterable[str]) -> list[str]:
    """Of these names the columns there are, in the order they stand; the number always."""
    wanted = {ALWAYS, *names}
    return [name for name in COLUMNS if name in wanted]

"""What comes back from the order form: values, not yet checked against the shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from flows.customers import Number
from flows.errors import N_, Refused

PAYMENT_METHODS = {
    "cod": N_("Cash on delivery"),
    "online": N_("Online"),
    "other": N_("Other"),
}
PAYMENT_STATUSES = {"pending": N_("Pending"), "paid": N_("Paid")}
SOURCES = {
    "whatsapp": N_("WhatsApp"),
    "manual": N_("By hand"),
    "phone": N_("By phone"),
    "bot": N_("Bot"),
}
DELIVERY_KINDS = {"home": N_("To the door"), "desk": N_("Carrier's office")}

# The longest text each field takes, in characters.
LIMITS = {
    "name": 120,
    "phone": 40,
    "email": 254,
    "address": 300,
    "city": 80,
    "reason": 200,
    "note": 2000,
    "line.name": 200,
}
MOST_LINES = 100
MOST_PIECES = 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A product of the catalogue, or a free one that has a name and its own price."""

    product_id: UUID | None = None
    variant_id: UUID | None = None
    name: str = ""
    unit_price: int | None = None
    """Of a free product only: the catalogue's prices are the catalogue's to tell."""
    quantity: int | None = 1

    @property
    def free(self) -> bool:
        return self.product_id is None and self.variant_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order as typed; amounts in minor units of the merchant's currency.

    Error keys are these names, `lines[0].quantity` for what stands in a line.
    """

    client_id: UUID
    """Made with the form: the same form sent twice is one order."""
    name: str
    phone: Number | None
    customer_id: UUID | None = None
    """The card somebody picked; None lets the number say whose order it is."""
    email: str | None = None
    address_id: UUID | None = None
    """A saved address; None for the one typed in `address` and `city`."""
    address: str = ""
    city: str = ""
    lines: tuple[NewLine, ...] = ()
    discount: int | None = None
    applied_total: int | None = None
    reason: str = ""
    delivery_fee: int | None = None
    """None is what the city's zone, or else the merchant, usually asks."""
    delivery_kind: str = "home"
    stage_id: UUID | None = None
    """None is the first stage."""
    payment_method: str = "cod"
    payment_status: str = "pending"
    assignee_id: UUID | None = None
    note: str = ""
    amount_due: int | None = None
    """What the screen showed: if prices changed meanwhile, a person looks again."""
    source: str = "whatsapp"
    consent: str = ""
    """The sentence the customer agreed to when they want to hear of offers; empty: they did not."""
    override: bool = False
    """Take the order although the customer is blocked, where this person may."""
    unread: Mapping[str, Refused] = field(default_factory=dict)
    """Fields the edge could not read; they are refused together with what is wrong besides."""


class Wrong(dict[str, Refused]):
    """What is wrong so far, by field; the first word about a field is the one people read."""

    def __init__(self, form: NewOrder) -> None:
        super().__init__(form.unread)

    def say(self, field: str, code: str, sentence: str, **facts: object) -> None:
        self.setdefault(field, Refused(code, sentence, **facts))

    def missing(self, field: str, sentence: str) -> None:
        self.say(field, "required", sentence)

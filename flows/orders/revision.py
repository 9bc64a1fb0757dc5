"""What an order should become: the form of its page, checked against the order and the shop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from flows import permissions
from flows.customers import Number
from flows.errors import N_, Invalid, Refused
from flows.orders.amounts import MOST, Amounts, amounts
from flows.orders.form import (
    DELIVERY_KINDS,
    LIMITS,
    MOST_LINES,
    MOST_PIECES,
    PAYMENT_METHODS,
    PAYMENT_STATUSES,
    NewLine,
    NewOrder,
    Wrong,
)
from flows.orders.lines import Lines
from models import db
from models.order import Order, OrderLine, StockPosition
from models.types import new_id
from models.user import Membership

LENGTHS = {name: LIMITS[name] for name in ("name", "address", "city", "reason", "note")}
LENGTHS |= {"carrier": 60, "tracking": 80}
CHOICES: dict[str, Mapping[str, str]] = {
    "payment_method": PAYMENT_METHODS,
    "payment_status": PAYMENT_STATUSES,
    "delivery_kind": DELIVERY_KINDS,
}
WHERE = {"address": "ship_line", "city": "ship_city", "delivery_kind": "delivery_kind"}
"""Fields of the form that say where the parcel goes, and the order's own names for them."""


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A line the order has already: its name and price stay, only its quantity may change."""

    id: UUID
    quantity: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """An order as it should be; amounts in minor units of its currency.

    Error keys are these names, `lines[0].quantity` for what stands in a line.
    """

    seen: int
    """The last change of this order that the person had seen: see `last_change`."""
    name: str
    phone: Number | None
    address: str = ""
    city: str = ""
    delivery_kind: str = "home"
    carrier: str = ""
    tracking: str = ""
    lines: tuple[KeptLine | NewLine, ...] = ()
    discount: int | None = None
    applied_total: int | None = None
    reason: str = ""
    delivery_fee: int = 0
    payment_method: str = "cod"
    payment_status: str = "pending"
    assignee_id: UUID | None = None
    note: str = ""
    amount_due: int | None = None
    """What the screen showed: if prices changed meanwhile, a person looks again."""
    unread: Mapping[str, Refused] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the form asks for, found in the shop: lines in their order, kept ones among them."""

    phone: str
    assignee: Membership | None
    lines: list[tuple[OrderLine, int]]
    """Each line and the quantity it should have."""
    amounts: Amounts


def goods_gone(order: Order) -> bool:
    """Whether the goods have left the shop: what is in the parcel can no longer be changed."""
    here = (StockPosition.NONE, StockPosition.RESERVED)
    return order.shipped_at is not None or any(line.stock not in here for line in order.lines)


def address_fixed(order: Order, by: Membership) -> bool:
    """Whether the parcel is on its way and this person may not correct where to."""
    return goods_gone(order) and not permissions.may(by, "orders.correct")


def check(order: Order, form: Revision, by: Membership) -> Checked:
    """Everything the form names, or Invalid with a sentence for each wrong field."""
    wrong = dict(form.unread)
    for name, refusal in _fields(order, form, by):
        wrong.setdefault(name, refusal)
    assignee = _assignee(order, form, wrong)
    lines = _lines(order, form, wrong)
    totals = _totals(form, lines, wrong)
    if wrong or totals is None or form.phone is None:
        raise Invalid(wrong)
    return Checked(form.phone.e164 or "", assignee, lines, totals)


# --- texts and choices ----------------------------------------------------------------------------


def _fields(order: Order, form: Revision, by: Membership) -> Iterator[tuple[str, Refused]]:
    if not form.name:
        yield "name", Refused("required", N_("Enter the customer's name."))
    if form.phone is None:
        yield "phone", Refused("required", N_("Enter a phone number: the courier calls it."))
    elif form.phone.e164 is None:
        yield "phone", Refused("phone", N_("This is not a phone number."))
    for name, sentence in _MISSING.items():
        if order.stage.pipeline.ships and not getattr(form, name):
            yield name, Refused("required", sentence)
    for name, limit in LENGTHS.items():
        if len(getattr(form, name)) > limit:
            yield name, Refused("too_long", N_("At most {limit} characters."), limit=limit)
    for name, choices in CHOICES.items():
        if getattr(form, name) not in choices:
            yield name, Refused("choice", N_("Choose one of the list."))
    if address_fixed(order, by):
        moved = [name for name, own in WHERE.items() if getattr(form, name) != getattr(order, own)]
        for name in moved:
            sentence = N_("The parcel has left: only a manager changes where it goes.")
            yield name, Refused("parcel_left", sentence)


_MISSING = {"address": N_("Enter the delivery address."), "city": N_("Enter the city.")}


def _assignee(order: Order, form: Revision, wrong: dict[str, Refused]) -> Membership | None:
    if form.assignee_id is None:
        return None
    wanted = select(Membership).where(Membership.id == form.assignee_id)
    member = db.session().scalars(wanted).first()
    # Somebody who left the team keeps the orders they had.
    if member is None or not (member.active or member.id == order.assignee_id):
        refusal = Refused("unknown", N_("This person is not in the team."))
        wrong.setdefault("assignee_id", refusal)
    return member


# --- lines and amounts ----------------------------------------------------------------------------


def _lines(order: Order, form: Revision, wrong: dict[str, Refused]) -> list[tuple[OrderLine, int]]:
    if not form.lines:
        wrong.setdefault("lines", Refused("required", N_("Add at least one product.")))
    if len(form.lines) > MOST_LINES:
        no = Refused("too_many", N_("At most {limit} lines."), limit=MOST_LINES)
        wrong.setdefault("lines", no)
    known = {line.id: line for line in order.lines}
    read = [
        _kept(place, line, known, wrong) if isinstance(line, KeptLine) else _new(place, line, wrong)
        for place, line in enumerate(form.lines[:MOST_LINES])
    ]
    found = [pair for pair in read if pair is not None]
    if goods_gone(order) and {line.id: n for line, n in found} != _quantities(order):
        sentence = N_("The goods have left: products and quantities stay as they are.")
        wrong.setdefault("lines", Refused("goods_gone", sentence))
    return found


def _quantities(order: Order) -> dict[UUID, int]:
    return {line.id: line.quantity for line in order.lines}


def _kept(
    place: int, kept: KeptLine, known: Mapping[UUID, OrderLine], wrong: dict[str, Refused]
) -> tuple[OrderLine, int] | None:
    line = known.get(kept.id)
    if line is None:
        wrong[f"lines[{place}].quantity"] = Refused("unknown", N_("The order has no such line."))
    elif kept.quantity is None or not 1 <= kept.quantity <= MOST_PIECES:
        no = Refused("quantity", N_("From 1 to {most}."), most=MOST_PIECES)
        wrong.setdefault(f"lines[{place}].quantity", no)
    else:
        return line, kept.quantity
    return None


def _new(place: int, new: NewLine, wrong: dict[str, Refused]) -> tuple[OrderLine, int] | None:
    """Read as the order dialog reads it, at the catalogue's price of today."""
    alone = NewOrder(client_id=new_id(), name="", phone=None, lines=(new,))
    said = Wrong(alone)
    line = next(iter(Lines(alone, said).read()), None)
    for name, refusal in said.items():
        wrong.setdefault(name.replace("lines[0]", f"lines[{place}]"), refusal)
    return (line, line.quantity) if line is not None and not said else None


def _totals(
    form: Revision, lines: list[tuple[OrderLine, int]], wrong: dict[str, Refused]
) -> Amounts | None:
    for name in _AMOUNTS:
        amount = getattr(form, name)
        if amount is not None and not 0 <= amount <= MOST:
            wrong.setdefault(name, Refused("amount", N_("This amount is not possible.")))
    if any(name.startswith("lines") or name in _AMOUNTS for name in wrong):
        return None  # a total of wrong lines would only accuse the discount of their faults
    try:
        totals = amounts(
            [(quantity, line.unit_price) for line, quantity in lines],
            discount=form.discount,
            applied_total=form.applied_total,
            delivery_fee=form.delivery_fee,
        )
    except Invalid as refusal:
        wrong.update(refusal.fields)
        return None
    if form.amount_due not in (None, totals.amount_due):
        sentence = N_("Prices changed meanwhile: the amount due is shown anew. Look, then save.")
        wrong["amount_due"] = Refused("changed", sentence)
    return totals


_AMOUNTS = ("delivery_fee", "discount", "applied_total")

"""The form against the shop: what it asks for is there, or every wrong field is named at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import select

from flows import delivery
from flows.customers import Number
from flows.errors import N_, Invalid, Refused
from flows.orders.amounts import MOST, Amounts, amounts
from flows.orders.form import (
    DELIVERY_KINDS,
    LIMITS,
    PAYMENT_METHODS,
    PAYMENT_STATUSES,
    SOURCES,
    NewOrder,
    Wrong,
)
from flows.orders.lines import Lines
from models import db
from models.customer import Address, Customer
from models.order import OrderLine
from models.pipeline import Pipeline, Stage
from models.user import Membership


@dataclass(frozen=True, slots=True)
class Checked:
    """What a form asks for, found in the shop."""

    phone: Number
    stage: Stage
    assignee: Membership | None
    address: tuple[str, str]
    lines: list[OrderLine]
    amounts: Amounts


def pipeline() -> Pipeline:
    """The pipeline orders are taken into: the merchant's first."""
    first = select(Pipeline).order_by(Pipeline.created_at, Pipeline.id).limit(1)
    found = db.session().scalars(first).first()
    if found is None or not any(stage.active for stage in found.stages):
        raise Refused("no_stage", N_("There is no stage yet that an order could begin on."))
    return found


def check(form: NewOrder, card: Customer | None) -> Checked:
    """Everything the form names, or Invalid with a sentence for each wrong field."""
    wrong, here = Wrong(form), pipeline()
    _texts(form, wrong)
    phone = _phone(form, wrong)
    _picked(form, card, wrong)
    stage = _stage(form, here, wrong)
    address = _address(form, card, here.ships, wrong)
    assignee = _assignee(form, wrong)
    lines = Lines(form, wrong).read()
    totals = _amounts(form, lines, address[1], wrong)
    if wrong or phone is None or stage is None or totals is None:
        raise Invalid(wrong)
    return Checked(phone, stage, assignee, address, lines, totals)


# --- who, where -----------------------------------------------------------------------------------


def _texts(form: NewOrder, wrong: Wrong) -> None:
    if not form.name:
        wrong.missing("name", N_("Enter the customer's name."))
    for field in ("name", "email", "address", "city", "reason", "note"):
        _short_enough(field, getattr(form, field) or "", LIMITS[field], wrong)
    for field, choices in (
        ("payment_method", PAYMENT_METHODS),
        ("payment_status", PAYMENT_STATUSES),
        ("delivery_kind", DELIVERY_KINDS),
        ("source", SOURCES),
    ):
        if getattr(form, field) not in choices:
            wrong.say(field, "choice", N_("Choose one of the list."))


def _short_enough(field: str, text: str, limit: int, wrong: Wrong) -> None:
    if len(text) > limit:
        wrong.say(field, "too_long", N_("At most {limit} characters."), limit=limit)


def _phone(form: NewOrder, wrong: Wrong) -> Number | None:
    if form.phone is None:
        wrong.missing("phone", N_("Enter a phone number: the courier calls it."))
    elif form.phone.e164 is None:
        wrong.say("phone", "phone", N_("This is not a phone number."))
    return form.phone


def _picked(form: NewOrder, card: Customer | None, wrong: Wrong) -> None:
    if form.customer_id is not None and card is None:
        wrong.say("customer_id", "unknown", N_("This customer does not exist any more."))


def _address(form: NewOrder, card: Customer | None, ships: bool, wrong: Wrong) -> tuple[str, str]:
    if form.address_id is not None:
        return _saved_address(form.address_id, card, wrong)
    if ships and not form.address:
        wrong.missing("address", N_("Enter the delivery address."))
    if ships and not form.city:
        wrong.missing("city", N_("Enter the city."))
    return form.address, form.city


def _saved_address(id_: UUID, card: Customer | None, wrong: Wrong) -> tuple[str, str]:
    address = db.session().scalars(select(Address).where(Address.id == id_)).first()
    if address is None or card is None or address.customer_id != card.id:
        wrong.say("address_id", "unknown", N_("This customer has no such address."))
        return "", ""
    return address.line, address.city


# --- stage, assignee ------------------------------------------------------------------------------


def _stage(form: NewOrder, here: Pipeline, wrong: Wrong) -> Stage | None:
    if form.stage_id is None:
        return here.first_stage
    stage = next((s for s in here.stages if s.id == form.stage_id and s.active), None)
    if stage is None:
        wrong.say("stage_id", "unknown", N_("No order can begin on this stage."))
    return stage


def _assignee(form: NewOrder, wrong: Wrong) -> Membership | None:
    if form.assignee_id is None:
        return None
    member = (
        db.session().scalars(select(Membership).where(Membership.id == form.assignee_id)).first()
    )
    if member is None or not member.active:
        wrong.say("assignee_id", "unknown", N_("This person is not in the team."))
        return None
    return member


# --- amounts --------------------------------------------------------------------------------------


def _amounts(form: NewOrder, lines: Sequence[OrderLine], city: str, wrong: Wrong) -> Amounts | None:
    for field, amount in (
        ("delivery_fee", form.delivery_fee),
        ("discount", form.discount),
        ("applied_total", form.applied_total),
    ):
        if amount is not None and not 0 <= amount <= MOST:
            wrong.say(field, "amount", N_("This amount is not possible."))
    if any(key.startswith("lines") or key in _AMOUNTS for key in wrong):
        return None  # a total of wrong lines would only accuse the discount of their faults
    try:
        totals = amounts(
            [(line.quantity, line.unit_price) for line in lines],
            discount=form.discount,
            applied_total=form.applied_total,
            delivery_fee=form.delivery_fee or 0,
        )
    except Invalid as refusal:
        wrong.update(refusal.fields)
        return None
    if form.delivery_fee is None:
        usual = delivery.fee(city, kind=form.delivery_kind, applied_total=totals.applied_total)
        totals = replace(totals, delivery_fee=usual)
    if form.amount_due not in (None, totals.amount_due):
        wrong.say(
            "amount_due",
            "changed",
            N_("Prices changed meanwhile: the amount due is shown anew. Look, then create."),
        )
    return totals


_AMOUNTS = ("delivery_fee", "discount", "applied_total")

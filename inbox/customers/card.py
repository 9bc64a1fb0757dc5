"""A customer's card: all there is about them on one page, and how people correct it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import render_template, request

from flows import consents, customers, orders
from flows.errors import Invalid
from inbox import htmx, life
from inbox.auth import needs
from inbox.current import current
from inbox.customers.routes import pages
from inbox.forms import Fields
from inbox.languages import told_each
from models.customer import Customer

Answer = str | tuple[str, int]


# --- the card -------------------------------------------------------------------------------------


@pages.get("/customers/<uuid:customer_id>")
@needs("orders.read")
def show(customer_id: UUID) -> str:
    return render_template("customers/show.html", **card_facts(customers.find(customer_id)))


@pages.get("/customers/<uuid:customer_id>/orders")
@needs("orders.read")
def older(customer_id: UUID) -> str:
    """The customer's orders under number `before`."""
    customer = customers.find(customer_id)
    listed = customers.orders_of(customer, before=request.args.get("before", type=int))
    more = len(listed) == orders.PAGE
    return render_template("customers/_orders.html", customer=customer, orders=listed, more=more)


def card_facts(customer: Customer) -> dict[str, Any]:
    return {
        "customer": customer,
        "history": customers.history(customer, money=current.sees_money),
        "standing": consents.standing(customer),
        "said": consents.history(customer),
        "sources": consents.SOURCES,
    }


def changed(customer: Customer) -> str:
    """The dialog closes and the card is as it is now."""
    htmx.close_dialog()
    return render_template("customers/_changed.html", **card_facts(customer))


# --- correcting it --------------------------------------------------------------------------------


@pages.get("/customers/<uuid:customer_id>/edit")
@needs("customers.edit")
def edit(customer_id: UUID) -> str:
    customer = customers.find(customer_id)
    typed = {"name": customer.name, "email": customer.email, "note": customer.note}
    return _asked("customers/edit.html", customer, typed)


@pages.post("/customers/<uuid:customer_id>")
@needs("customers.edit")
def change(customer_id: UUID) -> Answer:
    customer, fields = customers.find(customer_id), Fields(request.form)
    name, email, note = fields.text("name"), fields.email("email"), fields.lines("note") or None
    try:
        customers.edit(customer, name=name, email=email, note=note, unread=fields.wrong)
    except Invalid as refusal:
        return _again("customers/edit.html", customer_id, refusal)
    return changed(customer)


@pages.get("/customers/<uuid:customer_id>/phones/new")
@needs("customers.edit")
def ask_phone(customer_id: UUID) -> str:
    return _asked("customers/phone.html", customers.find(customer_id), {})


@pages.post("/customers/<uuid:customer_id>/phones")
@needs("customers.edit")
def add_phone(customer_id: UUID) -> Answer:
    """One number more, in any spelling of the merchant's country."""
    customer, fields = customers.find(customer_id), Fields(request.form)
    try:
        customers.put_phone(customer, fields.phone("phone", current.merchant.country))
    except Invalid as refusal:
        return _again("customers/phone.html", customer_id, refusal)
    return changed(customer)


@pages.post("/customers/<uuid:customer_id>/phones/<uuid:phone_id>/delete")
@needs("customers.edit")
def remove_phone(customer_id: UUID, phone_id: UUID) -> str:
    customer = customers.find(customer_id)
    customers.remove_phone(customer, phone_id)
    return changed(customer)


@pages.get("/customers/<uuid:customer_id>/addresses/new")
@needs("customers.edit")
def ask_address(customer_id: UUID) -> str:
    return _asked("customers/address.html", customers.find(customer_id), {}, address=None)


@pages.post("/customers/<uuid:customer_id>/addresses")
@needs("customers.edit")
def add_address(customer_id: UUID) -> Answer:
    return _put_address(customer_id, None)


@pages.get("/customers/<uuid:customer_id>/addresses/<uuid:address_id>")
@needs("customers.edit")
def edit_address(customer_id: UUID, address_id: UUID) -> str:
    customer = customers.find(customer_id)
    address = next((a for a in customer.addresses if a.id == address_id), None)
    typed = {"line": address.line, "city": address.city} if address else {}
    return _asked("customers/address.html", customer, typed, address=address_id)


@pages.post("/customers/<uuid:customer_id>/addresses/<uuid:address_id>")
@needs("customers.edit")
def change_address(customer_id: UUID, address_id: UUID) -> Answer:
    return _put_address(customer_id, address_id)


@pages.post("/customers/<uuid:customer_id>/addresses/<uuid:address_id>/delete")
@needs("customers.edit")
def remove_address(customer_id: UUID, address_id: UUID) -> str:
    customer = customers.find(customer_id)
    customers.remove_address(customer, address_id)
    return changed(customer)


def _put_address(customer_id: UUID, address_id: UUID | None) -> Answer:
    customer, fields = customers.find(customer_id), Fields(request.form)
    try:
        customers.put_address(customer, fields.text("line"), fields.text("city"), address_id)
    except Invalid as refusal:
        return _again("customers/address.html", customer_id, refusal, address=address_id)
    return changed(customer)


def _asked(template: str, customer: Customer, typed: Any, **facts: Any) -> str:
    facts = {"errors": {}, "limits": customers.LIMITS} | facts
    return render_template(template, customer=customer, typed=typed, **facts)


def _again(template: str, customer_id: UUID, refusal: Invalid, **facts: Any) -> Answer:
    """The form as it was posted, with what is wrong beside each field."""
    life.undo()
    customer = customers.find(customer_id)
    return _asked(template, customer, request.form, errors=told_each(refusal), **facts), 422

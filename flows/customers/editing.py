"""A card as people correct it: name, e-mail, numbers, addresses."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from flows import search
from flows.customers.cards import add_phone, refresh_search
from flows.customers.phones import Number
from flows.errors import N_, Invalid, NotFound, Refused
from models import db
from models.customer import Address, Customer
from models.types import clean, fold

LIMITS = {"name": 120, "email": 254, "note": 2000, "line": 300, "city": 80}
MOST = 20
"""Numbers, and addresses, of one card."""


def find(customer_id: UUID) -> Customer:
    """The card with its numbers, addresses and WhatsApp accounts, or NotFound."""
    whole = (
        selectinload(Customer.phones),
        selectinload(Customer.addresses),
        selectinload(Customer.identities),
    )
    wanted = select(Customer).where(Customer.id == customer_id).options(*whole)
    found = db.session().scalars(wanted).one_or_none()
    if found is None:
        raise NotFound
    return found


def edit(
    customer: Customer,
    *,
    name: str,
    email: str | None,
    note: str | None,
    unread: Mapping[str, Refused] | None = None,
) -> None:
    """The card says so from now on, and its conversations are found by the new name.

    Orders keep the name they were taken with. Raises Invalid with every wrong field; `unread`
    are those that could not even be read.
    """
    wrong = dict(unread or {})
    if not name:
        wrong["name"] = Refused("missing", N_("Enter the customer's name."))
    _short_enough(wrong, name=name, email=email or "", note=note or "")
    customer.email, customer.note = email, clean(note) if note else None
    customer.rename(clean(name))
    _refresh(customer)
    search.index_card(customer)


def put_phone(customer: Customer, number: Number | None) -> None:
    """The number is on the card; Invalid when there is none or it is no number."""
    if number is None or number.e164 is None:
        raise Invalid({"phone": Refused("phone", N_("This is not a phone number."))})
    if len(customer.phones) >= MOST:
        raise _too_many("phone")
    add_phone(customer, number)
    _refresh(customer)


def remove_phone(customer: Customer, phone_id: UUID) -> None:
    """The number is off the card; who writes from it on WhatsApp stays theirs."""
    phone = next((phone for phone in customer.phones if phone.id == phone_id), None)
    if phone is None:
        raise NotFound
    customer.phones.remove(phone)
    _refresh(customer)


def put_address(customer: Customer, line: str, city: str, address_id: UUID | None = None) -> None:
    """The card has this address, or the one with this id says so; orders keep their own copy."""
    wrong: dict[str, Refused] = {}
    if not line:
        wrong["line"] = Refused("missing", N_("Enter the delivery address."))
    if not city:
        wrong["city"] = Refused("missing", N_("Enter the city."))
    _short_enough(wrong, line=line, city=city)
    if address_id is not None:
        address = _address(customer, address_id)
        address.line, address.city = clean(line), clean(city)
        return
    same = (fold(line), fold(city))
    if any((fold(known.line), fold(known.city)) == same for known in customer.addresses):
        return
    if len(customer.addresses) >= MOST:
        raise _too_many("line")
    customer.addresses.append(Address(line=clean(line), city=clean(city)))


def remove_address(customer: Customer, address_id: UUID) -> None:
    customer.addresses.remove(_address(customer, address_id))


def _address(customer: Customer, address_id: UUID) -> Address:
    found = next((each for each in customer.addresses if each.id == address_id), None)
    if found is None:
        raise NotFound
    return found


def _short_enough(wrong: dict[str, Refused], **texts: str) -> None:
    """Raises Invalid with what is wrong already and what is too long."""
    for field, text in texts.items():
        if len(text) > LIMITS[field]:
            sentence = N_("At most {limit} characters.")
            wrong[field] = Refused("too_long", sentence, limit=LIMITS[field])
    if wrong:
        raise Invalid(wrong)


def _too_many(field: str) -> Invalid:
    sentence = N_("A card holds at most {limit} of them.")
    return Invalid({field: Refused("too_many", sentence, limit=MOST)})


def _refresh(customer: Customer) -> None:
    db.session().flush()  # refresh_search reads the card anew
    for identity in customer.identities:
        refresh_search(identity)

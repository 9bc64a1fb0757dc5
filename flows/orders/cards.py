"""Whose order it is: the card of the person who writes, or of the number that was typed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from flows import customers
from models import db
from models.customer import Address, Customer, WhatsAppIdentity
from models.types import fold, utcnow


def card_of(
    identity: WhatsAppIdentity | None, e164: str | None, name: str, *, picked: UUID | None = None
) -> Customer | None:
    """The identity's card, else the one picked, else one with either's number; or none.

    A number typed over the picked card's that other cards hold is theirs. Of several cards with
    one number (a household's phone) the one of that name, else the oldest.
    """
    if identity is not None and identity.customer is not None:
        return identity.customer
    for number in (identity.phone if identity else None, e164):
        cards = cards_with(number)
        if cards:
            called = (card for card in cards if fold(card.name) == fold(name))
            chosen = (card for card in cards if card.id == picked)
            return next(chosen, None) or next(called, cards[0])
    return find_card(picked) if picked else None


def find_card(id_: UUID) -> Customer | None:
    return db.session().scalars(select(Customer).where(Customer.id == id_)).first()


def cards_with(e164: str | None) -> Sequence[Customer]:
    """The cards that hold exactly this number, oldest first; two are for people to merge."""
    ids = customers.cards_with(e164)
    cards = select(Customer).where(Customer.id.in_(ids)).order_by(Customer.id)
    return db.session().scalars(cards).all() if ids else ()


def last_used_first(card: Customer | None) -> Sequence[Address]:
    return sorted(card.addresses, key=lambda a: a.used_at, reverse=True) if card else ()


def open_or_complete(
    card: Customer | None,
    identity: WhatsAppIdentity | None,
    *,
    name: str,
    number: customers.Number,
    email: str | None,
) -> Customer:
    """The card, new if there was none, holding this number; its name stays what it was.

    Whoever writes as `identity` is this card's person from now on.
    """
    card = card or customers.open_card(name)
    card.email = email or card.email
    customers.add_phone(card, number)
    if identity is not None:
        if identity.phone:
            customers.add_phone(card, customers.Number(identity.phone, identity.phone))
        customers.link(identity, card)
    return card


def keep_address(card: Customer, line: str, city: str) -> Address:
    """The card knows this address, and that it was used just now."""
    wanted = (fold(line), fold(city))
    known = (a for a in card.addresses if (fold(a.line), fold(a.city)) == wanted)
    address = next(known, None)
    if address is None:
        address = Address(line=line, city=city)
        card.addresses.append(address)
    address.used_at = utcnow()
    return address

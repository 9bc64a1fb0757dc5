"""Cards: one for each person, whatever they call themselves and however many numbers they have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, func, literal, or_, select, update
from sqlalchemy.orm import joinedload

from flows.customers.phones import Number, matches, phone_words, read_phone
from models import db, search
from models.channel import Channel
from models.conversation import Conversation
from models.customer import Consent, Customer, Phone, WhatsAppIdentity
from models.types import clean, fold


def open_card(
    name: str,
    *,
    number: Number | None = None,
    email: str | None = None,
    language: str | None = None,
) -> Customer:
    """A new card, with its first number when there is one."""
    customer = Customer(email=email, language=language)
    customer.rename(clean(name))
    db.session().add(customer)
    if number is not None:
        add_phone(customer, number)
    return customer


def add_phone(customer: Customer, number: Number) -> None:
    """The number is on the card; nothing happens when it already was."""
    if any(_same(phone, number) for phone in customer.phones):
        return
    customer.phones.append(
        Phone(e164=number.e164, raw=clean(number.raw), reversed_digits=number.reversed_digits)
    )


def card_for(identity: WhatsAppIdentity) -> Customer:
    """The card of whoever this is; opened now for somebody who had none.

    Of several cards with their number the one of their name, else the oldest.
    """
    if identity.customer is not None:
        return identity.customer
    known = select(Customer).where(Customer.id.in_(cards_with(identity.phone)))
    cards = db.session().scalars(known.order_by(Customer.id)).all()
    name = identity.name
    card = next((card for card in cards if fold(card.name) == fold(name)), next(iter(cards), None))
    if card is None:
        number = Number(identity.phone, identity.phone) if identity.phone else None
        card = open_card(name, number=number)
    link(identity, card)
    return card


def _same(phone: Phone, number: Number) -> bool:
    if number.e164:
        return phone.e164 == number.e164
    return phone.raw == number.raw


def cards_with(e164: str | None) -> list[UUID]:
    """Ids of the cards that hold exactly this number; two of them are for people to merge."""
    if not e164:
        return []
    found = select(Phone.customer_id).where(Phone.e164 == e164).distinct().limit(5)
    return list(db.session().scalars(found))


def by_number(numbers: Collection[str]) -> dict[str, Customer]:
    """The oldest card with each of these numbers (E.164)."""
    if not numbers:
        return {}
    found = (
        select(Phone)
        .where(Phone.e164.in_(numbers))
        .options(joinedload(Phone.customer))
        .order_by(Phone.customer_id.desc())
    )
    return {phone.e164: phone.customer for phone in db.session().scalars(found) if phone.e164}


def save_contact(name: str, numbers: Sequence[Number], *, email: str | None = None) -> Customer:
    """The card of somebody whose contact was shared: the one with their number, else a new one."""
    known = by_number({number.e164 for number in numbers if number.e164})
    customer = next(iter(known.values()), None)
    if customer is None:
        customer = open_card(name, email=email)
    for number in numbers:
        add_phone(customer, number)
    db.session().flush()  # people who write from one of the numbers are looked for by it
    e164s = [number.e164 for number in numbers if number.e164]
    nobodys = select(WhatsAppIdentity).where(
        WhatsAppIdentity.phone.in_(e164s), WhatsAppIdentity.customer_id.is_(None)
    )
    for identity in db.session().scalars(nobodys).all():
        link(identity, customer)
    return customer


def link(identity: WhatsAppIdentity, customer: Customer) -> None:
    """This WhatsApp identity is this card's from now on, with what it had agreed to before."""
    new = identity.customer_id != customer.id
    identity.customer = customer
    db.session().flush()  # search_text reads the card through the identity
    refresh_search(identity)
    if new and customer.marketing_at is None and identity.opted_out_at is None:
        customer.marketing_at = _agreed_at(identity, customer)


def _agreed_at(identity: WhatsAppIdentity, customer: Customer) -> datetime | None:
    """Since when the newest word of the two allows advertising; None when it does not."""
    newest = (
        select(Consent.given, Consent.at)
        .where(or_(Consent.identity_id == identity.id, Consent.customer_id == customer.id))
        .order_by(Consent.at.desc(), Consent.id.desc())
        .limit(1)
    )
    row = db.session().execute(newest).first()
    return row.at if row and row.given else None


def count() -> int:
    return db.session().scalar(select(func.count()).select_from(Customer)) or 0


def refresh_search(identity: WhatsAppIdentity) -> None:
    """This person's conversations are found by all we know of them, and muted with their card."""
    session = db.session()
    session.expire(identity, ["customer"])  # a card that was set by its id is another one by now
    muted = is_blocked(identity)
    session.execute(
        update(Conversation)
        .where(Conversation.identity_id == identity.id)
        .values(
            search_text=search_text(identity),
            muted=muted,
            unread=case((literal(muted), 0), else_=Conversation.unread),
        )
        .execution_options(synchronize_session=False)
    )


def is_blocked(identity: WhatsAppIdentity) -> bool:
    """Whether the card of this person is blocked: what they write then rings for nobody."""
    return identity.customer is not None and identity.customer.blocked_at is not None


def search_text(identity: WhatsAppIdentity) -> str:
    names = [identity.profile_name, identity.username]
    phones = {identity.phone}
    if identity.customer is not None:
        names.append(identity.customer.name)
        phones |= {phone.e164 for phone in identity.customer.phones}
    return " ".join(
        [
            *search.words(" ".join(filter(None, names))),
            *map(phone_words, sorted(filter(None, phones))),
        ]
    )


def reachable(text: str, *, limit: int = 8) -> list[tuple[str, str, str]]:
    """(name, E.164, whose) of the merchant's own numbers and of customers, as far as they fit.

    A customer is found by the words of the card or by any spelling of the number.
    """
    session = db.session()
    own = select(Channel).order_by(Channel.name)
    numbers = [
        (c.name, read_phone(c.display_phone_number, c.country)) for c in session.scalars(own)
    ]
    ours = [(name, number.e164, "shop") for name, number in numbers if number.e164]
    if not text.strip():
        return ours[:limit]
    wanted = (
        select(Customer.name, Phone.e164)
        .join(Phone.customer)
        .where(matches(Customer.search_text, text), Phone.e164.is_not(None))
        .order_by(Customer.name, Phone.e164)
        .limit(limit)
    )
    return [(name, str(e164), "customer") for name, e164 in session.execute(wanted)]

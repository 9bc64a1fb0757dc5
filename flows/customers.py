"""Same person, same card: reading phones, resolving WhatsApp identities, opening cards."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat
from sqlalchemy import ColumnElement, delete, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from flows.events import Person
from models import db, search
from models.conversation import Activity, Conversation
from models.customer import Customer, Phone, WhatsAppIdentity
from models.message import Message, ReadMark
from models.order import Order
from models.types import clean, new_id

SUFFIX = 4
"""Digits after which what is typed may also be the end of a number."""


@dataclass(frozen=True, slots=True)
class Number:
    """A phone as somebody wrote it, and what it is internationally (None when it is no number)."""

    raw: str
    e164: str | None

    @property
    def reversed_digits(self) -> str:
        return re.sub(r"\D", "", self.e164 or _digits(self.raw))[::-1]


# --- phones (spec: domain.md §5, every rule there was executed) -----------------------------------


def read_phone(raw: str, region: str) -> Number:
    """The number `raw` means to somebody in `region` (ISO 3166); e164 None when it is none."""
    text = unicodedata.normalize("NFKC", clean(raw)).strip()
    international = text.startswith(("+", "00"))
    parsed = _parse(re.sub(r"^00", "+", text), None if international else region)
    if parsed is None and 10 <= len(_digits(text)) <= 15:
        parsed = _parse("+" + _digits(text), None)
    return Number(raw, _e164(parsed) if parsed else None)


def read_wa_id(wa_id: str) -> str | None:
    """The E.164 of Meta's digits. Only possible, not valid: WhatsApp knows new ranges first."""
    parsed = _parse("+" + _digits(wa_id), None)
    return _e164(parsed) if parsed else None


def phone_words(e164: str | None) -> str:
    """Every way people begin to write this number, and its digits backwards, for the search."""
    parsed = _parse(e164, None) if e164 else None
    if parsed is None:
        return ""
    national = str(parsed.national_number)
    full = f"{parsed.country_code}{national}"
    return f"{full} 0{national} {national} r{full[::-1]}"


def matches(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    """Rows whose words begin like those typed; a number in any spelling, or its last digits."""
    text = unicodedata.normalize("NFKC", clean(text)).strip()
    digits = re.sub(r"^00", "", _digits(text))
    if not re.fullmatch(r"[\d\s.()+/\-]+", text):
        words = search.words(text)
        return search.begins_like(column, words) if words else false()
    ends = [f"r{digits[::-1]}"] if len(digits) >= SUFFIX else []
    return or_(*(search.begins_like(column, [word]) for word in [digits, *ends]))


def _digits(text: str) -> str:
    return "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None


def _e164(parsed: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


# --- identities -----------------------------------------------------------------------------------


def identities_for(persons: Sequence[Person]) -> list[WhatsAppIdentity]:
    """The identity of each person, in order: found by user_id, else by wa_id, else made now.

    A person who comes with both joins two identities that were one all along; profile names
    and usernames are kept up to date.
    """
    known = _Known(persons)
    for person in persons:
        known.identity(person)
    # A later person may have joined two identities: only now does each have its last word.
    return [known.identity(person) for person in persons]


class _Known:
    """The identities a batch may speak of, read in one query."""

    def __init__(self, persons: Iterable[Person]) -> None:
        self.by_user_id: dict[str, WhatsAppIdentity] = {}
        self.by_wa_id: dict[str, WhatsAppIdentity] = {}
        user_ids = {p.user_id for p in persons if p.user_id}
        wa_ids = {p.wa_id for p in persons if p.wa_id}
        found = select(WhatsAppIdentity).where(
            or_(WhatsAppIdentity.user_id.in_(user_ids), WhatsAppIdentity.wa_id.in_(wa_ids))
        )
        for identity in db.session().scalars(found):
            self._remember(identity)

    def identity(self, person: Person) -> WhatsAppIdentity:
        by_user = self.by_user_id.get(person.user_id or "")
        by_phone = self.by_wa_id.get(person.wa_id or "")
        if by_phone and person.user_id and by_phone.user_id not in (None, person.user_id):
            self._release_number(by_phone)
            by_phone = None
        if by_user and by_phone and by_user is not by_phone:
            _join(by_user, by_phone)
            self._remember(by_user)
        identity = by_user or by_phone or self._create(person)
        if _refresh(identity, person):
            self._remember(identity)
        return identity

    def _remember(self, identity: WhatsAppIdentity) -> None:
        if identity.user_id:
            self.by_user_id[identity.user_id] = identity
        if identity.wa_id:
            self.by_wa_id[identity.wa_id] = identity

    def _release_number(self, identity: WhatsAppIdentity) -> None:
        """The number is somebody else's now: who changes number gets a new user id, and only
        Meta's own system message says that two are one. This one keeps its user id and talk."""
        self.by_wa_id.pop(identity.wa_id or "", None)
        identity.wa_id = identity.phone = None
        identity.reversed_digits = ""
        db.session().flush()  # the number must be free before its new owner takes it
        refresh_search(identity)

    def _create(self, person: Person) -> WhatsAppIdentity:
        # Two workers may meet the same stranger: the second waits here, then finds the first's row.
        session = db.session()
        phone = read_wa_id(person.wa_id) if person.wa_id else None
        session.execute(
            insert(WhatsAppIdentity)
            .values(
                merchant_id=session.merchant_id,
                id=new_id(),
                user_id=person.user_id,
                wa_id=person.wa_id,
                phone=phone,
                reversed_digits=(phone or "").lstrip("+")[::-1],
                customer_id=_only_card_with(phone),
            )
            .on_conflict_do_nothing()
        )
        same = [
            column == value
            for column, value in (
                (WhatsAppIdentity.user_id, person.user_id),
                (WhatsAppIdentity.wa_id, person.wa_id),
            )
            if value
        ]
        return session.scalars(select(WhatsAppIdentity).where(or_(*same))).first() or _missing()


def _missing() -> WhatsAppIdentity:
    raise LookupError("an identity vanished between its insert and its reading")


def _refresh(identity: WhatsAppIdentity, person: Person) -> bool:
    """Take over what the newest payload says; True when anything changed."""
    before = _said(identity)
    identity.user_id = person.user_id or identity.user_id
    identity.username = person.username or identity.username
    identity.profile_name = person.profile_name or identity.profile_name
    if person.wa_id and person.wa_id != identity.wa_id:
        identity.wa_id = person.wa_id
        identity.phone = read_wa_id(person.wa_id)
        identity.reversed_digits = (identity.phone or "").lstrip("+")[::-1]
        identity.customer_id = identity.customer_id or _only_card_with(identity.phone)
    if _said(identity) == before:
        return False
    db.session().flush()  # the unique keys must speak now, not after the batch
    refresh_search(identity)
    return True


def _said(identity: WhatsAppIdentity) -> tuple[Any, ...]:
    return (identity.user_id, identity.wa_id, identity.username, identity.profile_name)


def repoint(identity: WhatsAppIdentity, became: Person) -> None:
    """The same customer under a new number or user id (Meta's system messages say so)."""
    other = _Known([became])
    for taken in {*other.by_user_id.values(), *other.by_wa_id.values()} - {identity}:
        _join(identity, taken)
    _refresh(identity, became)


def _only_card_with(e164: str | None) -> UUID | None:
    cards = cards_with(e164)
    return cards[0] if len(cards) == 1 else None


def cards_with(e164: str | None) -> list[UUID]:
    """Ids of the cards that hold exactly this number; two of them are for people to merge."""
    if not e164:
        return []
    found = select(Phone.customer_id).where(Phone.e164 == e164).distinct().limit(5)
    return list(db.session().scalars(found))


def _join(kept: WhatsAppIdentity, joined: WhatsAppIdentity) -> None:
    """Two identities turn out to be one person: everything of `joined` becomes `kept`'s."""
    session = db.session()
    wa_id, phone, digits = joined.wa_id, joined.phone, joined.reversed_digits
    card = joined.customer_id
    for theirs in session.scalars(
        select(Conversation).where(Conversation.identity_id == joined.id).with_for_update()
    ).all():
        _join_conversation(kept, theirs)
    session.flush()
    session.execute(delete(WhatsAppIdentity).where(WhatsAppIdentity.id == joined.id))
    session.expunge(joined)
    if wa_id and not kept.wa_id:
        kept.wa_id, kept.phone, kept.reversed_digits = wa_id, phone, digits
    kept.customer_id = kept.customer_id or card
    session.flush()
    refresh_search(kept)


def _join_conversation(kept: WhatsAppIdentity, theirs: Conversation) -> None:
    session = db.session()
    ours = session.scalars(
        select(Conversation)
        .where(Conversation.identity_id == kept.id, Conversation.channel_id == theirs.channel_id)
        .with_for_update(key_share=True)
    ).first()
    if ours is None:
        theirs.identity_id = kept.id
        return
    for table in (Message, Activity, ReadMark, Order):
        session.execute(
            update(table)
            .where(table.conversation_id == theirs.id)
            .values(conversation_id=ours.id)
            .execution_options(synchronize_session=False)
        )
    ours.unread += theirs.unread
    if theirs.last_message_at > ours.last_message_at:
        for field in ("at", "id", "direction", "preview", "kind"):
            name = f"last_message_{field}" if field in ("at", "id") else f"last_{field}"
            setattr(ours, name, getattr(theirs, name))
    times = [t for t in (ours.last_inbound_at, theirs.last_inbound_at) if t]
    ours.last_inbound_at = max(times, default=None)
    ours.assignee_id = ours.assignee_id or theirs.assignee_id
    session.flush()
    session.execute(delete(Conversation).where(Conversation.id == theirs.id))
    session.expunge(theirs)


def refresh_search(identity: WhatsAppIdentity) -> None:
    """Make this person's conversations findable by everything we know of them now."""
    db.session().execute(
        update(Conversation)
        .where(Conversation.identity_id == identity.id)
        .values(search_text=search_text(identity))
        .execution_options(synchronize_session=False)
    )


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


# --- cards ----------------------------------------------------------------------------------------


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


def _same(phone: Phone, number: Number) -> bool:
    if number.e164:
        return phone.e164 == number.e164
    return phone.raw == number.raw


def link(identity: WhatsAppIdentity, customer: Customer) -> None:
    """This WhatsApp identity is this card's from now on."""
    identity.customer = customer
    db.session().flush()  # search_text reads the card through the identity
    refresh_search(identity)


def count() -> int:
    return db.session().scalar(select(func.count()).select_from(Customer)) or 0

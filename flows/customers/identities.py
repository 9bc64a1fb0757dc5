"""Somebody as WhatsApp knows them: found again, made new, under a new number the same person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from flows.customers.cards import add_phone, cards_with, refresh_search
from flows.customers.joining import join
from flows.customers.phones import Number, read_wa_id
from flows.events import Person
from models import db
from models.customer import WhatsAppIdentity
from models.rowsets import among
from models.types import new_id


def identities_for(persons: Sequence[Person]) -> list[WhatsAppIdentity]:
    """The identity of each person, in order: found by user_id, else by wa_id, else made now.

    A person who comes with both joins two identities that were one all along; profile names
    and usernames are kept up to date.
    """
    known = _Known(persons)
    found = [known.identity(person) for person in persons]
    # A later person may have joined an earlier one to somebody else.
    return [known.became(identity) for identity in found]


class _Known:
    """The identities a batch may speak of, read in one query."""

    def __init__(self, persons: Iterable[Person]) -> None:
        self.by_user_id: dict[str, WhatsAppIdentity] = {}
        self.by_wa_id: dict[str, WhatsAppIdentity] = {}
        self.joined: dict[UUID, WhatsAppIdentity] = {}
        user_ids = {p.user_id for p in persons if p.user_id}
        wa_ids = {p.wa_id for p in persons if p.wa_id}
        found = select(WhatsAppIdentity).where(
            or_(among(WhatsAppIdentity.user_id, user_ids), among(WhatsAppIdentity.wa_id, wa_ids))
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
            self.joined[by_phone.id] = by_user
            join(by_user, by_phone)
        identity = by_user or by_phone or self._create(person)
        if person.wa_id and identity.wa_id != person.wa_id:
            self.by_wa_id.pop(identity.wa_id or "", None)  # whoever comes with it now is another
        _refresh(identity, person)
        self._remember(identity)
        return identity

    def became(self, identity: WhatsAppIdentity) -> WhatsAppIdentity:
        """Whom this one was joined to since, if it was."""
        while identity.id in self.joined:
            identity = self.joined[identity.id]
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


def _refresh(identity: WhatsAppIdentity, person: Person) -> None:
    """Take over what the newest payload says."""
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
        return
    db.session().flush()  # the unique keys must speak now, not after the batch
    refresh_search(identity)


def _said(identity: WhatsAppIdentity) -> tuple[Any, ...]:
    return (identity.user_id, identity.wa_id, identity.username, identity.profile_name)


def repoint(identity: WhatsAppIdentity, became: Person) -> None:
    """The same customer under a new number or user id (Meta's system messages say so).

    Their card has the new number beside the old one, so that the courier calls the right phone.
    """
    other = _Known([became])
    for taken in {*other.by_user_id.values(), *other.by_wa_id.values()} - {identity}:
        join(identity, taken)
    _refresh(identity, became)
    if became.wa_id and identity.phone and identity.customer is not None:
        add_phone(identity.customer, Number(identity.phone, identity.phone))
        db.session().flush()  # refresh_search reads the card anew
        refresh_search(identity)


def _only_card_with(e164: str | None) -> UUID | None:
    cards = cards_with(e164)
    return cards[0] if len(cards) == 1 else None

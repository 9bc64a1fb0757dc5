"""Contacts that customers share: kept on a card, written to."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from flows import conversations, customers, messages
from flows.errors import N_, NotFound, Refused
from flows.events import Person
from inbox import htmx
from inbox.auth import needs
from inbox.conversations import kinds
from inbox.languages import gettext as _
from models import db
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import Message

pages = Blueprint("contacts", __name__, url_prefix="/inbox/messages/<uuid:message_id>/contacts")

Answer = tuple[str, int] | tuple[str, int, dict[str, str]]


@pages.post("/<int:place>/card")
@needs("customers.edit")
def save(message_id: UUID, place: int) -> Answer:
    """A card of its own holds the contact, or the card that has the number already."""
    _message, shared = _shared(message_id, place)
    name = shared.name or (shared.e164 or shared.numbers[0].raw if shared.numbers else "")
    if not name:
        raise Refused("contact", N_("This contact has neither a name nor a number."))
    email = next(iter(shared.emails), None)
    card = customers.save_contact(name, shared.numbers, email=email)
    return _kept(card.name)


@pages.post("/<int:place>/number")
@needs("customers.edit")
def add(message_id: UUID, place: int) -> Answer:
    """The numbers of the contact are on the card of the customer who sent it."""
    message, shared = _shared(message_id, place)
    card = customers.find(customers.card_for(message.conversation.identity).id)
    for number in shared.numbers:
        customers.put_phone(card, number)
    return _kept(card.name)


@pages.post("/<int:place>/conversation")
@needs("inbox.reply")
def write(message_id: UUID, place: int) -> Answer:
    """The conversation with the contact is open, by the number it was sent to."""
    message, shared = _shared(message_id, place)
    digits = "".join(c for c in shared.on_whatsapp if c in "0123456789")
    if not digits:
        raise NotFound
    (who,) = customers.identities_for([Person(wa_id=digits, profile_name=shared.name or None)])
    opened = conversations.open_with(message.channel, who)
    place_of = url_for("conversations.show", conversation_id=opened.id)
    return "", 204, {"HX-Redirect": place_of}


def _shared(message_id: UUID, place: int) -> tuple[Message, kinds.Card]:
    whole = joinedload(Message.conversation)
    wanted = (
        select(Message)
        .where(Message.id == message_id, Message.kind == "contacts")
        .options(
            whole.joinedload(Conversation.identity).joinedload(WhatsAppIdentity.customer),
            joinedload(Message.channel),
        )
    )
    message = db.session().scalars(wanted).one_or_none()
    cards = kinds.cards(message) if message else []
    if message is None or place >= len(cards):
        raise NotFound
    messages.must_stand(message)
    return message, cards[place]


def _kept(name: str) -> Answer:
    htmx.toast(_("Saved on the card of %(name)s", name=name))
    htmx.trigger("live", target="#newest")
    return "", 204

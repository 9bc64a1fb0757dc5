"""What the order form begins with: as much as a conversation, a card or a number tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from flows import delivery, team
from flows.orders.cards import card_of, cards_with, last_used_first
from flows.orders.check import pipeline
from models import db
from models.conversation import Conversation
from models.customer import Address, Customer
from models.delivery import DeliveryZone
from models.merchant import Merchant
from models.pipeline import Pipeline, Stage
from models.types import Money, new_id
from models.user import Membership

FROM_A_CONVERSATION = ("whatsapp", "phone")
FROM_NOWHERE = ("manual", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A form before anybody typed; the card's name wins over the one of the WhatsApp profile."""

    conversation: Conversation | None
    """None for an order that somebody brings otherwise: by telephone, over the counter."""
    sources: Sequence[str]
    card: Customer | None
    name: str
    phone: str | None
    """E.164; None while WhatsApp keeps the number to itself: the form asks."""
    email: str | None
    addresses: Sequence[Address]
    """Of the card, last used first."""
    duplicates: Sequence[Customer]
    """Other cards that hold the same number."""
    pipeline: Pipeline
    stages: Sequence[Stage]
    """Those an order may begin on; the first is the usual one."""
    members: Sequence[Membership]
    assignee: Membership | None
    delivery_fee: Money
    desks: bool
    """Whether some zone delivers to the carrier's office: only then is it a question."""
    client_id: UUID = field(default_factory=new_id)

    @property
    def existing(self) -> bool:
        return self.card is not None

    @property
    def blocked(self) -> bool:
        return self.card is not None and self.card.blocked_at is not None

    @property
    def currency(self) -> str:
        return self.delivery_fee.currency


def prefill(conversation: Conversation) -> Draft:
    """The draft of an order of whoever writes in the conversation. Refuses without a pipeline."""
    identity = conversation.identity
    card = card_of(identity, None, identity.profile_name)
    return _draft(
        card,
        conversation=conversation,
        name=card.name if card else identity.profile_name,
        phone=identity.phone or _first_number(card),
    )


def begin(picked: UUID | None = None, *, e164: str | None = None, name: str = "") -> Draft:
    """The draft of an order without a conversation: of the card picked, else of the number's.

    `name` tells which of several cards with one number is meant.
    """
    card = card_of(None, e164, name, picked=picked)
    return _draft(card, name=card.name if card else name, phone=e164 or _first_number(card))


def _draft(
    card: Customer | None,
    *,
    name: str,
    phone: str | None,
    conversation: Conversation | None = None,
) -> Draft:
    session, here = db.session(), pipeline()
    merchant = session.get_one(Merchant, session.merchant_id)
    addresses = last_used_first(card)
    city = addresses[0].city if addresses else ""
    desks = select(DeliveryZone.id).where(DeliveryZone.desk.is_not(None)).limit(1)
    return Draft(
        conversation=conversation,
        sources=FROM_A_CONVERSATION if conversation else FROM_NOWHERE,
        card=card,
        name=name,
        phone=phone,
        email=card.email if card else None,
        addresses=addresses,
        duplicates=[other for other in cards_with(phone) if other is not card],
        pipeline=here,
        stages=[stage for stage in here.stages if stage.active],
        members=team.members(),
        assignee=conversation.assignee if conversation else None,
        delivery_fee=merchant.money(delivery.fee(city)),
        desks=session.scalar(desks) is not None,
    )


def _first_number(card: Customer | None) -> str | None:
    return next((phone.e164 for phone in card.phones if phone.e164), None) if card else None

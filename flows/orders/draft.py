"""What the order form begins with, as far as a conversation tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from flows import team
from flows.orders.cards import card_of, cards_with, last_used_first
from flows.orders.check import pipeline
from models import db
from models.conversation import Conversation
from models.customer import Address, Customer
from models.merchant import Merchant
from models.pipeline import Pipeline, Stage
from models.types import Money, new_id
from models.user import Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A form before anybody typed; the card's name wins over the one of the WhatsApp profile."""

    conversation: Conversation
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
    client_id: UUID = field(default_factory=new_id)

    @property
    def existing(self) -> bool:
        return self.card is not None

    @property
    def currency(self) -> str:
        return self.delivery_fee.currency


def prefill(conversation: Conversation) -> Draft:
    """The draft of an order of whoever writes in the conversation. Refuses without a pipeline."""
    session = db.session()
    merchant = session.get_one(Merchant, session.merchant_id)
    identity, here = conversation.identity, pipeline()
    card = card_of(identity, None, identity.profile_name)
    phone = identity.phone or _first_number(card)
    return Draft(
        conversation=conversation,
        card=card,
        name=card.name if card else identity.profile_name,
        phone=phone,
        email=card.email if card else None,
        addresses=last_used_first(card),
        duplicates=[other for other in cards_with(phone) if other is not card],
        pipeline=here,
        stages=[stage for stage in here.stages if stage.active],
        members=team.members(),
        assignee=conversation.assignee,
        delivery_fee=merchant.money(merchant.delivery_fee),
    )


def _first_number(card: Customer | None) -> str | None:
    return next((phone.e164 for phone in card.phones if phone.e164), None) if card else None

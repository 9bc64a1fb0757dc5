"""What stands beside a conversation: the customer's card, their orders, what they spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload, selectinload

from flows.orders.cards import cards_with, last_used_first
from models import db
from models.conversation import Conversation
from models.customer import Address, Customer, WhatsAppIdentity
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.types import Money

PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    conversation: Conversation
    identity: WhatsAppIdentity
    card: Customer | None
    """None is an unknown customer: the first order opens their card."""
    phones: Sequence[str]
    addresses: Sequence[Address]
    """Last used first."""
    duplicates: Sequence[Customer]
    """Other cards that hold a number of this one: for people to merge."""
    orders: Sequence[Order]
    """The newest, each with its stage and lines."""
    count: int
    spent: Money | None
    """Applied totals of the delivered orders; None for who may not see money."""

    @property
    def more(self) -> bool:
        return self.count > len(self.orders)


def panel(conversation: Conversation, *, money: bool) -> Panel:
    """The panel of a conversation in a handful of queries, however many orders there are."""
    identity = conversation.identity
    card = identity.customer
    numbers = _numbers(identity, card)
    count, spent = _sums(conversation, money=money)
    return Panel(
        conversation=conversation,
        identity=identity,
        card=card,
        phones=numbers,
        addresses=last_used_first(card),
        duplicates=_same_numbers(numbers, card),
        orders=listed(conversation) if count else (),
        count=count,
        spent=spent,
    )


def listed(conversation: Conversation, *, before: int | None = None) -> Sequence[Order]:
    """The customer's orders, newest first, with stage and lines; those under number `before`."""
    orders = select(Order).where(_theirs(conversation)).order_by(Order.number.desc()).limit(PAGE)
    if before is not None:
        orders = orders.where(Order.number < before)
    orders = orders.options(joinedload(Order.stage), selectinload(Order.lines))
    return db.session().scalars(orders).all()


def _theirs(conversation: Conversation) -> ColumnElement[bool]:
    """All orders of the card, from whatever conversation; without a card those of this one."""
    card_id = conversation.identity.customer_id
    if card_id is None:
        return Order.conversation_id == conversation.id
    return Order.customer_id == card_id


def _sums(conversation: Conversation, *, money: bool) -> tuple[int, Money | None]:
    session = db.session()
    merchant = session.get_one(Merchant, session.merchant_id)
    delivered = func.sum(Order.applied_total).filter(Order.state == SystemState.DELIVERED)
    columns = [func.count(), func.coalesce(delivered, 0)] if money else [func.count()]
    count, *spent = session.execute(select(*columns).where(_theirs(conversation))).one()
    return count, merchant.money(int(spent[0])) if spent else None


def _numbers(identity: WhatsAppIdentity, card: Customer | None) -> Sequence[str]:
    numbers = [phone.e164 or phone.raw for phone in card.phones] if card else []
    return list(dict.fromkeys([*filter(None, [identity.phone]), *numbers]))


def _same_numbers(numbers: Sequence[str], card: Customer | None) -> Sequence[Customer]:
    found = {other.id: other for number in numbers for other in cards_with(number)}
    return [other for other in found.values() if other is not card]

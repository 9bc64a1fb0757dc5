"""What there is about a card: orders, what it spent, where it writes, who shares its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from flows.customers.cards import cards_with
from models import db
from models.conversation import Conversation
from models.customer import Customer, WhatsAppIdentity
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.types import Money

PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    orders: Sequence[Order]
    """The newest PAGE, each with its stage and lines."""
    count: int
    spent: Money | None
    """Applied totals of the delivered orders; None for who may not see money."""
    conversations: Sequence[Conversation]
    duplicates: Sequence[Customer]
    """Other cards that hold a number of this one: for people to merge."""


def history(customer: Customer, *, money: bool) -> History:
    """All of it in a handful of queries, however many orders there are."""
    count, spent = _sums(customer, money=money)
    return History(
        orders=orders_of(customer) if count else (),
        count=count,
        spent=spent,
        conversations=_conversations(customer),
        duplicates=_same_numbers(customer),
    )


def orders_of(customer: Customer, *, before: int | None = None) -> Sequence[Order]:
    """Newest first; those under number `before`."""
    orders = select(Order).where(Order.customer_id == customer.id)
    if before is not None:
        orders = orders.where(Order.number < before)
    orders = orders.order_by(Order.number.desc()).limit(PAGE)
    orders = orders.options(joinedload(Order.stage), selectinload(Order.lines))
    return db.session().scalars(orders).all()


def _sums(customer: Customer, *, money: bool) -> tuple[int, Money | None]:
    session = db.session()
    merchant = session.get_one(Merchant, session.merchant_id)
    delivered = func.sum(Order.applied_total).filter(Order.state == SystemState.DELIVERED)
    columns = [func.count(), func.coalesce(delivered, 0)] if money else [func.count()]
    sums = select(*columns).where(Order.customer_id == customer.id)
    count, *spent = session.execute(sums).one()
    return count, merchant.money(int(spent[0])) if spent else None


def _conversations(customer: Customer) -> Sequence[Conversation]:
    theirs = (
        select(Conversation)
        .join(Conversation.identity)
        .where(WhatsAppIdentity.customer_id == customer.id)
        .order_by(Conversation.last_message_at.desc())
        .options(joinedload(Conversation.channel), joinedload(Conversation.identity))
    )
    return db.session().scalars(theirs).all()


def _same_numbers(customer: Customer) -> Sequence[Customer]:
    ids = {id_ for phone in customer.phones for id_ in cards_with(phone.e164)} - {customer.id}
    cards = select(Customer).where(Customer.id.in_(ids)).order_by(Customer.id)
    return db.session().scalars(cards).all() if ids else ()

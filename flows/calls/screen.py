"""What somebody who calls has before their eyes: the customer, the order, what was said so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from flows import orders
from flows.calls.ledger import UNDONE
from models import db
from models.conversation import Conversation
from models.customer import Customer, WhatsAppIdentity
from models.message import Message
from models.order import CallAttempt, Order
from models.pipeline import SystemState
from models.timeline import Entry
from models.user import Membership

MESSAGES = 8
ENTRIES = 12


@dataclass(frozen=True, slots=True)
class Told:
    attempt: CallAttempt
    taken_back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    order: Order
    card: Customer
    earlier: dict[SystemState, int]
    """The customer's other orders: how many are in each state."""
    conversation: Conversation | None
    """The order's, else the customer's last one."""
    messages: Sequence[Message]
    """The last of the conversation, oldest first."""
    attempts: Sequence[Told]
    """Newest first."""
    timeline: Sequence[Entry]
    twin: Order | None
    """The earlier order this one looks like."""
    caller: Membership | None

    @property
    def to_call(self) -> bool:
        return self.order.call_due_at is not None

    @property
    def earlier_count(self) -> int:
        return sum(self.earlier.values())


def screen(order: Order) -> Screen:
    """All of it in a dozen queries, however long the customer's history."""
    conversation = order.conversation or _conversation_of(order.customer)
    return Screen(
        order=order,
        card=order.customer,
        earlier=_earlier(order),
        conversation=conversation,
        messages=_last_messages(conversation) if conversation else (),
        attempts=_attempts(order),
        timeline=orders.timeline(order)[:ENTRIES],
        twin=_twin(order),
        caller=_caller(order),
    )


def _conversation_of(card: Customer) -> Conversation | None:
    newest = (
        select(Conversation)
        .join(Conversation.identity)
        .where(WhatsAppIdentity.customer_id == card.id)
        .order_by(Conversation.last_message_at.desc())
        .limit(1)
    )
    return db.session().scalars(newest).first()


def _earlier(order: Order) -> dict[SystemState, int]:
    counted = (
        select(Order.state, func.count())
        .where(Order.customer_id == order.customer_id, Order.id != order.id)
        .group_by(Order.state)
    )
    return dict(db.session().execute(counted).all())


def _last_messages(conversation: Conversation) -> Sequence[Message]:
    newest = (
        select(Message)
        .where(Message.conversation_id == conversation.id)
        .order_by(Message.at.desc(), Message.seq.desc())
        .limit(MESSAGES)
    )
    return list(reversed(db.session().scalars(newest).all()))


def _attempts(order: Order) -> Sequence[Told]:
    rows = select(CallAttempt).where(CallAttempt.order_id == order.id)
    newest = rows.order_by(CallAttempt.at.desc(), CallAttempt.id.desc())
    found = db.session().scalars(newest.options(joinedload(CallAttempt.by))).all()
    undone = {row.note for row in found if row.outcome == UNDONE}
    return [Told(row, str(row.id) in undone) for row in found if row.outcome != UNDONE]


def _twin(order: Order) -> Order | None:
    if order.duplicate_of_id is None:
        return None
    return db.session().get(Order, (order.merchant_id, order.duplicate_of_id))


def _caller(order: Order) -> Membership | None:
    if order.caller_id is None:
        return None
    return db.session().get(Membership, (order.merchant_id, order.caller_id))

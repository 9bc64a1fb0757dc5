"""Orders as customers said them, kept for an agent: accepted with one key, or put away."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select, update

from flows import customers, live
from flows.customers import Number
from flows.errors import N_, NotFound, Refused
from flows.orders import NewLine, NewOrder
from flows.talks.cart import Cart
from models import db
from models.conversation import Conversation
from models.order import Order
from models.talk import DraftState, OrderDraft
from models.types import utcnow
from models.user import Membership


def keep(conversation: Conversation, cart: Cart) -> None:
    """The conversation's draft is this one, in place of one that nobody has looked at.

    Another row: whoever has the older one on their screen accepts nothing they have not seen. Call
    with the conversation held.
    """
    withdraw(conversation)
    session = db.session()
    session.add(OrderDraft(conversation_id=conversation.id, cart=cart.to_json()))
    session.flush()


def waiting(conversation: Conversation) -> OrderDraft | None:
    """The draft that nobody has looked at yet."""
    wanted = select(OrderDraft).where(
        OrderDraft.conversation_id == conversation.id, OrderDraft.state == DraftState.WAITING
    )
    return db.session().scalars(wanted).first()


def waiting_among(conversation_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these conversations have a draft that waits."""
    wanted = select(OrderDraft.conversation_id).where(
        OrderDraft.conversation_id.in_(conversation_ids), OrderDraft.state == DraftState.WAITING
    )
    return set(db.session().scalars(wanted)) if conversation_ids else set()


def find(draft_id: UUID) -> OrderDraft:
    """NotFound when there is none."""
    found = db.session().scalars(select(OrderDraft).where(OrderDraft.id == draft_id)).first()
    if found is None:
        raise NotFound
    return found


def accept(draft: OrderDraft, order: Order, *, by: Membership) -> None:
    """The draft has become this order. Refused when somebody has put it away meanwhile."""
    settled = _settle(OrderDraft.id == draft.id, DraftState.ACCEPTED, by=by, order=order)
    if not settled and draft.order_id != order.id:
        raise _settled_already()


def dismiss(draft: OrderDraft, *, by: Membership) -> None:
    """Nobody makes an order of it. Refused when somebody has, or has put it away already."""
    if draft.state is not DraftState.WAITING or not _settle(
        OrderDraft.id == draft.id, DraftState.DISMISSED, by=by
    ):
        raise _settled_already()


def _settled_already() -> Refused:
    return Refused("draft_settled", N_("Somebody has dealt with this order already."))


def take_back(draft: OrderDraft) -> None:
    """What was dismissed waits again. Refused when another order of theirs waits by now."""
    # The conversation first, as a turn of the bot does: no other draft comes meanwhile.
    theirs = select(Conversation.id).where(Conversation.id == draft.conversation_id)
    db.session().execute(theirs.with_for_update(key_share=True))
    if draft.state is not DraftState.DISMISSED or waiting_among([draft.conversation_id]):
        raise _settled_already()
    draft.state, draft.by_id, draft.settled_at = DraftState.WAITING, None, None
    _tell(draft.conversation_id)


def withdraw(conversation: Conversation) -> None:
    """The customer does not want it any more."""
    _settle(OrderDraft.conversation_id == conversation.id, DraftState.DISMISSED)
    _tell(conversation.id)


def still_waits(draft_id: str) -> bool:
    """Whether nobody has dealt with it yet."""
    wanted = select(OrderDraft.state).where(OrderDraft.id == UUID(draft_id))
    return db.session().scalar(wanted) is DraftState.WAITING


def _settle(
    which: ColumnElement[bool],
    state: DraftState,
    *,
    by: Membership | None = None,
    order: Order | None = None,
) -> bool:
    """Whether it was waiting."""
    settled = (
        update(OrderDraft)
        .where(which, OrderDraft.state == DraftState.WAITING)
        .values(
            state=state,
            by_id=by.id if by else None,
            order_id=order.id if order else None,
            settled_at=utcnow(),
        )
    )
    told = settled.returning(OrderDraft.conversation_id)
    found = db.session().scalars(told.execution_options(synchronize_session="fetch")).all()
    for conversation_id in found:
        _tell(conversation_id)
    return bool(found)


def _tell(conversation_id: UUID) -> None:
    live.changed("inbox", f"conversation:{conversation_id}")


def form_of(cart: Cart, key: UUID, country: str, *, amount_due: int | None = None) -> NewOrder:
    """The order form as this cart fills it in; `key` makes confirming it twice one order.

    `amount_due`: what the screen showed, where a person looked.
    """
    number = customers.read_phone(cart.phone, country) if cart.phone else None
    return NewOrder(
        client_id=key,
        name=cart.name,
        phone=Number(cart.phone, number.e164) if number else None,
        address=cart.address,
        city=cart.city,
        lines=tuple(
            NewLine(variant_id=UUID(line.variant), quantity=line.quantity) for line in cart.lines
        ),
        note=cart.note,
        amount_due=amount_due,
        source="bot",
    )

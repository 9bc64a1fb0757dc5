"""An order is taken: card, address, lines, discount, stage and what follows, in one transaction."""

from __future__ import annotations

from sqlalchemy import func, select

from flows import (
    consents,
    conversations,
    crashpoints,
    customers,
    duplicates,
    live,
    notifications,
    pipeline,
    search,
)
from flows.orders.cards import card_of, keep_address, open_or_complete
from flows.orders.check import Checked, check
from flows.orders.form import NewOrder
from models import db
from models.conversation import Conversation
from models.customer import Customer, WhatsAppIdentity
from models.merchant import Counter, Merchant
from models.order import Order, PriceAdjustment
from models.timeline import CUSTOMER, By, Entry
from models.user import Membership

FIRST_NUMBER = 1001


def create(
    form: NewOrder, *, by: Membership | None, conversation: Conversation | None = None
) -> Order:
    """The order is on its first stage with its card, stock and messages; or nothing happened.

    `by` nobody of the team: the customer ordered it with the bot.

    The same `client_id` twice, also at the same moment, is the same order; one that looks like
    another of the same customer is flagged. Raises Invalid with every wrong field, OutOfStock when
    the stage needs goods that are not there, Refused for a blocked customer. Amounts are minor
    units of the merchant's currency.
    """
    known = _already(form)
    if known is not None:
        return known
    identity = _held(conversation)
    e164 = form.phone.e164 if form.phone else None
    _hold_number(e164)
    card = card_of(identity, e164, form.name, picked=form.customer_id)
    checked = check(form, card)
    customers.check_not_blocked(card, by=by, override=form.override)
    card = open_or_complete(card, identity, name=form.name, number=checked.phone, email=form.email)
    order = _order(form, checked, card, conversation)
    if conversation is not None:  # first, so that the thread tells it before what the stage sends
        facts = {"number": order.number} | ({} if by else {"by": CUSTOMER.actor})
        conversations.note_activity(conversation, "order_created", facts, actor=by)
    pipeline.enter(order, checked.stage, by=By.user(by) if by else CUSTOMER)
    search.index(order)
    _trace_discount(order, form.reason, by)
    if form.consent:
        consents.record(customer=card, given=True, source="order", wording=form.consent, by=by)
    duplicates.mark(order)
    notifications.tell("new_order", order=order, but=by)
    live.changed("inbox")
    crashpoints.reached("order.made")
    return order


def _already(form: NewOrder) -> Order | None:
    # The second click waits here for the first one's commit, and then finds its order.
    key = func.hashtextextended(str(form.client_id), 0)
    db.session().execute(select(func.pg_advisory_xact_lock(key)))
    return db.session().scalars(select(Order).where(Order.client_id == form.client_id)).first()


def _held(conversation: Conversation | None) -> WhatsAppIdentity | None:
    """Who writes in the conversation; nobody else opens a card for them until the commit."""
    if conversation is None:
        return None
    writes = select(WhatsAppIdentity).where(WhatsAppIdentity.id == conversation.identity_id)
    # What this session knew of them may be older than the lock.
    fresh = writes.with_for_update().execution_options(populate_existing=True)
    return db.session().scalars(fresh).one()


def _hold_number(e164: str | None) -> None:
    """Nobody else opens a card for this number, or misses a twin of its order, until the commit."""
    if e164:
        key = func.hashtextextended(f"{db.session().merchant_id} {e164}", 0)
        db.session().execute(select(func.pg_advisory_xact_lock(key)))


def _order(
    form: NewOrder, checked: Checked, card: Customer, conversation: Conversation | None
) -> Order:
    line, city = checked.address
    if line or city:
        keep_address(card, line, city)
    return Order(
        number=Counter.next("order", start=FIRST_NUMBER),
        client_id=form.client_id,
        customer=card,
        conversation=conversation,
        source=form.source,
        payment_method=form.payment_method,
        payment_status=form.payment_status,
        currency=db.session().get_one(Merchant, db.session().merchant_id).currency,
        catalog_total=checked.amounts.catalog_total,
        applied_total=checked.amounts.applied_total,
        delivery_fee=checked.amounts.delivery_fee,
        delivery_kind=form.delivery_kind,
        ship_name=form.name,
        ship_phone=checked.phone.e164 or "",
        ship_line=line,
        ship_city=city,
        assignee=checked.assignee,
        note=form.note,
        lines=checked.lines,
    )


def _trace_discount(order: Order, reason: str, by: Membership | None) -> None:
    """Who gave how much, when and why: a row to count, and a line on the timeline."""
    if not order.discount or by is None:
        return
    before_after = {"catalog_total": order.catalog_total, "applied_total": order.applied_total}
    adjustment = PriceAdjustment(order_id=order.id, reason=reason, by_id=by.id, **before_after)
    facts = before_after | {"discount": order.discount, "reason": reason}
    entry = Entry(
        order_id=order.id, kind="discounted", actor=By.user(by).actor, actor_id=by.id, facts=facts
    )
    db.session().add_all([adjustment, entry])

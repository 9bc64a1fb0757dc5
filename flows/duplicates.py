"""Orders that look like the same one twice: same customer, same product, within a day (R89)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from flows import customers, live, pipeline
from flows.errors import N_, NotFound, Refused
from models import db
from models.catalog import Variant
from models.order import Order, OrderLine
from models.pipeline import Stage, SystemState
from models.timeline import By, Entry
from models.types import fold, utcnow
from models.user import Membership

WITHIN = timedelta(hours=24)
REASON = "duplicate"
"""The same as of a call that ends so (flows.calls.outcomes)."""
MOST = 20
"""How many of a customer's orders of one day are compared."""


@dataclass(frozen=True, slots=True)
class Goods:
    """What an order is about: products of the catalogue, names of free ones."""

    products: frozenset[UUID]
    names: frozenset[str]

    @classmethod
    def of(cls, products: Iterable[UUID], names: Iterable[str]) -> Goods:
        folded = (fold(name) for name in names)
        return cls(frozenset(products), frozenset(name for name in folded if name))

    def meets(self, other: Goods) -> bool:
        return bool(self.products & other.products or self.names & other.names)


# --- finding --------------------------------------------------------------------------------------


def alike(goods: Goods, *, e164: str | None, customer_id: UUID | None = None) -> list[Order]:
    """The orders of the last day of whoever has this number or card, about any of these goods.

    Oldest first. Cancelled orders are no twins.
    """
    if not goods.products | goods.names:
        return []
    found = _of_today(e164, customer_id)
    theirs = _goods(found)
    return [order for order in found if goods.meets(theirs[order.id])]


def mark(order: Order) -> Order | None:
    """The new order points at the earlier one it looks like, and is flagged; that one, or None."""
    found = _of_today(order.ship_phone, order.customer_id)
    earlier = [other for other in found if other.number < order.number]
    if not earlier:
        return None
    goods = _goods([order, *earlier])
    twin = next((other for other in earlier if goods[order.id].meets(goods[other.id])), None)
    if twin is not None:
        order.duplicate_of_id = twin.id
        order.raise_flag("possible_duplicate")
        live.changed(f"order:{order.number}", f"stage:{order.stage_id}")
    return twin


def twin_of(order: Order) -> Order:
    """The earlier order this one looks like, or NotFound when there is none to decide about."""
    wanted = select(Order).where(Order.id == order.duplicate_of_id)
    twin = db.session().scalars(wanted.options(selectinload(Order.lines))).first()
    if twin is None:
        raise NotFound
    return twin


def _of_today(e164: str | None, customer_id: UUID | None) -> Sequence[Order]:
    cards = [*customers.cards_with(e164), *filter(None, [customer_id])]
    theirs = (
        select(Order)
        .where(
            Order.customer_id.in_(cards),
            Order.created_at > utcnow() - WITHIN,
            Order.state != SystemState.CANCELLED,
        )
        .order_by(Order.number)
        .limit(MOST)
        .options(selectinload(Order.lines))
    )
    return db.session().scalars(theirs).all()


def _goods(orders: Sequence[Order]) -> dict[UUID, Goods]:
    lines = [line for order in orders for line in order.lines]
    wanted = {line.variant_id for line in lines if line.variant_id}
    named = select(Variant.id, Variant.product_id).where(Variant.id.in_(wanted))
    product = dict(db.session().execute(named).all()) if wanted else {}
    return {
        order.id: Goods.of(
            (product[line.variant_id] for line in order.lines if line.variant_id in product),
            (line.name for line in order.lines if _free(line)),
        )
        for order in orders
    }


def _free(line: OrderLine) -> bool:
    return line.variant_id is None and not line.sku


# --- deciding -------------------------------------------------------------------------------------


def cancel(order: Order, *, of: Order, by: Membership, version: int | None = None) -> Entry:
    """`order` is cancelled as a duplicate of `of`; neither is flagged for the other any more.

    Refuses as every move does, and where the pipeline has no stage for cancelled orders.
    """
    entry = pipeline.move(
        order,
        cancelled_stage(order),
        by=By.user(by),
        version=version,
        because={"duplicate_of": of.number},
        reason=REASON,
    )
    for one, other in ((order, of), (of, order)):
        if one.duplicate_of_id == other.id:
            _decided(one)
    return entry


def keep_both(order: Order, *, by: Membership) -> None:
    """The two are orders of their own: the flag is gone, the timeline says who decided so."""
    pipeline.hold(order)
    twin = twin_of(order)
    _decided(order)
    who = By.user(by)
    facts = {"other": twin.number}
    entry = Entry(order_id=order.id, kind="kept_both", actor=who.actor, actor_id=by.id, facts=facts)
    db.session().add(entry)


def cancelled_stage(order: Order) -> Stage:
    """Where orders of its pipeline go when they are cancelled: the first such stage."""
    stages = order.stage.pipeline.stages
    found = next((s for s in stages if s.active and s.state is SystemState.CANCELLED), None)
    if found is None:
        raise Refused(
            "no_such_stage",
            N_("The pipeline has no stage for cancelled orders: a manager can add one."),
        )
    return found


def _decided(order: Order) -> None:
    order.lower_flag("possible_duplicate")
    order.duplicate_of_id = None
    live.changed(f"order:{order.number}", f"stage:{order.stage_id}")

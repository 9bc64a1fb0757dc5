"""What the goods of a stage's orders would do if the stage had another state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.orm import joinedload

from flows import stock
from models import db
from models.catalog import Product, Variant
from models.merchant import Merchant
from models.order import Order, OrderLine, StockPosition
from models.pipeline import Stage, SystemState
from models.stock import StockLevel

Goods = tuple[UUID, UUID]
"""A variant and the warehouse it lies in."""
Kind = tuple[StockPosition, SystemState]
"""Where a line's goods are, and the state of its order."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """More pieces would be promised than are there."""

    name: str
    sku: str
    needed: int
    available: int


@dataclass(frozen=True, slots=True)
class Flow:
    takes: int
    releases: int
    short: Sequence[Shortage]
    short_orders: int
    """How many of the orders that take need something that is short."""


NOTHING = Flow(0, 0, (), 0)


def flow(stage: Stage, state: SystemState | None) -> Flow:
    """For every order on the stage, by the table that moves stock; changes nothing."""
    if state is None:
        return NOTHING
    needed: Counter[Goods] = Counter()
    takes: set[Kind] = set()
    releases: set[Kind] = set()
    for variant_id, warehouse_id, position, now, quantity in _lines(stage):
        change = _change(position, state)
        if change < 0:
            takes.add((position, now))
            needed[variant_id, warehouse_id] -= change * int(quantity)
        elif change > 0:
            releases.add((position, now))
    short = _short(needed)
    lacking = OrderLine.variant_id.in_(short)
    return Flow(
        _orders(stage, takes),
        _orders(stage, releases),
        list(short.values()),
        _orders(stage, takes, lacking) if short else 0,
    )


def _change(position: StockPosition, state: SystemState) -> int:
    """What one piece more or less can be sold."""
    changes = stock.CHANGES.get((position, stock.position(position, state)), ())
    return sum(change.available for change in changes)


def _tracked() -> ColumnElement[bool]:
    return or_(Product.track_stock, OrderLine.stock != StockPosition.NONE)


def _lines(stage: Stage) -> Sequence[tuple[UUID, UUID, StockPosition, SystemState, int]]:
    """Pieces by goods, position and state of their order."""
    home = func.coalesce(OrderLine.warehouse_id, stock.default_warehouse().id)
    what = (OrderLine.variant_id, home, OrderLine.stock, Order.state)
    wanted = (
        select(*what, func.sum(OrderLine.quantity))
        .join(Order, Order.id == OrderLine.order_id)
        .join(Variant, Variant.id == OrderLine.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(Order.stage_id == stage.id, _tracked())
        .group_by(*what)
    )
    return [tuple(row) for row in db.session().execute(wanted)]  # type: ignore[misc]  # five columns


def _orders(
    stage: Stage, kinds: set[tuple[StockPosition, SystemState]], *more: ColumnElement[bool]
) -> int:
    if not kinds:
        return 0
    counted = (
        select(func.count(Order.id.distinct()))
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Variant, Variant.id == OrderLine.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(Order.stage_id == stage.id, _tracked(), *more)
        .where(tuple_(OrderLine.stock, Order.state).in_(kinds))
    )
    return db.session().scalar(counted) or 0


def _short(needed: Counter[Goods]) -> dict[UUID, Shortage]:
    session = db.session()
    if not needed or session.get_one(Merchant, session.merchant_id).allow_negative_stock:
        return {}
    ids = {variant_id for variant_id, _ in needed}
    levels = select(StockLevel).where(StockLevel.variant_id.in_(ids))
    fresh = {"populate_existing": True}
    available = {
        (level.variant_id, level.warehouse_id): level.available
        for level in session.scalars(levels, execution_options=fresh)
    }
    names = select(Variant).where(Variant.id.in_(ids)).options(joinedload(Variant.product))
    variants = {variant.id: variant for variant in session.scalars(names)}
    return {
        goods[0]: Shortage(
            variants[goods[0]].name, variants[goods[0]].sku, pieces, available.get(goods, 0)
        )
        for goods, pieces in needed.items()
        if pieces > available.get(goods, 0)
    }

"""The pick list of the day: what to fetch from the shelves, and into which parcels it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import joinedload, selectinload

from models import db
from models.catalog import Variant
from models.merchant import Merchant
from models.order import Order, OrderLine
from models.pipeline import Pipeline, Stage, SystemState

MOST = 1000
"""Orders on one list: nobody carries more."""


@dataclass(frozen=True, slots=True)
class Pick:
    """So many of one thing."""

    sku: str
    name: str
    options: str
    """What tells this version from its sisters: "Noir, M"."""
    quantity: int
    orders: int


@dataclass(frozen=True, slots=True)
class PickList:
    picks: list[Pick]
    orders: Sequence[Order]
    """Longest on their stage first, with their lines."""
    count: int

    @property
    def pieces(self) -> int:
        return sum(pick.quantity for pick in self.picks)

    @property
    def cut(self) -> bool:
        return self.count > len(self.orders)


def choices(pipeline: Pipeline) -> list[Stage]:
    """The stages of which a list can be made: between the confirmation and the road."""
    return [
        stage
        for stage in pipeline.stages
        if stage.active and stage.state in (None, SystemState.CONFIRMED)
    ]


def pick_list(stages: Sequence[Stage], *, day: date | None = None) -> PickList:
    """Everything that stands on these stages; with `day`, what was confirmed on that day alone."""
    which = _which([stage.id for stage in stages], day)
    orders = _orders(which)
    count = len(orders)
    if count == MOST:
        count = db.session().scalar(select(func.count()).select_from(Order).where(which)) or 0
    return PickList(_picks([order.id for order in orders]), orders, count)


def _which(stage_ids: Sequence[UUID], day: date | None) -> ColumnElement[bool]:
    here = Order.stage_id.in_(stage_ids)
    if day is None:
        return here
    session = db.session()
    zone = session.get_one(Merchant, session.merchant_id).zone
    begins = datetime.combine(day, time(), tzinfo=zone)
    ends = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    return and_(here, Order.confirmed_at >= begins, Order.confirmed_at < ends)


def _orders(which: ColumnElement[bool]) -> Sequence[Order]:
    oldest = select(Order).where(which).order_by(Order.stage_entered_at, Order.id).limit(MOST)
    return db.session().scalars(oldest.options(selectinload(Order.lines))).all()


def _picks(ids: Sequence[UUID]) -> list[Pick]:
    """Totals per version of a product, free ones by their name; by reference, as shelves are."""
    if not ids:
        return []
    counted = (
        select(
            OrderLine.variant_id,
            OrderLine.sku,
            OrderLine.name,
            func.sum(OrderLine.quantity),
            func.count(OrderLine.order_id.distinct()),
        )
        .where(OrderLine.order_id.in_(ids))
        .group_by(OrderLine.variant_id, OrderLine.sku, OrderLine.name)
        .order_by(OrderLine.sku == "", OrderLine.sku, OrderLine.name)
    )
    rows = db.session().execute(counted).all()
    known = _variants([row[0] for row in rows if row[0]])
    return [
        _pick(known.get(id_) if id_ else None, sku, name, int(n), of)
        for id_, sku, name, n, of in rows
    ]


def _pick(variant: Variant | None, sku: str, name: str, quantity: int, orders: int) -> Pick:
    if variant is None:
        return Pick(sku, name, "", quantity, orders)
    return Pick(variant.sku, variant.product.name, variant.label, quantity, orders)


def _variants(ids: Sequence[UUID]) -> dict[UUID, Variant]:
    wanted = select(Variant).where(Variant.id.in_(ids)).options(joinedload(Variant.product))
    return {variant.id: variant for variant in db.session().scalars(wanted)} if ids else {}

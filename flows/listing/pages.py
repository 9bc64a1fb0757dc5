"""A page of the table, and how many orders match in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Subquery,
    UnaryExpression,
    Uuid,
    func,
    lateral,
    literal,
    select,
    true,
    tuple_,
    values,
)
from sqlalchemy import column as named
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import joinedload

from flows.listing.conditions import Matching
from models import db
from models.order import Order, OrderLine
from models.tally import Tally

PAGE = 40
MOST = 1000
"""How far matches are counted where no sum of them is kept."""
CARRIERS_OF = 5000

Place = tuple[datetime, UUID]
"""Where an order stands in the list: (created_at or stage_entered_at, id)."""


@dataclass(frozen=True, slots=True)
class Page:
    orders: Sequence[Order]
    items: Mapping[UUID, str]
    """What is in each order, where that was asked for: "2 × Sac cuir, 1 × Foulard"."""
    before: bool
    """Whether the list has rows above these, below these."""
    after: bool
    by_stage: bool = False

    def place(self, order: Order) -> Place:
        return (order.stage_entered_at if self.by_stage else order.created_at), order.id


@dataclass(frozen=True, slots=True)
class Count:
    number: int
    more: bool = False
    """There are more than were counted."""


def page(
    asked: Matching, *, below: Place | None = None, above: Place | None = None, items: bool = False
) -> Page:
    """The first page, the one below a place, or the one above it."""
    order = _Order.of(asked.filters.sort)
    turned = above is not None
    ids = order.ids(asked, below or above, turned=turned, limit=PAGE + 1)
    # The stages are in the session already: `asked` holds them.
    shown = select(Order, items_of() if items else literal("")).join(ids, Order.id == ids.c.id)
    shown = shown.options(joinedload(Order.assignee))
    rows = db.session().execute(shown.order_by(*order.by(turned=False))).all()
    further = len(rows) > PAGE
    kept = rows[-PAGE:] if turned else rows[:PAGE]
    return Page(
        [order for order, _ in kept],
        {order.id: said or "" for order, said in kept},
        before=further if turned else below is not None,
        after=True if turned else further,
        by_stage=order.by_stage,
    )


def count(asked: Matching) -> Count:
    """How many orders match: exactly where that is quick, else up to MOST."""
    if db.session().only is None and asked.filters.only("stage", "pipeline"):
        return Count(_kept(asked))
    if asked.hits is not None and asked.filters.only("q"):
        return Count(len(asked.hits.ids), more=asked.hits.more)
    some = select(Order.id).where(*asked.conditions).limit(MOST + 1).subquery()
    number = db.session().scalar(select(func.count()).select_from(some)) or 0
    return Count(min(number, MOST), more=number > MOST or asked.cut)


def items_of() -> ScalarSelect[str]:
    """Beside an order in a query: what is in it, in its own order."""
    line = func.concat(OrderLine.quantity, " × ", OrderLine.name)
    joined = func.string_agg(line, aggregate_order_by(literal(", "), OrderLine.position))
    return select(joined).where(OrderLine.order_id == Order.id).scalar_subquery()


def carriers() -> list[str]:
    """Who carried the parcels of late, by name."""
    late = select(Order.carrier).where(Order.carrier != "")
    late = late.order_by(Order.created_at.desc(), Order.id.desc()).limit(CARRIERS_OF)
    some = late.subquery()
    return list(db.session().scalars(select(some.c.carrier).distinct().order_by(some.c.carrier)))


def _kept(asked: Matching) -> int:
    here = Tally.stage_id.in_([stage.id for stage in asked.stages])
    return int(db.session().scalar(select(func.sum(Tally.orders)).where(here)) or 0)


# --- the order of rows ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Order:
    """A way to sort: the key, and whether the greatest comes first."""

    by_stage: bool
    descending: bool

    @classmethod
    def of(cls, sort: str | None) -> _Order:
        return cls(by_stage=sort == "longest", descending=sort in (None, "newest"))

    @property
    def key(self) -> tuple[ColumnElement[datetime], ColumnElement[UUID]]:
        time = Order.stage_entered_at if self.by_stage else Order.created_at
        return time, Order.id  # type: ignore[return-value]  # mapped columns are columns

    def by(self, *, turned: bool) -> list[UnaryExpression[Any]]:
        down = self.descending != turned
        return [column.desc() if down else column.asc() for column in self.key]

    def ids(self, asked: Matching, from_: Place | None, *, turned: bool, limit: int) -> Subquery:
        """The identifiers of the page's rows: found in an index alone, before rows are read."""
        conditions = list(asked.conditions)
        if from_ is not None:
            here, place = tuple_(*self.key), tuple_(*from_)
            conditions.append(here < place if self.descending != turned else here > place)
        if self.by_stage:
            return self._stage_by_stage(asked, conditions, turned=turned, limit=limit)
        rows = select(Order.id).where(*conditions).order_by(*self.by(turned=turned))
        return rows.limit(limit).subquery()

    def _stage_by_stage(
        self, asked: Matching, conditions: list[ColumnElement[bool]], *, turned: bool, limit: int
    ) -> Subquery:
        """One index sorts each stage, none all together: the first of each, then of all."""
        stages = values(named("stage_id", Uuid), name="stages").data(
            [(stage.id,) for stage in asked.stages]
        )
        of_one: Select[UUID, datetime] = (
            select(Order.id, Order.stage_entered_at)
            .where(Order.stage_id == stages.c.stage_id, *conditions)
            .order_by(*self.by(turned=turned))
            .limit(limit)
        )
        each = lateral(of_one.correlate(stages), name="each")
        key = [each.c.stage_entered_at, each.c.id]
        down = self.descending != turned
        rows = select(each.c.id).select_from(stages).join(each, onclause=true())
        return rows.order_by(*(c.desc() if down else c.asc() for c in key)).limit(limit).subquery()

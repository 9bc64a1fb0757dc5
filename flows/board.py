"""The board: the stages of a pipeline side by side, on each its newest orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased, joinedload
from sqlalchemy.sql.base import ExecutableOption

from flows.errors import NotFound
from models import db
from models.automation import Run
from models.order import Order
from models.pipeline import Pipeline, Stage

PAGE = 50
MOST = 500
"""How many cards of one column a screen may ask again at once."""

Place = tuple[datetime, UUID]
"""Where an order stands in its column: (stage_entered_at, id)."""


@dataclass(frozen=True, slots=True)
class Card:
    order: Order
    run: Run | None
    """The last automation that ran for the order."""

    @property
    def place(self) -> Place:
        return self.order.stage_entered_at, self.order.id


@dataclass(slots=True)
class Column:
    stage: Stage
    count: int = 0
    due: int | None = None
    """What its orders come to in minor units; None for who may not see it."""
    cards: list[Card] = field(default_factory=list)

    @property
    def more(self) -> bool:
        return len(self.cards) < self.count


def pipelines() -> Sequence[Pipeline]:
    """The merchant's pipelines, the oldest first: that one is the board people open."""
    oldest_first = select(Pipeline).order_by(Pipeline.created_at, Pipeline.id)
    return db.session().scalars(oldest_first).all()


def columns(pipeline: Pipeline, *, money: bool) -> list[Column]:
    """Every visible stage with its count and its newest orders, however many stages there are."""
    shown = {stage.id: Column(stage) for stage in pipeline.stages if stage.active}
    _count(shown, money=money)
    for card in _cards(_newest_of(pipeline)):
        shown[card.order.stage_id].cards.append(card)
    return list(shown.values())


def column(stage: Stage, *, money: bool, shown: int = PAGE) -> Column:
    """One stage, with as many of its newest orders as the screen shows already."""
    one = Column(stage)
    _count({stage.id: one}, money=money)
    limit = min(max(shown, PAGE), MOST)
    one.cards = _cards(_newest(Order.stage_id == stage.id).limit(limit).options(_people(Order)))
    return one


def older(stage: Stage, before: Place) -> list[Card]:
    """The next orders of a column, below the one at this place."""
    below = tuple_(Order.stage_entered_at, Order.id) < before
    wanted = _newest(Order.stage_id == stage.id).where(below).limit(PAGE)
    return _cards(wanted.options(_people(Order)))


def find_stage(stage_id: UUID) -> Stage:
    """The merchant's stage, or NotFound."""
    stage = db.session().scalars(select(Stage).where(Stage.id == stage_id)).first()
    if stage is None:
        raise NotFound
    return stage


def _count(columns: dict[UUID, Column], *, money: bool) -> None:
    due = func.sum(Order.applied_total + Order.delivery_fee)
    counted = (
        select(Order.stage_id, func.count(), *([due] if money else []))
        .where(Order.stage_id.in_(columns))
        .group_by(Order.stage_id)
    )
    for column in columns.values():
        column.due = 0 if money else None
    for stage_id, count, *sums in db.session().execute(counted):
        columns[stage_id].count = count
        if sums:
            columns[stage_id].due = int(sums[0])


def _newest(which: ColumnElement[bool]) -> Select[Order]:
    newest_first = (Order.stage_entered_at.desc(), Order.id.desc())
    return select(Order).where(which).order_by(*newest_first)


def _newest_of(pipeline: Pipeline) -> Select[Order]:
    """The first page of every column in one statement: each walks ix_orders_board on its own."""
    mine = (Order.merchant_id == Stage.merchant_id) & (Order.stage_id == Stage.id)
    page = aliased(Order, _newest(mine).limit(PAGE).correlate(Stage).lateral())
    return (
        select(page)
        .select_from(Stage)
        .join(page, true())
        .where(Stage.pipeline_id == pipeline.id, Stage.active)
        .order_by(page.stage_entered_at.desc(), page.id.desc())
        .options(_people(page))
    )


def _people(order: type[Order]) -> ExecutableOption:
    return joinedload(order.assignee)


def _cards(wanted: Select[Order]) -> list[Card]:
    orders = db.session().scalars(wanted).all()
    last = _last_runs([order.id for order in orders])
    return [Card(order, last.get(order.id)) for order in orders]


def _last_runs(ids: Iterable[UUID]) -> dict[UUID, Run]:
    newest = (
        select(Run)
        .ext(distinct_on(Run.order_id))
        .where(Run.order_id.in_(ids))
        .order_by(Run.order_id, Run.created_at.desc(), Run.id.desc())
        .options(joinedload(Run.message), joinedload(Run.automation))
    )
    return {run.order_id: run for run in db.session().scalars(newest)}

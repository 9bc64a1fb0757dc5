"""The board: the stages of a pipeline side by side, on each its newest orders.

How many orders a stage has and what they come to is kept (models.tally), never counted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased, joinedload, load_only
from sqlalchemy.sql.base import ExecutableOption

from flows.errors import NotFound
from models import db
from models.automation import Automation, Run
from models.message import Message
from models.order import Order
from models.pipeline import Pipeline, Stage
from models.tally import Tally
from models.user import Membership

FIRST = 8
"""How many cards a column begins with: about as many as a screen is high."""
PAGE = 50
MOST = 500
"""How many cards of one column a screen may ask again at once."""

Place = tuple[datetime, UUID]
"""Where an order stands in its column: (stage_entered_at, id)."""
Sums = Select[UUID, *tuple[Any, ...]]
"""Of each stage: how many orders, and perhaps what they come to."""


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


@dataclass(frozen=True, slots=True)
class Board:
    pipeline: Pipeline
    columns: list[Column]
    hidden: list[Column]
    """Stages that are on no screen and still have orders; without their cards."""


def pipelines() -> Sequence[Pipeline]:
    """The merchant's pipelines, the oldest first: that one is the board people open."""
    oldest_first = select(Pipeline).order_by(Pipeline.created_at, Pipeline.id)
    return db.session().scalars(oldest_first).all()


def show(pipeline: Pipeline, *, money: bool) -> Board:
    """Every visible stage with its count and its newest orders, however many stages there are."""
    every = {stage.id: Column(stage) for stage in pipeline.every_stage}
    _sum(every, money=money)
    shown = {stage.id: every[stage.id] for stage in pipeline.stages if stage.active}
    for card in _cards(_newest_of(pipeline)):
        shown[card.order.stage_id].cards.append(card)
    hidden = [one for id_, one in every.items() if id_ not in shown and one.count > 0]
    return Board(pipeline, list(shown.values()), hidden)


def column(stage: Stage, *, money: bool, shown: int = FIRST) -> Column:
    """One stage, with as many of its newest orders as the screen shows already."""
    one = Column(stage)
    _sum({stage.id: one}, money=money)
    limit = min(max(shown, FIRST), MOST)
    newest = _newest(Order.stage_id == stage.id).limit(limit)
    one.cards = _cards(newest.options(*_needed()))
    return one


def older(stage: Stage, before: Place) -> list[Card]:
    """The next orders of a column, below the one at this place."""
    below = tuple_(Order.stage_entered_at, Order.id) < before
    wanted = _newest(Order.stage_id == stage.id).where(below).limit(PAGE)
    return _cards(wanted.options(*_needed()))


def find_stage(stage_id: UUID) -> Stage:
    """The merchant's stage, or NotFound."""
    stage = db.session().scalars(select(Stage).where(Stage.id == stage_id)).first()
    if stage is None:
        raise NotFound
    return stage


def _sum(columns: dict[UUID, Column], *, money: bool) -> None:
    sums = _kept(columns, money=money) if db.session().only is None else _own(columns, money=money)
    for one in columns.values():
        one.due = 0 if money else None
    for stage_id, count, *due in db.session().execute(sums):
        columns[stage_id].count = int(count)
        if due:
            columns[stage_id].due = int(due[0])


def _kept(stages: Iterable[UUID], *, money: bool) -> Sums:
    kept = (Tally.orders, Tally.due) if money else (Tally.orders,)
    sums = select(Tally.stage_id, *(func.sum(one) for one in kept))
    return sums.where(Tally.stage_id.in_(stages)).group_by(Tally.stage_id)


def _own(stages: Iterable[UUID], *, money: bool) -> Sums:
    """The same of the few orders somebody sees who sees only their own."""
    due = (func.sum(Order.applied_total + Order.delivery_fee),) if money else ()
    sums = select(Order.stage_id, func.count(), *due)
    return sums.where(Order.stage_id.in_(stages)).group_by(Order.stage_id)


# --- cards ----------------------------------------------------------------------------------------


def _newest(which: ColumnElement[bool]) -> Select[Order]:
    newest_first = (Order.stage_entered_at.desc(), Order.id.desc())
    return select(Order).where(which).order_by(*newest_first)


def _newest_of(pipeline: Pipeline) -> Select[Order]:
    """The first cards of every column in one statement: each walks ix_orders_board on its own."""
    one = aliased(Order)
    first = (
        select(one.id)
        .where(one.merchant_id == Stage.merchant_id, one.stage_id == Stage.id)
        .order_by(one.stage_entered_at.desc(), one.id.desc())
        .limit(FIRST)
        .correlate(Stage)
        .lateral()
    )
    return (
        select(Order)
        .select_from(Stage)
        .join(first, true())
        .join(Order, (Order.merchant_id == Stage.merchant_id) & (Order.id == first.c.id))
        .where(Stage.pipeline_id == pipeline.id, Stage.active, Stage.deleted_at.is_(None))
        .order_by(Order.stage_entered_at.desc(), Order.id.desc())
        .options(*_needed())
    )


def _needed() -> tuple[ExecutableOption, ...]:
    """What a card shows, and what says where it may go."""
    return (
        load_only(
            *(Order.number, Order.version, Order.stage_id, Order.state, Order.stage_entered_at),
            *(Order.ship_name, Order.ship_city, Order.flags, Order.urgent, Order.assignee_id),
            *(Order.applied_total, Order.delivery_fee, Order.currency),
        ),
        joinedload(Order.assignee).load_only(Membership.name),
    )


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
        .options(
            # A message's text and payload can be long, and a card says only how far it came.
            joinedload(Run.message).load_only(Message.sending, Message.rank, Message.failed_at),
            joinedload(Run.automation).load_only(Automation.name),
        )
    )
    return {run.order_id: run for run in db.session().scalars(newest)}

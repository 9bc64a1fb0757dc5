"""Filters in SQL: which orders match."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    any_,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import selectinload

from flows import search
from flows.listing.filters import NOBODY, Filters
from flows.team.groups import orders_of
from models import db
from models.merchant import Merchant
from models.order import Order
from models.pipeline import STATUSES, Pipeline, Stage, Status, SystemState
from models.types import utcnow

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Matching:
    """What the filters mean at this moment."""

    filters: Filters
    conditions: list[Condition]
    stages: list[Stage]
    """Where matching orders can stand, by pipeline and position."""
    hits: search.Hits | None = None
    """What was searched for; of very many hits only the newest are looked at."""

    @property
    def cut(self) -> bool:
        return self.hits is not None and self.hits.more


def select_matching(filters: Filters) -> Select[UUID]:
    """The identifiers of all orders that match, for whoever works on them."""
    return select(Order.id).where(*matching(filters).conditions)


def stages() -> list[Stage]:
    """Every stage of every pipeline that can hold orders, hidden ones too."""
    oldest_first = select(Pipeline).order_by(Pipeline.created_at, Pipeline.id)
    every = db.session().scalars(oldest_first.options(selectinload(Pipeline.every_stage)))
    return [stage for pipeline in every for stage in pipeline.stages]


def matching(filters: Filters, among: Sequence[Stage] | None = None) -> Matching:
    """The filters as conditions. `among` are all stages, when they are known already."""
    among = stages() if among is None else among
    standing = [stage for stage in among if _wanted(stage, filters)]
    conditions = [
        *_standing(filters, standing, len(standing) == len(among)),
        *_created(filters),
        *_written(filters),
    ]
    if filters.q is None:
        return Matching(filters, conditions, standing)
    hits = search.hits(filters.q) or search.Hits([], more=False)
    return Matching(filters, [*conditions, hits.condition], standing, hits)


# --- where it stands ------------------------------------------------------------------------------


def _wanted(stage: Stage, filters: Filters) -> bool:
    """Whether an order that matches can stand here. A stage without a state holds any state."""
    return (
        (not filters.stage or stage.id in filters.stage)
        and (filters.pipeline in (None, stage.pipeline_id))
        and (stage.state is None or _means(stage.state, filters, stateless=False))
    )


def _means(state: SystemState, filters: Filters, *, stateless: bool) -> bool:
    status = STATUSES[state]
    if stateless and state is SystemState.CONFIRMED:
        status = Status.PROCESSING
    return (not filters.state or state in filters.state) and (
        not filters.status or status in filters.status
    )


def _standing(filters: Filters, standing: Sequence[Stage], everywhere: bool) -> Iterable[Condition]:
    """By stage, of which there are few and an index; the order's state decides on the others."""
    stateless = [stage.id for stage in standing if stage.state is None]
    if not (filters.status or filters.state):
        if not everywhere:
            yield Order.stage_id.in_([stage.id for stage in standing])
        return
    own = [stage.id for stage in standing if stage.state is not None]
    states = [state for state in SystemState if _means(state, filters, stateless=True)]
    either: list[Condition] = [Order.stage_id.in_(own)]
    if stateless and states:
        either.append(and_(Order.stage_id.in_(stateless), Order.state.in_(states)))
    yield or_(*either)


# --- when it was created --------------------------------------------------------------------------


def _created(filters: Filters) -> Iterable[Condition]:
    session = db.session()
    zone = session.get_one(Merchant, session.merchant_id).zone

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), zone)

    first, last = filters.days(utcnow().astimezone(zone).date())
    if first is not None:
        yield Order.created_at >= midnight(first)
    if last is not None and last < date.max:
        yield Order.created_at < midnight(last + timedelta(days=1))


# --- what it says ---------------------------------------------------------------------------------


def _written(filters: Filters) -> Iterable[Condition]:
    for column, values in (
        (Order.carrier, filters.carrier),
        (Order.payment_method, filters.payment),
        (Order.payment_status, filters.paid),
        (Order.source, filters.source),
    ):
        if values:
            yield column.in_(values)
    if filters.agent:
        yield _looked_after(filters.agent)
    if filters.team:
        yield orders_of(filters.team)
    if filters.flag:
        yield _flagged(filters.flag)
    if filters.city:
        yield search.in_cities(filters.city)


def _looked_after(agents: Sequence[str]) -> Condition:
    someone = Order.assignee_id.in_([UUID(agent) for agent in agents if agent != NOBODY])
    return or_(someone, Order.assignee_id.is_(None)) if NOBODY in agents else someone


def _flagged(flags: Sequence[str]) -> Condition:
    flagged = Order.flags != literal_column("'{}'")  # as the index of flagged orders has it
    if "any" in flags:
        return flagged
    return and_(flagged, or_(*(literal(flag) == any_(Order.flags) for flag in flags)))

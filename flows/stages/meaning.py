"""A stage changes its state: what that does to the orders on it now; the past stays (R49)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from flows import pipeline as moving
from flows.errors import N_, Refused
from flows.stages import goods, leading
from flows.stages.goods import Shortage
from flows.stages.holding import AT_ONCE, close, held_orders, hold, how_many, in_background, settle
from flows.stages.reach import check_start
from flows.stages.shaping import kept_reasons, watched
from models import db
from models.automation import Automation, AutomationButton
from models.bulk import Bulk
from models.order import Order
from models.pipeline import Stage, SystemState, status_of
from models.timeline import CUSTOMER, By
from models.user import Membership

STOCK = {SystemState.CONFIRMED: "reserved", SystemState.SHIPPED: "issued"}
"""The states whose stage is the one where goods are promised, or leave."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that leads where, after the change, no order could go."""

    automation: Automation
    button: str
    """The button's text; empty for what happens after silence."""
    target: Stage


@dataclass(frozen=True, slots=True)
class Impact:
    """What another state of a stage would bring about at once."""

    stage: Stage
    state: SystemState | None
    orders: int
    """Those on the stage now: they are reclassified."""
    takes: int
    releases: int
    """Orders whose goods would be promised or leave, and those whose goods would be free again."""
    short: Sequence[Shortage]
    short_orders: int
    automations: Sequence[Automation]
    broken: Sequence[Broken]
    stock: str
    """reserved or issued: the goods of orders are so since they came to this stage; else empty."""

    @property
    def in_background(self) -> bool:
        return self.orders > AT_ONCE


def impact(stage: Stage, state: SystemState | None) -> Impact:
    """What would happen if the stage had this state. Changes nothing."""
    flow = goods.flow(stage, state)
    automations = _automations(stage)
    return Impact(
        stage,
        state,
        how_many(stage),
        flow.takes,
        flow.releases,
        flow.short,
        flow.short_orders,
        [automation for automation in automations if automation.stage_id == stage.id],
        list(_broken(stage, state, automations)),
        STOCK.get(stage.state, "") if stage.state else "",
    )


def change_state(stage: Stage, state: SystemState | None, *, by: Membership) -> Bulk | None:
    """The stage has the state, and so have the orders on it now; what they went through stays.

    Their goods follow. Refused, all of it, when the goods of some are not there (the goods are
    named) and when new orders would begin where work ends. More than AT_ONCE orders: the stage
    changes now, the bulk reclassifies them one by one, each with its own result.
    """
    hold(stage.pipeline)
    if stage.state == state:
        return None
    plan = impact(stage, state)
    orders = [] if plan.in_background else held_orders(stage)
    if plan.in_background:
        close(stage)
    elif plan.short:
        raise _out_of_stock(plan)
    with watched(stage):
        stage.state = state
        stage.reasons = kept_reasons(state, None)
    check_start(stage.pipeline)
    leading.prune(stage.pipeline)
    settle(stage.pipeline)
    for order in orders:
        _reclassify(order, by)
    if plan.in_background:
        return in_background("change_state", stage, by=by, state=state)
    return None


def reclassify(order: Order, facts: Mapping[str, Any], by: Membership) -> str:
    """One order of a bulk: it has the state of its stage, if that is still the one meant."""
    moving.hold(order)
    stage = order.stage
    if str(stage.id) != facts["stage_id"] or stage.state != facts["state"]:
        return "unchanged"
    return "moved" if _reclassify(order, by) else "unchanged"


def _reclassify(order: Order, by: Membership) -> bool:
    """Whether anything of the order changed: it is where it was, and as long as it was."""
    stage, since = order.stage, order.stage_entered_at
    was = moving.last_entry(order).facts.get("to_status")
    if stage.state in (None, order.state) and was == status_of(order.state, stage.state):
        return False
    moving.relocate(order, stage, "reclassified", by=By.user(by), because={"from_status": was})
    order.stage_entered_at = since
    return True


def _out_of_stock(plan: Impact) -> Refused:
    return Refused(
        "insufficient_stock",
        N_("There is not enough in stock for the orders on “{stage}”: {goods}. Nothing changed."),
        stage=plan.stage.name,
        goods=", ".join(f"{short.name} ({short.available}/{short.needed})" for short in plan.short),
    )


def _automations(stage: Stage) -> Sequence[Automation]:
    """Every automation of the pipeline: some start on the stage, some lead to it."""
    wanted = (
        select(Automation)
        .join(Automation.stage)
        .where(Stage.pipeline_id == stage.pipeline_id, Automation.active)
        .options(
            joinedload(Automation.template),
            selectinload(Automation.buttons).joinedload(AutomationButton.stage),
        )
        .order_by(Automation.created_at, Automation.id)
    )
    return db.session().scalars(wanted).all()


def _broken(
    stage: Stage, state: SystemState | None, automations: Sequence[Automation]
) -> Iterator[Broken]:
    marks = moving.Rules.of(stage.pipeline, CUSTOMER).marks

    def opens(here: SystemState | None, there: SystemState | None) -> bool:
        return here is None or there is None or moving.MOVES[here, there] in marks

    for automation in automations:
        for text, target in _leads(automation):
            here = automation.stage
            if stage.id in (here.id, target.id) and opens(here.state, target.state):
                new_here = state if here.id == stage.id else here.state
                new_there = state if target.id == stage.id else target.state
                if not opens(new_here, new_there):
                    yield Broken(automation, text, target)


def _leads(automation: Automation) -> Iterator[tuple[str, Stage]]:
    texts = {button.index: button.text for button in automation.template.buttons}
    for button in automation.buttons:
        if button.stage is not None:
            yield texts.get(button.index, "?"), button.stage
    if automation.fallback_stage is not None:
        yield "", automation.fallback_stage

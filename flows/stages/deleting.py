"""A stage is deleted: its orders move next door, what led to it leads nowhere (R48, §3.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from flows import audit
from flows import pipeline as moving
from flows.errors import N_, Refused
from flows.stages import leading
from flows.stages.holding import (
    AT_ONCE,
    close,
    held_orders,
    hold,
    how_many,
    in_background,
    renumber,
    settle,
)
from flows.stages.reach import check_start, ordered
from models import db
from models.automation import Automation, AutomationButton
from models.bulk import Bulk
from models.order import Order
from models.pipeline import Stage
from models.timeline import By
from models.types import utcnow
from models.user import Membership


@dataclass(frozen=True, slots=True)
class Removal:
    """What deleting a stage brings about."""

    stage: Stage
    target: Stage
    """Where its orders go."""
    orders: int
    changing: int
    """Those of them whose state becomes another one."""
    automations: Sequence[Automation]
    """Those of the stage: they are switched off."""
    buttons: Sequence[AutomationButton]
    fallbacks: Sequence[Automation]
    """What leads to the stage: from then on nowhere."""

    @property
    def in_background(self) -> bool:
        return self.orders > AT_ONCE


def removal(stage: Stage) -> Removal:
    """What deleting the stage would bring about; Refused when it is the last one."""
    target = next_door(stage)
    here = Automation.stage_id == stage.id
    session = db.session()
    buttons = select(AutomationButton).where(AutomationButton.stage_id == stage.id)
    return Removal(
        stage,
        target,
        how_many(stage),
        _changing(stage, target),
        session.scalars(select(Automation).where(here, Automation.active)).all(),
        session.scalars(buttons.options(joinedload(AutomationButton.automation))).all(),
        session.scalars(
            select(Automation).where(Automation.fallback_stage_id == stage.id, ~here)
        ).all(),
    )


def next_door(stage: Stage) -> Stage:
    """The nearest stage of the same state, else the nearest earlier one, else the next."""
    others = [s for s in ordered(stage.pipeline) if s is not stage and s.active]
    if not others:
        raise Refused("last_stage", N_("A pipeline needs at least one visible stage."))
    return min(others, key=lambda other: _distance(stage, other))


def delete(stage: Stage, *, by: Membership, agreed: bool = False) -> Bulk | None:
    """The stage is on no screen and holds no order: they moved next door, and nothing was sent.

    Refused while orders would change their state and nobody `agreed`, when it is the last stage
    an order can begin on, and for want of stock. More than AT_ONCE orders: the stage is hidden,
    the bulk moves them, and the stage is deleted with the last of them.
    """
    hold(stage.pipeline)
    _check_without(stage)
    plan = removal(stage)
    if plan.changing and not agreed:
        raise Refused(
            "state_differs",
            N_("{count} orders would become “{stage}”. Say that this is what you want."),
            count=plan.changing,
            stage=plan.target.name,
        )
    _let_go(plan)
    gone = {"orders": plan.orders, "target": plan.target.name, "pipeline": stage.pipeline.name}
    gone |= {"automations": [one.name for one in plan.automations]}
    audit.note("pipeline.stage_deleted", on=stage.name, on_id=stage.id, after=gone)
    if plan.in_background:
        close(stage)
        stage.active = False
        settle(stage.pipeline)
        return in_background("delete_stage", stage, by=by, to=plan.target.name)
    for order in held_orders(stage):
        _move_over(order, stage, by)
    _bury(stage)
    return None


def move_next_door(order: Order, facts: Mapping[str, Any], by: Membership) -> str:
    """One order of a bulk: it has left the stage that goes; the stage goes with the last one."""
    session = db.session()
    stage = session.get_one(Stage, (session.merchant_id, UUID(facts["stage_id"])))
    moving.hold(order)
    still = order.stage_id == stage.id
    if still:
        _move_over(order, stage, by)
        session.flush()
    if stage.deleted_at is None and not stage.active and not how_many(stage):
        _bury(stage)
    return "moved" if still else "unchanged"


def _move_over(order: Order, stage: Stage, by: Membership) -> None:
    moving.relocate(order, next_door(stage), "stage_deleted", by=By.user(by))


def _distance(stage: Stage, other: Stage) -> tuple[int, int, int]:
    far, earlier = abs(other.position - stage.position), other.position < stage.position
    if other.state == stage.state:
        return 0, far, int(not earlier)
    return (1, far, 0) if earlier else (2, far, 0)


def _changing(stage: Stage, target: Stage) -> int:
    if target.state is None:
        return 0
    differ = (Order.stage_id == stage.id) & (Order.state != target.state)
    return db.session().scalar(select(func.count()).select_from(Order).where(differ)) or 0


def _check_without(stage: Stage) -> None:
    """The pipeline without the stage still begins somewhere."""
    kept = stage.active
    stage.active = False
    try:
        check_start(stage.pipeline)
    finally:
        stage.active = kept


def _let_go(plan: Removal) -> None:
    for automation in plan.automations:
        automation.active = False
    for button in plan.buttons:
        button.stage = None
    for automation in plan.fallbacks:
        automation.fallback_stage = None
    leading.lead_next_door(plan.stage, plan.target)


def _bury(stage: Stage) -> None:
    stage.deleted_at = utcnow()
    renumber(ordered(stage.pipeline))
    settle(stage.pipeline)

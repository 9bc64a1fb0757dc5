"""Who changes a pipeline does it alone, and knows it as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, func, select

from flows import live
from flows import pipeline as moving
from flows.errors import N_, Refused
from models import db
from models.bulk import Bulk
from models.order import Order
from models.pipeline import Pipeline, Stage
from models.user import Membership

AT_ONCE = 200
"""How many orders a request moves itself; for more, a worker does it in the background."""


def hold(pipeline: Pipeline) -> None:
    """Nobody else changes this pipeline until the transaction ends; its stages are fresh."""
    session = db.session()
    session.flush()
    mine = select(Pipeline.id).where(Pipeline.id == pipeline.id)
    session.execute(mine.with_for_update(key_share=True))
    stages = select(Stage).where(Stage.pipeline_id == pipeline.id)
    session.scalars(stages.execution_options(populate_existing=True)).all()
    session.refresh(pipeline, ["ships", "every_stage"])


def settle(pipeline: Pipeline) -> None:
    """The change is written, the stages are in their order, and the screens hear of it."""
    db.session().flush()
    db.session().refresh(pipeline, ["every_stage"])
    live.changed("pipeline", "board")


def close(stage: Stage) -> None:
    """Who is entering the stage has entered it, and nobody else does until we are done."""
    db.session().execute(select(Stage.id).where(Stage.id == stage.id).with_for_update())


def held_orders(stage: Stage) -> Sequence[Order]:
    """The orders on the stage, all of them and all held; the stage is closed.

    Orders first, the stage after: so does who moves an order here, and nobody waits in a ring.
    """
    orders = db.session().scalars(on(stage, Order)).all()
    moving.hold_all(orders)
    close(stage)
    here = [order for order in orders if order.stage_id == stage.id]
    if how_many(stage) != len(here):
        raise Refused("stage_busy", N_("Orders are just coming to this stage. Try again."))
    return here


def how_many(stage: Stage) -> int:
    """The orders on the stage, counted."""
    counted = select(func.count()).select_from(Order).where(Order.stage_id == stage.id)
    return db.session().scalar(counted) or 0


def on(stage: Stage, what: Any) -> Select[Any]:
    """The orders of the stage (or their ids), the oldest first."""
    return select(what).where(Order.stage_id == stage.id).order_by(Order.id)


def in_background(kind: str, stage: Stage, *, by: Membership, **facts: Any) -> Bulk:
    """A worker does `kind` for every order of the closed stage."""
    from flows import bulk  # it calls us back, order by order

    db.session().flush()
    told = {"stage_id": str(stage.id), "stage": stage.name} | facts
    return bulk.start(kind, told, on(stage, Order.id), by=by)


def renumber(stages: Iterable[Stage]) -> None:
    """The stages stand in this order: 1, 2, 3, …"""
    for place, stage in enumerate(stages, start=1):
        stage.position = place

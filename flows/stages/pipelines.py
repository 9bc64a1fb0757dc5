"""The merchant's pipelines: opened from a preset or from nothing, named, given up while empty."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from flows import audit, live, presets
from flows.errors import N_, Invalid, NotFound, Refused
from flows.stages.holding import hold
from models import db
from models.merchant import Merchant
from models.order import Order
from models.pipeline import Pipeline, Stage

LONGEST_NAME = 60


def listed() -> Sequence[Pipeline]:
    """The oldest first: that one is the board people open, and where orders start."""
    oldest_first = select(Pipeline).order_by(Pipeline.created_at, Pipeline.id)
    return db.session().scalars(oldest_first).all()


def find(pipeline_id: UUID) -> Pipeline:
    """The merchant's pipeline, or NotFound."""
    wanted = select(Pipeline).where(Pipeline.id == pipeline_id)
    pipeline = db.session().scalars(wanted).first()
    if pipeline is None:
        raise NotFound
    return pipeline


def begin(preset: str, *, name: str = "", language: str | None = None) -> Pipeline:
    """One more pipeline, with the stages of the preset ("blank": two), named by the merchant.

    Invalid for a preset that does not exist and for a name that is taken.
    """
    if preset not in presets.PRESETS:
        raise Invalid({"preset": Refused("required", N_("Choose one of the list."))})
    session = db.session()
    merchant = session.get_one(Merchant, session.merchant_id)
    taken = listed()
    pipeline = presets.apply(merchant, preset, language)
    pipeline.name = name.strip() or pipeline.name
    _check_name(pipeline.name, taken)
    session.flush()
    live.changed("pipeline", "board")
    audit.note("pipeline.added", on=pipeline.name, on_id=pipeline.id, after={"preset": preset})
    return pipeline


def describe(pipeline: Pipeline, *, name: str, ships: bool) -> None:
    """The pipeline has this name, and its orders are parcels or not; stages stay as they are."""
    _check_name(name, [other for other in listed() if other is not pipeline])
    hold(pipeline)
    read = audit.plain(pipeline, "name", "ships")
    with audit.watching("pipeline.changed", read, on=pipeline.name, on_id=pipeline.id):
        pipeline.name, pipeline.ships = name.strip(), ships
    live.changed("pipeline", "board")


def give_up(pipeline: Pipeline) -> None:
    """The pipeline is gone. Refused for the last one, and when an order was ever on it."""
    hold(pipeline)
    if len(listed()) == 1:
        raise Refused("last_pipeline", N_("You need at least one pipeline."))
    if not empty(pipeline):
        raise Refused(
            "pipeline_used", N_("There are orders on this pipeline: hide its stages instead.")
        )
    before = {"stages": [stage.name for stage in pipeline.stages]}
    audit.note("pipeline.deleted", on=pipeline.name, on_id=pipeline.id, before=before)
    db.session().delete(pipeline)
    live.changed("pipeline", "board")


def empty(pipeline: Pipeline) -> bool:
    """No order is on it; orders never change their pipeline, so none ever was."""
    there = select(func.count()).select_from(Order).join(Stage, Stage.id == Order.stage_id)
    return not db.session().scalar(there.where(Stage.pipeline_id == pipeline.id))


def _check_name(name: str, others: Sequence[Pipeline]) -> None:
    wished = " ".join(name.split())
    if not wished:
        raise Invalid({"name": Refused("required", N_("Give it a name."))})
    if len(wished) > LONGEST_NAME:
        no = Refused("too_long", N_("At most {most} letters."), most=LONGEST_NAME)
        raise Invalid({"name": no})
    if wished.casefold() in {" ".join(other.name.split()).casefold() for other in others}:
        raise Invalid({"name": Refused("taken", N_("Another pipeline has this name."))})

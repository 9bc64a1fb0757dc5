"""A stage's words, colour, reasons and place; none of it touches an order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from flows import audit, presets
from flows.errors import N_, Invalid, NotFound, Refused
from flows.stages.holding import hold, renumber, settle
from flows.stages.reach import check_start
from models import db
from models.automation import Automation
from models.merchant import Merchant
from models.pipeline import REASONED, Pipeline, Stage, SystemState
from models.tally import Tally

COLORS = ("green", "blue", "purple", "yellow", "orange", "red", "gray")
LONGEST_NAME = 40
LONGEST_NOTE = 300
MOST_REASONS = 20
MOST_STAGES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a person chose for a stage. Reasons: None for the usual ones of its state."""

    name: str
    description: str = ""
    color: str = "gray"
    state: SystemState | None = None
    reasons: Sequence[str] | None = None


def find(stage_id: UUID) -> Stage:
    """The merchant's stage, or NotFound, also when it was deleted."""
    wanted = select(Stage).where(Stage.id == stage_id, Stage.deleted_at.is_(None))
    stage = db.session().scalars(wanted).first()
    if stage is None:
        raise NotFound
    return stage


def counts(pipeline: Pipeline) -> dict[UUID, int]:
    """How many orders are on each of its stages; those without any are left out."""
    kept = (
        select(Tally.stage_id, func.sum(Tally.orders))
        .join(Stage, Stage.id == Tally.stage_id)
        .where(Stage.pipeline_id == pipeline.id)
        .group_by(Tally.stage_id)
    )
    return {stage_id: int(count) for stage_id, count in db.session().execute(kept) if count}


def automations(pipeline: Pipeline) -> dict[UUID, int]:
    """How many active automations each of its stages has."""
    counted = (
        select(Automation.stage_id, func.count())
        .join(Stage, Stage.id == Automation.stage_id)
        .where(Stage.pipeline_id == pipeline.id, Automation.active)
        .group_by(Automation.stage_id)
    )
    return {row[0]: row[1] for row in db.session().execute(counted)}


def add(pipeline: Pipeline, form: Form, *, place: int | None = None) -> Stage:
    """The pipeline has a new stage, at `place` (1 is first) or last. No order moves.

    Invalid names every wrong field; Refused when new orders would start where work ends.
    """
    hold(pipeline)
    if len(pipeline.stages) >= MOST_STAGES:
        raise Refused(
            "too_many_stages", N_("A pipeline has at most {most} stages."), most=MOST_STAGES
        )
    _check(form, pipeline)
    here = (
        len(pipeline.stages) if place is None else min(max(place, 1), len(pipeline.stages) + 1) - 1
    )
    order = pipeline.stages
    stage = Stage(position=0, state=form.state, active=True)
    _write(stage, form)
    pipeline.every_stage.append(stage)
    order.insert(here, stage)
    renumber(order)
    check_start(pipeline)
    settle(pipeline)
    after = audit.plain(stage, *_TOLD)() | {"pipeline": pipeline.name, "place": stage.position}
    audit.note("pipeline.stage_added", on=stage.name, on_id=stage.id, after=after)
    return stage


def describe(stage: Stage, form: Form) -> None:
    """The stage has the form's name, note, colour and reasons; its state stays what it is.

    Orders, indicators and what stands on timelines are untouched. Invalid names wrong fields.
    """
    hold(stage.pipeline)
    _check(form, stage.pipeline, stage)
    with watched(stage):
        _write(stage, form)
    settle(stage.pipeline)


def reorder(pipeline: Pipeline, ids: Sequence[UUID]) -> None:
    """The stages stand in the order of `ids`; no order moves and no indicator changes.

    Refuses a list that is not exactly the pipeline's stages, each once: somebody changed them.
    """
    hold(pipeline)
    known = {stage.id: stage for stage in pipeline.stages}
    if len(ids) != len(known) or set(ids) != set(known):
        raise Refused(
            "stages_changed", N_("The stages have changed meanwhile. Look again, then move it.")
        )
    before = [stage.name for stage in pipeline.stages]
    renumber([known[id_] for id_ in ids])
    check_start(pipeline)
    settle(pipeline)
    after = [stage.name for stage in pipeline.stages]
    order = {"stages": before}, {"stages": after}
    audit.changed("pipeline.reordered", *order, on=pipeline.name, on_id=pipeline.id)


def hide(stage: Stage) -> None:
    """No order can enter the stage and no view shows it; its orders stay on it.

    Refuses to hide the last stage there is, or the last where an order can start.
    """
    hold(stage.pipeline)
    with watched(stage):
        stage.active = False
    check_start(stage.pipeline)
    settle(stage.pipeline)


def show(stage: Stage) -> None:
    """Orders can enter the stage again, and the views show it."""
    hold(stage.pipeline)
    with watched(stage):
        stage.active = True
    check_start(stage.pipeline)
    settle(stage.pipeline)


_TOLD = ("name", "description", "color", "state", "reasons", "active")


def watched(stage: Stage) -> AbstractContextManager[None]:
    """What changes of the stage meanwhile stands in the audit."""
    read = audit.plain(stage, *_TOLD)
    return audit.watching("pipeline.stage_changed", read, on=stage.name, on_id=stage.id)


def _check(form: Form, pipeline: Pipeline, stage: Stage | None = None) -> None:
    wrong: dict[str, Refused] = {}
    name = form.name.strip()
    taken = {_key(other.name) for other in pipeline.stages if other is not stage}
    if not name:
        wrong["name"] = Refused("required", N_("Give it a name."))
    elif len(name) > LONGEST_NAME:
        wrong["name"] = Refused("too_long", N_("At most {most} letters."), most=LONGEST_NAME)
    elif _key(name) in taken:
        wrong["name"] = Refused("taken", N_("Another stage has this name."))
    if len(form.description) > LONGEST_NOTE:
        wrong["description"] = Refused("too_long", N_("At most {most} letters."), most=LONGEST_NOTE)
    if form.color not in COLORS:
        wrong["color"] = Refused("required", N_("Choose a colour."))
    if _too_much(form.reasons or ()):
        wrong["reasons"] = Refused(
            "too_long", N_("At most {most} reasons, each one short."), most=MOST_REASONS
        )
    if wrong:
        raise Invalid(wrong)


def _too_much(reasons: Sequence[str]) -> bool:
    return len(reasons) > MOST_REASONS or any(len(reason) > LONGEST_NAME * 2 for reason in reasons)


def _write(stage: Stage, form: Form) -> None:
    stage.name, stage.description = form.name.strip(), form.description.strip()
    stage.color = form.color
    stage.reasons = kept_reasons(stage.state, form.reasons)


def kept_reasons(state: SystemState | None, wanted: Iterable[str] | None) -> list[str]:
    """What a stage of this state lets people choose: each once, and none where none is asked."""
    if state not in REASONED:
        return []
    if wanted is None:
        session = db.session()
        merchant = session.get_one(Merchant, session.merchant_id)
        return presets.reasons_of(state, merchant.language)
    return list(dict.fromkeys(reason.strip() for reason in wanted if reason.strip()))


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()

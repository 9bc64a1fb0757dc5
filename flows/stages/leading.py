"""The merchant's own transitions: a small matrix under the table of states (R51)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete as delete_from
from sqlalchemy import select

from flows import audit
from flows import pipeline as moving
from flows.errors import N_, Refused
from flows.stages.holding import hold, settle
from models import db
from models.pipeline import Pipeline, Stage, Transition


@dataclass(frozen=True, slots=True)
class Cell:
    """Whether orders go from a row's stage to a column's."""

    target: Stage
    possible: bool
    """False where the states never allow it, whatever the merchant would like."""
    chosen: bool


@dataclass(frozen=True, slots=True)
class Line:
    stage: Stage
    free: bool
    """No transitions of its own: its orders go wherever the states allow."""
    cells: list[Cell]


def transitions(pipeline: Pipeline) -> dict[UUID, set[UUID]]:
    """The stages each narrowed stage leads to; one that is missing leads wherever states allow."""
    wanted = (
        select(Transition.from_stage_id, Transition.to_stage_id)
        .join(Stage, Stage.id == Transition.from_stage_id)
        .where(Stage.pipeline_id == pipeline.id)
    )
    own: dict[UUID, set[UUID]] = {}
    for left, entered in db.session().execute(wanted):
        own.setdefault(left, set()).add(entered)
    return own


def matrix(pipeline: Pipeline) -> list[Line]:
    """Every stage against every other, as a page shows it."""
    own = transitions(pipeline)
    return [
        Line(
            stage,
            stage.id not in own,
            [
                Cell(
                    target,
                    possible(stage, target),
                    target.id in own.get(stage.id, {target.id}) and possible(stage, target),
                )
                for target in pipeline.stages
            ],
        )
        for stage in pipeline.stages
    ]


def set_transitions(stage: Stage, to_ids: Collection[UUID]) -> None:
    """From the stage, orders go to these stages only; to every one the states allow if empty.

    Refuses a stage of another pipeline, the stage itself, and what the states never allow.
    """
    hold(stage.pipeline)
    known = {other.id: other for other in stage.pipeline.stages}
    for to_id in to_ids:
        target = known.get(to_id)
        if target is None:
            raise Refused("foreign_stage", N_("Choose a stage of the same pipeline."))
        if not possible(stage, target):
            raise Refused(
                "transition_refused",
                N_("From “{from_stage}” an order cannot go to “{to_stage}”."),
                from_stage=stage.name,
                to_stage=target.name,
            )
    before = _names(known, transitions(stage.pipeline).get(stage.id, ()))
    write(stage, set(to_ids))
    settle(stage.pipeline)
    after = _names(known, to_ids)
    audit.changed("pipeline.moves", before, after, on=stage.name, on_id=stage.id)


def _names(known: Mapping[UUID, Stage], to_ids: Collection[UUID]) -> dict[str, list[str]]:
    """In the order of the stages; none: wherever the states allow."""
    return {"to": [stage.name for id_, stage in known.items() if id_ in to_ids]}


def possible(stage: Stage, target: Stage) -> bool:
    """Whether the states of the two let anybody move an order from one to the other."""
    return stage.id != target.id and moving.ever(stage.pipeline, stage.state, target.state)


def write(stage: Stage, to_ids: Collection[UUID]) -> None:
    session = db.session()
    session.execute(delete_from(Transition).where(Transition.from_stage_id == stage.id))
    session.add_all(Transition(from_stage_id=stage.id, to_stage_id=to_id) for to_id in to_ids)
    session.flush()


def prune(pipeline: Pipeline) -> None:
    """Transitions that the states have come to forbid are gone."""
    known = {stage.id: stage for stage in pipeline.stages}
    for left, to_ids in transitions(pipeline).items():
        kept = {id_ for id_ in to_ids if id_ in known and possible(known[left], known[id_])}
        if kept != to_ids:
            write(known[left], kept)


def lead_next_door(stage: Stage, target: Stage) -> None:
    """Transitions to a stage that goes lead to its neighbour, where the states allow it."""
    own = transitions(stage.pipeline)
    known = {other.id: other for other in stage.pipeline.stages}
    write(stage, ())
    for left, to_ids in own.items():
        if left != stage.id and stage.id in to_ids:
            next_door = {target.id} if possible(known[left], target) else set()
            write(known[left], (to_ids - {stage.id}) | next_door)

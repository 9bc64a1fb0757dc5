"""Where orders start and where they can get: a pipeline that leads nowhere is told so."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from flows import pipeline as moving
from flows.errors import N_, Refused
from flows.stages.leading import transitions
from models.pipeline import Pipeline, Stage, SystemState

STARTS = (
    None,
    SystemState.NEW,
    SystemState.UNREACHABLE,
    SystemState.TO_CONFIRM,
    SystemState.CONFIRMED,
)
"""What a stage may be for a new order to begin there; the others are for what has begun."""

Place = tuple[Stage, SystemState]
"""An order's stage and its state, which a stage without one leaves as it was."""


def check_start(pipeline: Pipeline) -> None:
    """New orders have a stage to begin on, or Refused."""
    first = next((stage for stage in ordered(pipeline) if stage.active), None)
    if first is None:
        raise Refused("last_stage", N_("A pipeline needs at least one visible stage."))
    if first.state not in STARTS:
        raise Refused(
            "no_start",
            N_("New orders would begin on “{stage}”. A stage where work begins must come first."),
            stage=first.name,
        )


def out_of_reach(pipeline: Pipeline) -> list[Stage]:
    """The visible stages that no order can come to, whoever moves it."""
    stages = [stage for stage in ordered(pipeline) if stage.active]
    own = transitions(pipeline)
    seen: set[tuple[UUID, SystemState]] = set()
    waiting: list[Place] = [(stages[0], stages[0].state or SystemState.NEW)]
    while waiting:
        stage, state = waiting.pop()
        if (stage.id, state) not in seen:
            seen.add((stage.id, state))
            waiting += _onward(pipeline, stages, own, (stage, state))
    reached = {stage_id for stage_id, _ in seen}
    return [stage for stage in stages if stage.id not in reached]


def ordered(pipeline: Pipeline) -> list[Stage]:
    """The stages as they stand now, before the database has heard of it."""
    return sorted(pipeline.stages, key=lambda stage: stage.position)


def _onward(
    pipeline: Pipeline, stages: list[Stage], own: dict[UUID, set[UUID]], here: Place
) -> Iterator[Place]:
    stage, state = here
    for target in stages:
        if target.id in own.get(stage.id, {target.id}) and moving.ever(
            pipeline, state, target.state
        ):
            yield target, target.state or state

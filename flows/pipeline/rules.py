"""Who may take an order from where to where: the table of states, the merchant's own rules."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from flows import permissions
from flows.errors import N_, Refused
from models import db
from models.order import Order
from models.pipeline import Pipeline, Stage, SystemState, Transition
from models.timeline import Actor, By

# Who may take an order from one state (row) to another (column), spec §3.3:
# + anybody · M who may correct orders · D where nothing is shipped · - nobody
_MOVES = """
                  new unreachable to_confirm confirmed shipped delivery_failure delivered returned cancelled
new               +   +           +          +         M       -                D         -        +
unreachable       +   +           +          +         M       -                -         -        +
to_confirm        +   +           +          +         M       -                D         -        +
confirmed         M   +           +          +         +       -                D         -        +
shipped           -   -           -          M         +       +                +         +        +
delivery_failure  -   -           M          M         +       +                +         +        +
delivered         -   -           -          -         -       M                +         +        -
returned          -   -           -          -         -       -                -         +        -
cancelled         M   -           -          -         -       -                -         -        +
"""  # noqa: E501 - a table is read as a table


def _read(table: str) -> dict[tuple[SystemState, SystemState], str]:
    header, *rows = (line.split() for line in table.strip().splitlines())
    return {
        (SystemState(row[0]), SystemState(to)): mark
        for row in rows
        for to, mark in zip(header, row[1:], strict=True)
    }


MOVES = _read(_MOVES)

# How far an order has come; bad news is not on this ladder (spec §3.2).
_RANKS = {
    SystemState.NEW: 0,
    SystemState.UNREACHABLE: 0,
    SystemState.TO_CONFIRM: 0,
    SystemState.CONFIRMED: 1,
    SystemState.SHIPPED: 3,
    SystemState.DELIVERY_FAILURE: 3,
    SystemState.DELIVERED: 5,
}
_PACKED = 2
_ATTEMPTS = {SystemState.SHIPPED, SystemState.DELIVERY_FAILURE}
"""A parcel may be tried again and fail again: the one way sideways a carrier may go."""
MACHINES = (Actor.CARRIER, Actor.STORE)


def allowed(order: Order, by: By) -> list[Stage]:
    """The stages this actor may move the order to now, in the pipeline's order."""
    return Rules.of(order.stage.pipeline, by).allowed(order)


def ever(pipeline: Pipeline, state: SystemState | None, target: SystemState | None) -> bool:
    """Whether anybody at all may take an order of this pipeline from one state to the other."""
    return state is None or target is None or MOVES[state, target] in _marks(pipeline, True)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one actor may do with the orders of one pipeline; read once for a whole board."""

    pipeline: Pipeline
    marks: frozenset[str]
    """The marks of the table of states that let this actor through."""
    narrowed: dict[UUID, set[UUID]]
    """The merchant's own transitions; a stage without any goes wherever the states allow."""
    onward_only: bool = False
    """For machines: they only bring good news, and leave the rest to people."""

    @classmethod
    def of(cls, pipeline: Pipeline, by: By) -> Rules:
        own = (
            select(Transition.from_stage_id, Transition.to_stage_id)
            .join(Stage, Stage.id == Transition.from_stage_id)
            .where(Stage.pipeline_id == pipeline.id)
        )
        narrowed: dict[UUID, set[UUID]] = {}
        for left, entered in db.session().execute(own):
            narrowed.setdefault(left, set()).add(entered)
        return cls(pipeline, _marks(pipeline, _corrects(by)), narrowed, by.actor in MACHINES)

    def allowed(self, order: Order) -> list[Stage]:
        return [stage for stage in self.pipeline.stages if self._allows(order, stage)]

    def check(self, order: Order, stage: Stage) -> None:
        if stage.pipeline_id != self.pipeline.id:
            raise Refused("foreign_stage", N_("This stage belongs to another pipeline."))
        check_open(stage)
        if not self._allows(order, stage):
            raise self._refusal(order, stage)

    def joins(self, state: SystemState, stage: Stage) -> bool:
        """Whether an order in `state` may take the stage's; a stage without one keeps it."""
        return MOVES[state, stage.state or state] in self.marks

    def _allows(self, order: Order, stage: Stage) -> bool:
        return (
            stage.active
            and stage.id != order.stage_id
            and self.joins(order.state, stage)
            and stage.id in self.narrowed.get(order.stage_id, {stage.id})
            and not (self.onward_only and not _onward(order, stage))
        )

    def _refusal(self, order: Order, stage: Stage) -> Refused:
        open_to = self.allowed(order)
        return Refused(
            "transition_refused",
            N_("From “{from_stage}” an order cannot go to “{to_stage}”."),
            from_stage=order.stage.name,
            to_stage=stage.name,
            allowed=[other.name for other in open_to],
            allowed_ids=[str(other.id) for other in open_to],
        )


def check_open(stage: Stage) -> None:
    """Orders may enter the stage, or Refused."""
    if stage.deleted_at is not None:
        raise Refused(
            "stage_deleted",
            N_("The stage “{stage}” has been deleted."),
            stage=stage.name,
        )
    if not stage.active:
        raise Refused(
            "stage_hidden",
            N_("The stage “{stage}” is hidden: no order can enter it."),
            stage=stage.name,
        )


def _marks(pipeline: Pipeline, corrects: bool) -> frozenset[str]:
    return frozenset("+" + "M" * corrects + "D" * (not pipeline.ships))


def _corrects(by: By) -> bool:
    return (
        by.actor is Actor.USER
        and by.member is not None
        and permissions.may(by.member, "orders.correct")
    )


def _onward(order: Order, stage: Stage) -> bool:
    here = _rank(order.state, order.stage)
    there = _rank(stage.state or order.state, stage)
    if here is None or there is None:
        return False
    return there > here or {order.state, stage.state} == _ATTEMPTS


def _rank(state: SystemState, stage: Stage) -> int | None:
    packed = stage.state is None and state is SystemState.CONFIRMED
    return _PACKED if packed else _RANKS.get(state)

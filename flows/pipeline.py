"""enter and move: an order is on exactly one stage, and what a stage means follows at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from flows import conversations, live, permissions, runs, stock
from flows.errors import N_, Refused
from models import db
from models.conversation import Conversation
from models.order import Order
from models.pipeline import REASONED, Pipeline, Stage, SystemState, Transition
from models.timeline import Actor, By, Entry
from models.types import utcnow

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


# --- moving ---------------------------------------------------------------------------------------


def enter(order: Order, stage: Stage, *, by: By) -> Entry:
    """The new order is on `stage`, its goods are promised, the stage's messages are queued.

    Refuses a hidden stage, and with OutOfStock a stage that needs goods that are not there.
    """
    _check_open(stage)
    session = db.session()
    order.state = SystemState.NEW
    order.flags = order.flags or []
    order.stand_on(stage, utcnow())
    session.add(order)
    session.flush()  # the ledger points at the order's lines
    _lock_conversation(order)
    facts = {"to": stage.name, "to_state": order.state, "to_status": order.status}
    entry = _entry(order, "created", by, facts)
    entry.to_stage_id = stage.id
    _follow(order, entry)
    runs.start(order, entry)
    return entry


def move(
    order: Order,
    stage: Stage,
    *,
    by: By,
    version: int | None = None,
    because: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Entry:
    """The order is on `stage`; who, when and `because` of what stand on its timeline.

    `reason` is kept where the stage's state is entered for one (cancelled, failed, returned).

    To the stage it is on already: nothing happens. Refuses (409) when the order moved since
    `version`, when the pipeline or this actor may not make the move, and for want of stock.
    """
    hold(order)
    left = order.stage
    if stage.id == left.id:
        return last_entry(order)
    if version is not None and version != order.version:
        raise Refused(
            "moved_meanwhile",
            N_("Order {number} was moved meanwhile: it is on “{stage}” now."),
            number=order.number,
            stage=left.name,
        )
    Rules.of(left.pipeline, by).check(order, stage)
    entry = _place(order, stage, "moved", by, because=because, reason=reason)
    runs.start(order, entry)
    _tell(order, entry)
    return entry


def relocate(
    order: Order,
    stage: Stage,
    kind: str,
    *,
    by: By,
    because: Mapping[str, Any] | None = None,
) -> Entry:
    """The held order is on `stage` because the house was put in order: `kind` says how.

    No table of states is asked and no message is sent; stock follows, and may refuse.
    """
    return _place(order, stage, kind, by, because=because)


def _place(
    order: Order,
    stage: Stage,
    kind: str,
    by: By,
    *,
    because: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Entry:
    left, before = order.stage, {"from_state": order.state, "from_status": order.status}
    order.stand_on(stage, utcnow())
    order.version += 1
    order.reason = (reason or None) if order.state in REASONED else None
    facts = {"from": left.name, "to": stage.name} | before
    facts |= {"to_state": order.state, "to_status": order.status}
    if order.reason:
        facts["reason"] = order.reason
    entry = _entry(order, kind, by, facts | dict(because or {}))
    entry.from_stage_id, entry.to_stage_id = left.id, stage.id
    return _follow(order, entry)


def hold(order: Order) -> None:
    """Nobody else moves this order until the transaction ends; what we know of it is fresh.

    The conversation is locked first: an incoming message holds it when its tap moves an order.
    """
    _lock_conversation(order)
    session = db.session()
    # key_share: a row that only points at the order, like its message, need not wait.
    session.execute(select(Order.id).where(Order.id == order.id).with_for_update(key_share=True))
    session.refresh(order, ["stage_id", "state", "version", "flags", "stage", "lines"])


def last_entry(order: Order) -> Entry:
    """How the order came to the stage it is on."""
    moves = (
        select(Entry)
        .where(Entry.order_id == order.id, Entry.to_stage_id.is_not(None))
        .order_by(Entry.seq.desc())
        .limit(1)
    )
    return db.session().scalars(moves).one()


def _lock_conversation(order: Order) -> None:
    if order.conversation_id is not None:
        locked = select(Conversation.id).where(Conversation.id == order.conversation_id)
        db.session().execute(locked.with_for_update(key_share=True))


def _entry(order: Order, kind: str, by: By, facts: dict[str, Any]) -> Entry:
    return Entry(
        order_id=order.id,
        kind=kind,
        actor=by.actor,
        actor_id=by.member.id if by.member else None,
        facts=facts,
    )


def _follow(order: Order, entry: Entry) -> Entry:
    """What standing on a stage brings about at once. Only stock may refuse it."""
    session = db.session()
    session.add(entry)
    session.flush()  # ledger lines point at the entry
    stock.follow(order, entry)
    touched = [id_ for id_ in (entry.from_stage_id, entry.to_stage_id) if id_]
    live.changed(f"order:{order.number}", *(f"stage:{id_}" for id_ in touched))
    if order.conversation_id is not None:
        live.changed(f"conversation:{order.conversation_id}")
    return entry


def _tell(order: Order, entry: Entry) -> None:
    """A line between the bubbles of the conversation the order came from."""
    if order.conversation is None:
        return
    facts = {"number": order.number, "by": entry.actor}
    facts |= {key: entry.facts[key] for key in ("from", "to")}
    conversations.note_activity(order.conversation, "order_moved", facts, actor=entry.member)


# --- what is allowed ------------------------------------------------------------------------------


def allowed(order: Order, by: By) -> list[Stage]:
    """The stages this actor may move the order to now, in the pipeline's order."""
    return Rules.of(order.stage.pipeline, by).allowed(order)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one actor may do with the orders of one pipeline; read once for a whole board."""

    pipeline: Pipeline
    marks: frozenset[str]
    """The marks of the table of states that let this actor through."""
    narrowed: dict[UUID, set[UUID]]
    """The merchant's own transitions; a stage without any goes wherever the states allow."""

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
        return cls(pipeline, _marks(pipeline, by), narrowed)

    def allowed(self, order: Order) -> list[Stage]:
        return [stage for stage in self.pipeline.stages if self._allows(order, stage)]

    def check(self, order: Order, stage: Stage) -> None:
        if stage.pipeline_id != self.pipeline.id:
            raise Refused("foreign_stage", N_("This stage belongs to another pipeline."))
        _check_open(stage)
        if not self._allows(order, stage):
            raise Refused(
                "transition_refused",
                N_("From “{from_stage}” an order cannot go to “{to_stage}”."),
                from_stage=order.stage.name,
                to_stage=stage.name,
                allowed=[other.name for other in self.allowed(order)],
            )

    def _allows(self, order: Order, stage: Stage) -> bool:
        return (
            stage.active
            and stage.id != order.stage_id
            and self.joins(order.state, stage)
            and stage.id in self.narrowed.get(order.stage_id, {stage.id})
        )

    def joins(self, state: SystemState, stage: Stage) -> bool:
        """Whether an order in `state` may take the stage's; a stage without one keeps it."""
        return MOVES[state, stage.state or state] in self.marks


def _check_open(stage: Stage) -> None:
    if not stage.active:
        raise Refused(
            "stage_hidden",
            N_("The stage “{stage}” is hidden: no order can enter it."),
            stage=stage.name,
        )


def _marks(pipeline: Pipeline, by: By) -> frozenset[str]:
    corrects = (
        by.actor is Actor.USER
        and by.member is not None
        and permissions.may(by.member, "orders.correct")
    )
    return frozenset("+" + "M" * corrects + "D" * (not pipeline.ships))

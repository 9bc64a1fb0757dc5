"""An order comes to a stage: who brought it and from where stands on its timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from flows import conversations, crashpoints, live, runs, stock
from flows.errors import N_, Refused
from flows.pipeline.memory import INSTANTS, recall, remember
from flows.pipeline.rules import Rules, check_open
from models import db
from models.conversation import Conversation
from models.order import Order
from models.pipeline import REASONED, Stage, SystemState
from models.timeline import Actor, By, Entry
from models.types import utcnow

# What a move reads of an order or writes over.
_FRESH = ["stage_id", "state", "version", "flags", "reason", *INSTANTS, "stage", "lines"]


def enter(order: Order, stage: Stage, *, by: By) -> Entry:
    """The new order is on `stage`, its goods are promised, the stage's messages are queued.

    Refuses a hidden stage, and with OutOfStock a stage that needs goods that are not there.
    """
    _lock_conversation(order)
    hold_stage(stage)
    check_open(stage)
    session = db.session()
    order.state = SystemState.NEW
    order.flags = order.flags or []
    order.stand_on(stage, utcnow())
    session.add(order)
    session.flush()  # the ledger points at the order's lines
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
    if stage.id == order.stage_id:
        return last_entry(order)
    check_version(order, version)
    hold_stage(stage)
    Rules.of(order.stage.pipeline, by).check(order, stage)
    entry = place(order, stage, "moved", by, because=because, reason=reason)
    runs.start(order, entry)
    tell(order, entry)
    crashpoints.reached("move.made")
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

    No table of states is asked and no message is sent; stock follows, and may refuse. Nothing
    was decided about the order: its flags stay, and its call while its state does.
    """
    hold_stage(stage)
    flags, due, state = order.flags, order.call_due_at, order.state
    entry = place(order, stage, kind, by, because=because)
    order.flags = flags
    if order.state is state:
        order.call_due_at = due
    return entry


def hold(order: Order) -> None:
    """Nobody else moves this order until the transaction ends; what we know of it is fresh."""
    hold_all([order])


def hold_all(orders: Sequence[Order]) -> None:
    """The same for many at once, always in the same order: two who hold never wait in a ring.

    The conversations are locked first: an incoming message holds its own when a tap moves an order.
    """
    session = db.session()
    talks = {order.conversation_id for order in orders if order.conversation_id}
    _lock(Conversation, talks)
    # key_share: a row that only points at the order, like its message, need not wait.
    _lock(Order, {order.id for order in orders})
    for order in orders:
        session.refresh(order, _FRESH)


def hold_stage(stage: Stage) -> None:
    """Whoever deletes the stage or changes what it means waits for us, as we waited for them."""
    known = ["active", "deleted_at", "state", "position"]
    shared = {"read": True, "key_share": True}
    db.session().refresh(stage, known, with_for_update=shared)


def last_entry(order: Order) -> Entry:
    """How the order came to the stage it is on."""
    moves = (
        select(Entry)
        .where(Entry.order_id == order.id, Entry.to_stage_id.is_not(None))
        .order_by(Entry.seq.desc())
        .limit(1)
    )
    return db.session().scalars(moves).one()


def check_version(order: Order, version: int | None) -> None:
    """The order is still the one that the person saw, or Refused."""
    if version is not None and version != order.version:
        raise Refused(
            "moved_meanwhile",
            N_("Order {number} was moved meanwhile: it is on “{stage}” now."),
            number=order.number,
            stage=order.stage.name,
        )


def place(
    order: Order,
    stage: Stage,
    kind: str,
    by: By,
    *,
    because: Mapping[str, Any] | None = None,
    reason: str = "",
    back: Entry | None = None,
) -> Entry:
    """The order stands on `stage`, as it stood there before `back` when that is undone."""
    left, before = order.stage, {"from_state": order.state, "from_status": order.status}
    # What people do by hand, or the bot understood, can be undone: what it wipes out is kept.
    undoable = by.actor is Actor.USER or "spoken" in (because or {})
    memory = {"before": remember(order)} if kind == "moved" and undoable else {}
    if back is not None:
        order.state = SystemState(back.facts["from_state"])  # for a stage that gives it none
    kept = order.reason if stage.state in (None, order.state) else ""
    order.stand_on(stage, utcnow())
    order.reason = (reason or kept or None) if order.state in REASONED else None
    if back is not None:
        recall(order, back)
    order.version += 1
    facts = {"from": left.name, "to": stage.name} | before
    facts |= {"to_state": order.state, "to_status": order.status}
    if order.reason:
        facts["reason"] = order.reason
    entry = _entry(order, kind, by, facts | memory | dict(because or {}))
    entry.from_stage_id, entry.to_stage_id = left.id, stage.id
    return _follow(order, entry)


def tell(order: Order, entry: Entry) -> None:
    """A line between the bubbles of the conversation the order came from."""
    if order.conversation is None:
        return
    facts = {"number": order.number, "by": entry.actor}
    facts |= {key: entry.facts[key] for key in ("from", "to")}
    if "spoken" in entry.facts:  # understood, not tapped: people see why, and may take it back
        told = ("spoken", "confidence")
        facts |= {key: entry.facts[key] for key in told if key in entry.facts}
        facts["version"] = order.version
    conversations.note_activity(order.conversation, "order_moved", facts, actor=entry.member)


def _lock_conversation(order: Order) -> None:
    if order.conversation is not None:
        _lock(Conversation, {order.conversation.id})


def _lock(table: type[Conversation] | type[Order], ids: set[Any]) -> None:
    if ids:
        wanted = select(table.id).where(table.id.in_(ids)).order_by(table.id)
        db.session().execute(wanted.with_for_update(key_share=True))


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

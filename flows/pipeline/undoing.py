"""Undo: the last move by hand never happened, as far as that can still be true."""

from __future__ import annotations

from dataclasses import dataclass

from flows import permissions, runs
from flows.errors import N_, Refused
from flows.pipeline.memory import recall_stock
from flows.pipeline.moves import check_version, hold, hold_stage, last_entry, place, tell
from flows.pipeline.rules import check_open
from models import db
from models.message import Message
from models.order import Order
from models.pipeline import Stage
from models.timeline import Actor, By, Entry


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of an undo."""

    entry: Entry
    cancelled: list[Message]
    """Messages of the undone move that had not left, and now never will."""
    gone: list[Message]
    """Those the customer has already: nobody can take them back."""


def undo(order: Order, *, by: By, version: int | None = None) -> Undone:
    """The order is where and what it was before the last move, with a line on its timeline.

    Stock follows back, no automation starts, what the move would have sent is cancelled where it
    has not left, and what it had stopped goes on. Refuses (409) what `undoable` does not offer,
    an order that moved since `version`, and with OutOfStock when the goods went to somebody else
    meanwhile.
    """
    hold(order)
    check_version(order, version)
    entry = last_entry(order)
    stage = _way_back(entry, by, held=True)
    cancelled, gone = runs.cancel_of(entry)
    told = {"undoes": str(entry.id), "cancelled": len(cancelled), "gone": len(gone)}
    undone = place(order, stage, "undone", by, because=told, back=entry)
    recall_stock(order, entry)
    runs.take_up(entry)
    tell(order, undone)
    return Undone(undone, list(cancelled), list(gone))


def undoable(order: Order, by: By) -> Entry | None:
    """The move this person may undo now: the last one, made by hand, theirs or they correct."""
    entry = last_entry(order)
    try:
        _way_back(entry, by)
    except Refused:
        return None
    return entry


def _way_back(entry: Entry, by: By, *, held: bool = False) -> Stage:
    """The stage the order goes back to, or Refused."""
    if entry.kind == "undone":
        raise Refused("already_undone", N_("This move has been undone already."))
    if entry.kind != "moved" or not (entry.actor is Actor.USER or _understood(entry)):
        raise Refused(
            "nothing_to_undo",
            N_("Nothing to undo: only a move made by hand can be, while it is the last one."),
        )
    if not _may(entry, by):
        raise Refused("undo_not_yours", N_("Only who made this move, or a manager, can undo it."))
    stage = db.session().get_one(Stage, (entry.merchant_id, entry.from_stage_id))
    if held:
        hold_stage(stage)
    check_open(stage)
    return stage


def _may(entry: Entry, by: By) -> bool:
    if by.actor is not Actor.USER or by.member is None:
        return False
    if _understood(entry):
        return permissions.may(by.member, "orders.move")
    return by.member.id == entry.actor_id or permissions.may(by.member, "orders.correct")


def _understood(entry: Entry) -> bool:
    """Whether the bot moved it by what the customer wrote: who moves orders may correct that."""
    return "spoken" in entry.facts

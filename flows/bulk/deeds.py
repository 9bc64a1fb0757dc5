"""What a bulk does to one of its items, by kind. Refused: not this one, the next please."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flows import permissions, pipeline
from flows.errors import N_, Refused
from models import db
from models.order import Order
from models.pipeline import Stage
from models.timeline import By
from models.user import Membership

Result = str | tuple[str, dict[str, Any]]
"""moved, unchanged or done; with it, what else is worth telling."""
Deed = Callable[[Any, Mapping[str, Any], Membership], Result]


def deed(kind: str) -> Deed:
    """The function of a kind; KeyError for one that does not exist."""
    return WORK[kind]()


def move(order: Order, facts: Mapping[str, Any], by: Membership) -> Result:
    """As if by hand, but whatever the person saw: another's move meanwhile does not matter."""
    _check_may(by, order)
    session = db.session()
    stage = session.get_one(Stage, (session.merchant_id, UUID(facts["stage_id"])))
    because, reason = {"bulk": facts["bulk"]}, facts.get("reason", "")
    entry = pipeline.move(order, stage, by=By.user(by), because=because, reason=reason)
    # Where it was already, the last entry tells of another move.
    return "moved" if entry.facts.get("bulk") == facts["bulk"] else "unchanged"


def undo(order: Order, facts: Mapping[str, Any], by: Membership) -> Result:
    """Taken back, if the bulk's move is still the last thing that happened to the order."""
    _check_may(by, order)
    pipeline.hold(order)
    if pipeline.last_entry(order).facts.get("bulk") != facts["bulk_id"]:
        raise Refused(
            "moved_meanwhile",
            N_("Order {number} was moved meanwhile: it is on “{stage}” now."),
            number=order.number,
            stage=order.stage.name,
        )
    undone = pipeline.undo(order, by=By.user(by))
    return "moved", {"cancelled": len(undone.cancelled), "gone": len(undone.gone)}


def _check_may(by: Membership, order: Order) -> None:
    """Rights that were taken away meanwhile are gone at once, also for what was begun before."""
    sees = order.assignee_id == by.id or permissions.sees_all(by)
    if not sees or not permissions.may(by, "orders.move"):
        raise Refused("not_allowed", N_("Who began this may no longer move orders."))


def _move_next_door() -> Deed:
    from flows import stages  # they start bulks themselves

    return stages.move_next_door


def _reclassify() -> Deed:
    from flows import stages

    return stages.reclassify


def _deal(kind: str) -> Callable[[], Deed]:
    def deal() -> Deed:
        from flows import troubles

        return troubles.deed(kind)

    return deal


WORK: dict[str, Callable[[], Deed]] = {
    "move": lambda: move,
    "undo": lambda: undo,
    "delete_stage": _move_next_door,
    "change_state": _reclassify,
    "messages.again": _deal("messages.again"),
    "messages.sent": _deal("messages.sent"),
    "messages.discard": _deal("messages.discard"),
    "messages.reopen": _deal("messages.reopen"),
    "runs.again": _deal("runs.again"),
    "runs.discard": _deal("runs.discard"),
    "runs.reopen": _deal("runs.reopen"),
}
"""What stands before a dot says what it is done to; without one, to orders."""

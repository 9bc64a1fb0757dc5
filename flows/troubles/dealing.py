"""A deed to one trouble at once, or to hundreds by a worker; each has its line in the audit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import select

from flows import audit, bulk, permissions
from flows.errors import N_, Refused
from flows.troubles.looking import Narrow, pick_messages
from flows.troubles.settling import NEED_REASON, OF_MESSAGES, OF_RUNS, reason_of
from flows.troubles.unwritten import RunNarrow, pick_runs
from models import db
from models.automation import Run
from models.bulk import Bulk
from models.message import Message
from models.order import Order
from models.user import Membership

NEEDS = ("inbox.reply", "orders.move")


def deal(trouble: Message | Run, what: str, *, by: Membership, note: str = "") -> None:
    """again, sent (messages only), discard or reopen; the audit says who and why.

    KeyError for another word. Refused without a reason for a discard, and as the deed says.
    """
    note = reason_of(note, needed=what in NEED_REASON)
    if isinstance(trouble, Message):
        OF_MESSAGES[what](trouble, by, note)
        on, about = trouble.conversation.identity.name, "message"
    else:
        OF_RUNS[what](trouble, by, note)
        on, about = f"#{trouble.order.number}", "run"
    audit.note(f"troubles.{about}_{what}", on=on, on_id=trouble.id, after=_why(note))


def begin(
    what: str,
    which: Narrow | RunNarrow | Collection[UUID],
    *,
    by: Membership,
    note: str = "",
    client_id: UUID | None = None,
    of: str = "messages",
) -> Bulk:
    """A worker does it to each of these, in a transaction of its own, with its own result."""
    note = reason_of(note, needed=what in NEED_REASON)
    wanted = pick_runs(which) if of == "runs" else pick_messages(which)  # type: ignore[arg-type]
    begun = bulk.start(f"{of}.{what}", {"reason": note}, wanted, by=by, client_id=client_id)
    told = {"count": begun.total} | _why(note)
    audit.note(f"troubles.{of}_{what}", on_id=begun.id, after=told)
    return begun


def _why(note: str) -> dict[str, str]:
    return {"reason": note} if note else {}


# --- the worker's part ----------------------------------------------------------------------------


class Deed(Protocol):
    def __call__(self, trouble: Any, facts: Mapping[str, Any], by: Membership) -> str: ...


def deed(kind: str) -> Deed:
    """What a bulk of this kind ("messages.discard", "runs.again", …) does to one of its items."""
    of, _, what = kind.partition(".")
    deeds: dict[str, Any] = {"messages": OF_MESSAGES, "runs": OF_RUNS}
    do = deeds[of][what]

    def one(trouble: Message | Run, facts: Mapping[str, Any], by: Membership) -> str:
        _check_may(by, trouble)
        do(trouble, by, facts.get("reason", ""))
        return "done"

    return one


def _check_may(by: Membership, trouble: Message | Run) -> None:
    """Rights that were taken away meanwhile are gone at once, also for what was begun before."""
    may = all(permissions.may(by, one) for one in NEEDS)
    if not may or not (permissions.sees_all(by) or _is_theirs(by, trouble)):
        raise Refused("not_allowed", N_("Who began this may no longer do it."))


def _is_theirs(by: Membership, trouble: Message | Run) -> bool:
    """Of an order they look after, or of its conversation."""
    if isinstance(trouble, Run):
        return trouble.order.assignee_id == by.id
    theirs = select(Order.id).where(
        Order.conversation_id == trouble.conversation_id, Order.assignee_id == by.id
    )
    return db.session().scalar(theirs.limit(1)) is not None

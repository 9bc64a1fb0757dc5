"""What people see of a bulk: how far it is, what was refused and why."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from flows.errors import NotFound, Refused
from models import db
from models.automation import Run
from models.bulk import Bulk, BulkItem
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import Message

FEW = 50
MANY = 2000
DONE = ("moved", "unchanged", "done")
"""Outcomes that are no refusal."""
UNDONE_BY = {
    "move": "undo",
    "messages.sent": "messages.reopen",
    "messages.discard": "messages.reopen",
    "runs.discard": "runs.reopen",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order or message to which nothing was done, and why."""

    number: int | None
    """Of the order it is or is about."""
    talk: Conversation | None
    """Of the message."""
    why: Refused


def about(kind: str) -> str:
    """What a bulk of this kind is done to: orders, messages or runs."""
    before, dot, _ = kind.partition(".")
    return before if dot else "orders"


def find(bulk_id: UUID) -> Bulk:
    """The merchant's bulk as it is now, or NotFound."""
    wanted = select(Bulk).where(Bulk.id == bulk_id).execution_options(populate_existing=True)
    bulk = db.session().scalars(wanted).first()
    if bulk is None:
        raise NotFound
    return bulk


def refused(bulk: Bulk, limit: int = FEW) -> list[Refusal]:
    """The first refused ones, in the order they were worked."""
    if not bulk.refused:
        return []
    wanted = (
        select(BulkItem)
        .options(
            joinedload(BulkItem.order),
            joinedload(BulkItem.run).joinedload(Run.order),
            joinedload(BulkItem.message)
            .joinedload(Message.conversation)
            .joinedload(Conversation.identity)
            .joinedload(WhatsAppIdentity.customer),
        )
        .where(BulkItem.bulk_id == bulk.id, BulkItem.outcome.not_in(DONE))
        .order_by(BulkItem.id)
        .limit(limit)
    )
    return [_refusal(item) for item in db.session().scalars(wanted)]


def _refusal(item: BulkItem) -> Refusal:
    order = item.order or (item.run.order if item.run else None)
    talk = item.message.conversation if item.message else None
    why = Refused(item.outcome or "", item.facts["message"], **item.facts["facts"])
    return Refusal(order.number if order else None, talk, why)


def undoable(bulk: Bulk) -> bool:
    """Whether what it did can be taken back, once it is over."""
    return bulk.kind in UNDONE_BY and bulk.finished_at is not None and bulk.done > bulk.refused

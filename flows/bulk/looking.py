"""What people see of a bulk: how far it is, which orders were refused and why."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from flows.errors import NotFound, Refused
from models import db
from models.bulk import Bulk, BulkItem
from models.order import Order

FEW = 50
MANY = 2000


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order that was not moved, and why."""

    number: int
    why: Refused


def find(bulk_id: UUID) -> Bulk:
    """The merchant's bulk as it is now, or NotFound."""
    wanted = select(Bulk).where(Bulk.id == bulk_id).execution_options(populate_existing=True)
    bulk = db.session().scalars(wanted).first()
    if bulk is None:
        raise NotFound
    return bulk


def refused(bulk: Bulk, limit: int = FEW) -> list[Refusal]:
    """The first refused orders, in the order they were worked."""
    if not bulk.refused:
        return []
    wanted = (
        select(Order.number, BulkItem.outcome, BulkItem.facts)
        .join(Order, (Order.merchant_id == BulkItem.merchant_id) & (Order.id == BulkItem.order_id))
        .where(BulkItem.bulk_id == bulk.id, BulkItem.outcome.not_in(("moved", "unchanged")))
        .order_by(BulkItem.id)
        .limit(limit)
    )
    return [
        Refusal(number, Refused(outcome or "", facts["message"], **facts["facts"]))
        for number, outcome, facts in db.session().execute(wanted)
    ]


def undoable(bulk: Bulk) -> bool:
    """Whether what it moved can be taken back: moves by people, once they are over."""
    return bulk.kind == "move" and bulk.finished_at is not None and bulk.done > bulk.refused

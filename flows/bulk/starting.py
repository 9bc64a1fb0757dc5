"""A bulk begins: what is to be done, to which rows, once however often it was clicked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from flows import live, outbox
from flows.bulk.looking import DONE, UNDONE_BY, about, find, undoable
from flows.errors import N_, Refused
from flows.pipeline.rules import check_open
from models import db
from models.automation import Run
from models.bulk import Bulk, BulkItem, BulkState
from models.message import Message
from models.order import Order
from models.pipeline import Stage
from models.types import new_id, utcnow
from models.user import Membership

Which = Select[Any] | Collection[UUID]
"""Orders, messages or runs: a select of ids, or the ids; those of other merchants are none."""

MOST = 100_000
HOUSES = ("delete_stage", "change_state")
"""Kinds that would leave the house untidy if they were stopped half-way."""


def start_move(
    which: Which,
    stage: Stage,
    *,
    by: Membership,
    client_id: UUID | None = None,
    reason: str = "",
) -> Bulk:
    """A worker moves these orders to `stage`, each as if by hand; refused for a hidden stage."""
    check_open(stage)
    facts = {"stage_id": str(stage.id), "stage": stage.name, "reason": reason}
    return start("move", facts, which, by=by, client_id=client_id)


def start_undo(bulk: Bulk, *, by: Membership) -> Bulk:
    """A worker takes back what the bulk did, where nothing has happened since."""
    if not undoable(bulk):
        raise Refused("nothing_to_undo", N_("This cannot be undone."))
    facts = {"bulk_id": str(bulk.id)} | {"stage": bulk.facts.get("stage", "")}
    done = BulkItem.outcome.in_(("moved", "done"))
    return start(UNDONE_BY[bulk.kind], facts, _items(bulk, done), by=by)


def again(bulk: Bulk, *, by: Membership) -> Bulk:
    """What was refused, once more."""
    return start(bulk.kind, bulk.facts, _items(bulk, _REFUSED), by=by)


def start(
    kind: str,
    facts: dict[str, Any],
    which: Which,
    *,
    by: Membership,
    client_id: UUID | None = None,
) -> Bulk:
    """A worker does `kind` (see deeds.WORK) to each of these, soon and one by one.

    The same client_id is the same bulk. Refused when there is none among them.
    """
    id_ = _write(kind, facts, by, client_id)
    if id_ is None:
        return _already(client_id)
    total = _fill(id_, which, about(kind))
    if not total:
        raise Refused("nothing_selected", NOTHING[about(kind)])
    bulk = find(id_)
    bulk.total = total
    db.session().flush()
    outbox.wake("bulk")
    return bulk


def stop(bulk: Bulk) -> None:
    """No further order is touched; what was done stays done. Refused for what tidies up."""
    open_one = update(Bulk).where(Bulk.id == bulk.id, Bulk.finished_at.is_(None))
    stopped = open_one.values(state=BulkState.STOPPED, finished_at=utcnow(), lease_until=None)
    if not stoppable(bulk) or db.session().scalar(stopped.returning(Bulk.id)) is None:
        raise Refused("cannot_stop", N_("This cannot be stopped now."))
    live.changed(f"bulk:{bulk.id}")


def stoppable(bulk: Bulk) -> bool:
    return bulk.kind not in HOUSES and bulk.finished_at is None


def repeatable(bulk: Bulk) -> bool:
    """Whether what was refused may be tried once more."""
    return bulk.kind not in HOUSES and bulk.finished_at is not None and bulk.refused > 0


# `refused` counts them; these are the items themselves.
_REFUSED = BulkItem.outcome.not_in(DONE)


def _items(bulk: Bulk, which: Any) -> Select[Any]:
    return select(_COLUMNS[about(bulk.kind)]).where(BulkItem.bulk_id == bulk.id, which)


NOTHING = {
    "orders": N_("Select at least one order."),
    "messages": N_("Select at least one message."),
    "runs": N_("Select at least one message."),
}
_TABLES: dict[str, type[Order | Message | Run]] = {
    "orders": Order,
    "messages": Message,
    "runs": Run,
}
_COLUMNS = {
    "orders": BulkItem.order_id,
    "messages": BulkItem.message_id,
    "runs": BulkItem.run_id,
}
# Items are worked in this order.
_PLACES = {"orders": Order.number, "messages": Message.seq, "runs": Run.created_at}


def _write(kind: str, facts: dict[str, Any], by: Membership, client_id: UUID | None) -> UUID | None:
    """The new row's id; None when this client_id has one already, maybe since a moment."""
    fresh = insert(Bulk).values(
        merchant_id=db.session().merchant_id,
        id=new_id(),
        kind=kind,
        facts=facts,
        by_id=by.id,
        client_id=client_id,
        state=BulkState.QUEUED,
    )
    once = fresh.on_conflict_do_nothing(index_elements=["merchant_id", "client_id"])
    return db.session().scalar(once.returning(Bulk.id))


def _already(client_id: UUID | None) -> Bulk:
    return db.session().scalars(select(Bulk).where(Bulk.client_id == client_id)).one()


def _fill(bulk_id: UUID, which: Which, of: str) -> int:
    """Each is an item, in the order of their numbers; how many."""
    table, place = _TABLES[of], func.row_number().over(order_by=_PLACES[of]).label("place")
    wanted = which if isinstance(which, Select) else _of(table, which)
    ids = wanted.order_by(None).limit(MOST).subquery()
    (column,) = ids.columns
    numbered = select(table.id, place).where(table.id.in_(select(column))).subquery()
    rows = select(
        literal(db.session().merchant_id, Uuid),
        _in_order(numbered.c.place),
        literal(bulk_id, Uuid),
        numbered.c.id,
        literal({}, BulkItem.facts.type),
    )
    columns = ["merchant_id", "id", "bulk_id", _COLUMNS[of].key, "facts"]
    session = db.session()
    session.execute(insert(BulkItem).from_select(columns, rows, include_defaults=False))
    mine = select(func.count()).select_from(BulkItem).where(BulkItem.bulk_id == bulk_id)
    return session.scalar(mine) or 0


def _of(table: type[Order | Message | Run], ids: Collection[UUID]) -> Select[Any]:
    several = bindparam(None, list(ids), type_=ARRAY(Uuid))
    return select(table.id).where(table.id == any_(several))


def _in_order(place: Any) -> Any:
    """An id nobody else has, that sorts by `place`: items are worked in the order of their ids."""
    rest = func.substr(func.replace(cast(func.gen_random_uuid(), Text), "-", ""), 9)
    return cast(func.concat(func.lpad(func.to_hex(place), 8, "0"), rest), Uuid)

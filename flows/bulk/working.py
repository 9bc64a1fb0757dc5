"""The worker's part: claim a bulk, do its orders one by one, be killed at any moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rq.timeouts import BaseTimeoutException
from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.exc import OperationalError

from flows import crashpoints, live, notifications, outbox, workers
from flows.bulk.deeds import Result, deed
from flows.bulk.looking import about
from flows.errors import N_, Refused
from flows.leases import LEASE
from models import db
from models.bulk import Bulk, BulkItem, BulkState
from models.types import utcnow
from models.user import Membership

log = logging.getLogger(__name__)

CHUNK = 25
"""Items between two looks at the lease, and at what else waits."""
PATIENCE = 5.0
"""Seconds of one merchant's bulk before the worker does somebody else's chores."""
BROKEN = Refused("internal", N_("Something broke on our side. Nothing was changed."))


def drain(merchant_id: UUID) -> None:
    """Bulks of the merchant have gone on; when more remains the worker is woken again.

    An order is one transaction: its result is true exactly when its move is. Several orders in
    one would hold the goods of the first while they wait for the conversation of the next, and
    whoever answers a customer at that moment would wait in a ring.
    """
    until = time.monotonic() + PATIENCE
    while (bulk_id := _claim(merchant_id)) is not None:
        crashpoints.reached("bulk.claimed")
        while items := _chunk(merchant_id, bulk_id):
            for item_id in items:
                _work(merchant_id, item_id)
            if workers.stopping() or time.monotonic() >= until:
                break
        crashpoints.reached("bulk.done")
        _leave(merchant_id, bulk_id)
        if workers.stopping() or time.monotonic() >= until:
            outbox.nudge(f"bulk:{merchant_id}")
            return


def _claim(merchant_id: UUID) -> UUID | None:
    """The oldest bulk nobody works at, ours for a while."""
    now = utcnow()
    with db.merchant(merchant_id) as session:
        waiting = (
            select(Bulk)
            .where(
                Bulk.state.in_((BulkState.QUEUED, BulkState.WORKING)),
                or_(Bulk.lease_until.is_(None), Bulk.lease_until < now),
            )
            .order_by(Bulk.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        bulk = session.scalars(waiting).first()
        if bulk is None:
            return None
        bulk.state, bulk.lease_until = BulkState.WORKING, now + LEASE
        return bulk.id


def _chunk(merchant_id: UUID, bulk_id: UUID) -> list[UUID]:
    """The next items, and the lease anew; none when all are done or somebody stopped us."""
    with db.merchant(merchant_id) as session:
        ours = update(Bulk).where(Bulk.id == bulk_id, Bulk.state == BulkState.WORKING)
        kept = session.scalars(ours.values(lease_until=utcnow() + LEASE).returning(Bulk.id)).first()
        if kept is None:
            return []
        waiting = select(BulkItem.id).where(BulkItem.bulk_id == bulk_id, BulkItem.outcome.is_(None))
        return list(session.scalars(waiting.order_by(BulkItem.id).limit(CHUNK)))


def _work(merchant_id: UUID, item_id: UUID) -> None:
    """One item has its result, unless it has one, another worker is at it, or we were stopped."""
    try:
        with db.merchant(merchant_id) as session:
            item = session.scalars(_still_waiting(item_id)).first()
            if item is not None:
                _do(item)
                crashpoints.reached("bulk.made")
    except OperationalError as error:
        # Two waited for one another, or too long: this one's turn comes again.
        log.warning("an item of a bulk must wait: %s", error)
        if error.connection_invalidated:
            raise
    except BaseTimeoutException:
        raise  # the job's time is over: the item is not to blame
    except Exception as error:
        log.exception("an item of a bulk broke")
        _conclude_broken(merchant_id, item_id, error)


def _still_waiting(item_id: UUID) -> Any:
    return (
        select(BulkItem)
        .join(Bulk, and_(Bulk.merchant_id == BulkItem.merchant_id, Bulk.id == BulkItem.bulk_id))
        .where(
            BulkItem.id == item_id,
            BulkItem.outcome.is_(None),
            Bulk.state == BulkState.WORKING,
        )
        .with_for_update(of=BulkItem, skip_locked=True)
    )


def _do(item: BulkItem) -> None:
    try:
        with db.savepoint():
            result = _deed_of(item)
    except Refused as refusal:
        return _conclude(item, refusal.code, _told(refusal), refused=1)
    outcome, told = result if isinstance(result, tuple) else (result, {})
    return _conclude(item, outcome, told, refused=0)


def _deed_of(item: BulkItem) -> Result:
    bulk = item.bulk
    row = item.order or item.message or item.run
    result = deed(bulk.kind)(row, bulk.facts | {"bulk": str(bulk.id)}, _person(bulk))
    db.session().flush()
    return result


def _person(bulk: Bulk) -> Membership:
    if bulk.by is None:
        raise Refused("nobody", N_("Who began this is no longer in the team."))
    return bulk.by


def _told(refusal: Refused) -> dict[str, Any]:
    return {"message": refusal.message, "facts": _plain(refusal.facts)}


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as a row can keep them: what sentences are filled with."""
    return {
        name: value if isinstance(value, (int, float, str, list)) else str(value)
        for name, value in facts.items()
    }


def _conclude(item: BulkItem, outcome: str, told: dict[str, Any], *, refused: int) -> None:
    item.outcome, item.facts, item.at = outcome, told, utcnow()
    one_more = {"done": Bulk.done + 1, "refused": Bulk.refused + refused}
    session = db.session()
    session.flush()
    session.execute(
        update(Bulk)
        .where(Bulk.id == item.bulk_id)
        .values(one_more)
        .execution_options(synchronize_session=False)
    )
    live.changed(f"bulk:{item.bulk_id}")


def _conclude_broken(merchant_id: UUID, item_id: UUID, error: Exception) -> None:
    if db.is_gone(error):
        raise error
    with db.merchant(merchant_id) as session:
        item = session.scalars(_still_waiting(item_id)).first()
        if item is not None:
            _conclude(item, BROKEN.code, _told(BROKEN), refused=1)


def _leave(merchant_id: UUID, bulk_id: UUID) -> None:
    """The bulk is done when none of its orders waits; else it is free for the next worker."""
    waiting = exists().where(BulkItem.bulk_id == bulk_id, BulkItem.outcome.is_(None))
    with db.merchant(merchant_id) as session:
        mine = update(Bulk).where(Bulk.id == bulk_id, Bulk.state == BulkState.WORKING)
        done = mine.where(~waiting).values(
            state=BulkState.DONE, finished_at=utcnow(), lease_until=None
        )
        if session.scalars(done.returning(Bulk.id)).first() is None:
            session.execute(mine.values(lease_until=None))
        else:
            _ring(session.get_one(Bulk, (merchant_id, bulk_id), populate_existing=True))
        live.changed(f"bulk:{bulk_id}")


def _ring(bulk: Bulk) -> None:
    """Who began it may have closed its window long ago; while it is open, it silences the bell."""
    if bulk.by is None:
        return
    facts = {"bulk": str(bulk.id), "moved": bulk.done - bulk.refused, "refused": bulk.refused}
    if about(bulk.kind) != "orders":
        facts["what"] = "messages"
    notifications.tell("bulk_done", facts=facts, only=bulk.by)

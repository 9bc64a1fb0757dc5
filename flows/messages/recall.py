"""What an automation could not say for too long is not said when it no longer fits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from flows import live
from models import db
from models.automation import Run
from models.message import Message, Sending
from models.order import Order
from models.timeline import Entry
from models.types import utcnow

STALE = timedelta(minutes=10)
"""After a token expired or a network was down: until then a message leaves as it was meant."""


def drop_stale(messages: Sequence[Message]) -> list[Message]:
    """Those of the held messages that still make sense; the others are discarded, their runs
    Cancelled: the order has left the stage that asked for them."""
    late = [m for m in messages if m.run_id is not None and utcnow() - m.created_at > STALE]
    outlived = _outlived([m.id for m in late]) if late else set()
    for message in late:
        if message.id in outlived:
            message.sending, message.due_at, message.reason = Sending.DISCARDED, None, "left_stage"
            live.changed(f"conversation:{message.conversation_id}")
    return [message for message in messages if message.id not in outlived]


def _outlived(ids: Sequence[UUID]) -> set[UUID]:
    left = (
        select(Message.id, Run.id)
        .join(Run, Run.id == Message.run_id)
        .join(Entry, Entry.id == Run.entry_id)
        .join(Order, Order.id == Run.order_id)
        .where(Message.id.in_(ids), Order.stage_id != Entry.to_stage_id)
    )
    rows = db.session().execute(left).all()
    cancelled = update(Run).where(Run.id.in_([row[1] for row in rows]), Run.sent_count == 1)
    if rows:
        db.session().execute(
            cancelled.values(cancelled_at=utcnow(), cancel_reason="left_stage"),
            execution_options={"synchronize_session": False},
        )
        live.changed("runs")
    return {row[0] for row in rows}

"""The first word of a customer: their time stops, and nobody asks them again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import CompoundSelect, Select, func, select, update

from flows import counters, live
from flows.runs.undoing import CALLABLE_BACK, call_back
from models import db
from models.automation import Run
from models.message import Message, Sending


def settle(which: Select[UUID] | CompoundSelect[UUID], message: Message, said: str) -> bool:
    """Those of the runs that nobody had answered yet are answered by `message`; False without any.

    Their timers are off, and a re-send that has not left never will.
    """
    counted = (
        update(Run)
        .where(
            Run.id.in_(which),
            # Asked again of the row itself: of an answer and a time that is up the first wins.
            Run.replied_at.is_(None),
            Run.expired_at.is_(None),
        )
        .values(replied_at=message.at, reply=said, timeout_at=None, due_at=None)
        .returning(Run.id)
    )
    answered = db.session().scalars(counted, execution_options=_BY_SQL).all()
    if answered:
        _stop_asking(answered)
        counters.count_when_true("stage_automations_total", "replied")
        live.changed("runs")
    return bool(answered)


_BY_SQL = {"synchronize_session": False}


def _stop_asking(run_ids: Sequence[UUID]) -> None:
    # Others lock messages before runs, so nobody is waited for here: one that is locked is leaving.
    waiting = (
        select(Message)
        .where(Message.run_id.in_(run_ids), Message.sending.in_(CALLABLE_BACK))
        .with_for_update(key_share=True, of=Message, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    back = db.session().scalars(waiting).all()
    for message in back:
        call_back(message, "answered")
    if back:
        _point_back({message.run_id for message in back if message.run_id})


def _point_back(run_ids: set[UUID]) -> None:
    """The runs show the last message that went, not the one that was called back."""
    db.session().flush()  # the statement reads which have been called back
    gone = select(Message.id).where(
        Message.merchant_id == Run.merchant_id,
        Message.run_id == Run.id,
        Message.sending.not_in((Sending.DISCARDED, Sending.FAILED)),
    )
    last = gone.order_by(Message.seq.desc()).limit(1).scalar_subquery()
    shown = update(Run).where(Run.id.in_(run_ids))
    db.session().execute(
        shown.values(message_id=func.coalesce(last, Run.message_id)), execution_options=_BY_SQL
    )

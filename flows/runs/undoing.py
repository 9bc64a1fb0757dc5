"""A move is taken back: what its automations have not sent yet is not sent any more."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from flows import live
from models import db
from models.automation import Run
from models.message import Message, Sending
from models.timeline import Entry
from models.types import utcnow

CALLABLE_BACK = (Sending.QUEUED, Sending.WAITING, Sending.HELD)
"""Certainly not with Meta. A claimed message may be there already, so it counts as gone."""


def cancel_of(entry: Entry) -> tuple[list[Message], list[Message]]:
    """Nothing leaves any more because of this entry; (messages called back, messages gone).

    Its timers are off. A run whose message had not left is Cancelled and has not had its turn:
    the next time the order enters the stage, the automation runs. Hold the order before.
    """
    messages = _messages_of(entry)
    back = [message for message in messages if message.sending in CALLABLE_BACK]
    for message in back:
        call_back(message, "undone")
    gone = [m for m in messages if m.sending not in (Sending.DISCARDED, Sending.FAILED)]
    last = {message.run_id: message for message in gone}
    for run in _runs_of(entry):
        _settle(run, last.get(run.id))
    return back, gone


def call_back(message: Message, reason: str) -> None:
    """The locked message, which has not left, never will."""
    message.sending, message.due_at, message.reason = Sending.DISCARDED, None, reason
    live.changed(f"conversation:{message.conversation_id}")


def _messages_of(entry: Entry) -> Sequence[Message]:
    """Locked and read anew, so that no worker claims what we call back."""
    mine = select(Run.id).where(Run.entry_id == entry.id).scalar_subquery()
    wanted = select(Message).where(Message.run_id.in_(mine)).order_by(Message.id)
    locked = wanted.with_for_update(key_share=True, of=Message)
    return db.session().scalars(locked.execution_options(populate_existing=True)).all()


def _runs_of(entry: Entry) -> Sequence[Run]:
    wanted = select(Run).where(Run.entry_id == entry.id).order_by(Run.id)
    locked = wanted.with_for_update(key_share=True, of=Run)
    return db.session().scalars(locked.execution_options(populate_existing=True)).all()


def _settle(run: Run, gone: Message | None) -> None:
    """`gone` is the last of its messages that the customer may have."""
    run.due_at = run.timeout_at = None
    if gone is not None:
        run.message = gone
    else:
        run.trigger = run.id  # frees the unique key: what was undone has not happened
        if run.failure is None and run.cancelled_at is None:
            run.cancelled_at, run.cancel_reason = utcnow(), "undone"
    live.changed("runs")

"""A move is taken back: what it would have sent is not sent, what it stopped goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select

from flows import hours, live, outbox
from flows.runs.history import failed_of
from flows.silence import CLOCKS_APART
from models import db
from models.automation import Run, RunState
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
    runs = _runs_of(entry)
    for run in runs:
        _settle(run, last.get(run.id))
    _forgive(runs)
    return back, gone


def _forgive(runs: Sequence[Run]) -> None:
    """Nobody has to look at a failure that was undone."""
    db.session().flush()  # the others are looked for by SQL
    for order in {run.order for run in runs if run.state is RunState.FAILED}:
        if not failed_of(order):
            order.lower_flag("action_failed")


def take_up(undone: Entry) -> None:
    """What stopped because `undone` had taken the order from its stage goes on there.

    A message that was given up meanwhile leaves now, or by day; a silence that nobody counted
    counts, from the message's own times. Hold the order before, and have it back on the stage.
    """
    for run in _runs_before(undone):
        if _was_given_up(run, undone.at):
            _revive(run)
        elif (went_off := _unheard(run)) and undone.at <= went_off and not _was_stopped(run):
            run.timeout_at = went_off
    live.changed("runs")
    outbox.wake("timers")


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
    return _locked(Run.entry_id == entry.id)


def _locked(which: ColumnElement[bool]) -> Sequence[Run]:
    wanted = select(Run).where(which).order_by(Run.id)
    locked = wanted.with_for_update(key_share=True, of=Run)
    return db.session().scalars(locked.execution_options(populate_existing=True)).all()


def _runs_before(entry: Entry) -> Sequence[Run]:
    """Those about the stage that the order left by this entry, locked."""
    came = select(Entry.id).where(
        Entry.order_id == entry.order_id, Entry.to_stage_id == entry.from_stage_id
    )
    return _locked(Run.entry_id.in_(came))


def _was_given_up(run: Run, since: datetime) -> bool:
    at = run.cancelled_at
    return at is not None and at >= since and run.cancel_reason == "left_stage"


def _revive(run: Run) -> None:
    run.cancelled_at = run.cancel_reason = None
    run.due_at = hours.due_after(run.automation, utcnow(), 0)
    if run.trigger == run.id:
        run.trigger = _turn(run)


def _turn(run: Run) -> UUID:
    """The unique key it gave up with its turn, which it has after all."""
    same = (Run.order_id == run.order_id) & (Run.automation_id == run.automation_id)
    once = select(Run.id).where(same, Run.trigger == run.order_id)
    taken = run.automation.retrigger or db.session().scalar(once) is not None
    return run.entry_id if taken else run.order_id


def _unheard(run: Run) -> datetime | None:
    """When the silence after its message was too long, if it waits for nothing any more."""
    message, automation = run.message, run.automation
    if message is None or automation.timeout is None or run.due_at or run.timeout_at:
        return None
    if run.state not in (RunState.SENT, RunState.DELIVERED):
        return None
    arrived = min(filter(None, (message.delivered_at, message.read_at)), default=None)
    start = arrived if automation.timeout_from == "delivered" else message.accepted_at
    spoken = message.conversation.last_inbound_at
    if start is None or (spoken is not None and spoken > start + CLOCKS_APART):
        return None
    went_off = hours.later(start, automation.timeout)
    return went_off if went_off <= utcnow() else None


def _was_stopped(run: Run) -> bool:
    """Whether somebody stopped the waiting, or undid the move that the message followed."""
    by_hand = (Entry.kind == "waiting_stopped") & (Entry.facts["run"].astext == str(run.id))
    undone = (Entry.kind == "undone") & (Entry.facts["undoes"].astext == str(run.entry_id))
    stopped = select(Entry.id).where(Entry.order_id == run.order_id, by_hand | undone)
    return db.session().scalar(stopped.limit(1)) is not None


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

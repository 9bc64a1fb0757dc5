"""A person calls a scheduled message back, or stops waiting for an answer."""

from __future__ import annotations

from sqlalchemy import select

from flows import live, pipeline
from flows.errors import N_, Refused
from flows.runs.undoing import CALLABLE_BACK, call_back
from models import db
from models.automation import Run, RunState
from models.message import Message, Sending
from models.timeline import By, Entry
from models.types import utcnow


def cancellable(run: Run) -> bool:
    """Whether something of it is still to happen by itself: a send, a re-send, a time-out."""
    return run.due_at is not None or run.timeout_at is not None or _may_come_back(run.message)


def cancel(run: Run, *, by: By) -> None:
    """Nothing more happens by itself: what has not left never will, silence has no effect.

    A run that had sent nothing is Cancelled; one that had is only left in peace. Refuses (409) when
    nothing was waiting, and when the message is leaving at this moment.
    """
    pipeline.hold(run.order)
    message = hold_message(run)  # before the run, as whoever brings its statuses does
    db.session().refresh(run, with_for_update={"key_share": True, "of": Run})
    if message is not None and message.sending is Sending.CLAIMED:
        raise Refused("leaving", N_("The message is leaving at this moment."))
    if not cancellable(run):
        raise Refused("nothing_waits", N_("Nothing of this waits any more."))
    unsent = run.state is RunState.SCHEDULED and (run.sent_count == 0 or _may_come_back(message))
    if message is not None and _may_come_back(message):
        call_back(message, "by_hand")
    run.due_at = run.timeout_at = None
    if unsent:
        run.cancelled_at, run.cancel_reason = utcnow(), "by_hand"
    _note(run, "run_cancelled" if unsent else "waiting_stopped", by)
    live.changed("runs", f"order:{run.order.number}", f"stage:{run.order.stage_id}")


def hold_message(run: Run) -> Message | None:
    """The run's last message as the database knows it now, locked, so that no worker claims it."""
    wanted = select(Message).join(Run, Run.message_id == Message.id).where(Run.id == run.id)
    locked = wanted.with_for_update(key_share=True, of=Message)
    return db.session().scalars(locked.execution_options(populate_existing=True)).first()


def _may_come_back(message: Message | None) -> bool:
    return message is not None and message.sending in CALLABLE_BACK


def _note(run: Run, kind: str, by: By) -> None:
    facts = {"automation": run.automation.name, "run": str(run.id)}
    actor_id = by.member.id if by.member else None
    db.session().add(
        Entry(order_id=run.order_id, kind=kind, actor=by.actor, actor_id=actor_id, facts=facts)
    )

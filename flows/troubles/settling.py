"""What a person does about one trouble, by the rules of today; each refuses when it is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from flows import counters, live, messages, pipeline, runs, silence
from flows.errors import N_, Refused
from models import db
from models.automation import Run, RunState
from models.message import Attempt, Message, Sending
from models.order import Order
from models.timeline import By
from models.types import clean, utcnow
from models.user import Membership

OVER = N_("Somebody dealt with this already, or WhatsApp has told meanwhile how it ended.")


# --- a message ------------------------------------------------------------------------------------


def send_again(message: Message, by: Membership, note: str = "") -> None:
    """It goes out once more; one that nobody knows the end of may arrive twice.

    Refused as a new one would be (window_closed, blocked, no_consent, template_state, …), and for
    an automation's also when the order has left the stage: a failed one is written anew.
    """
    run = _hold(message)
    if not message.troubled:
        raise Refused("not_troubled", OVER)
    if run is not None and message.sending is Sending.FAILED:
        runs.again(run, by=By.user(by))
        message.settle(by, note)
    else:
        if run is not None:
            runs.check_wanted(run)
        messages.send_again(message)
    _changed(message, run)


def mark_sent(message: Message, by: Membership, note: str = "") -> None:
    """On this person's word it left when it was last tried; silence counts from then on."""
    run = _hold(message)
    if not message.troubled or message.sending is not Sending.UNCERTAIN:
        raise Refused("not_uncertain", OVER)
    with silence.listening([message]):
        message.sending, message.rank = Sending.ACCEPTED, max(message.rank or 0, 0)
        message.accepted_at = message.accepted_at or _tried_at(message)
        message.settle(by, note)
    counters.count_when_true("wa_send_reconciled_total", "person")
    _changed(message, run)


def discard(message: Message, by: Membership, note: str = "") -> None:
    """It is not to be sent any more, and its silence has no effect."""
    run = _hold(message)
    if not message.troubled:
        raise Refused("not_troubled", OVER)
    message.sending, message.due_at = Sending.DISCARDED, None
    message.settle(by, note)
    if run is not None:
        run.timeout_at = None
        _lower(run.order)
    _changed(message, run)


def reopen(message: Message, by: Membership, note: str = "") -> None:
    """What somebody marked as sent or discarded is as before; refused once it has moved on."""
    run = _hold(message)
    said_sent = message.sending is Sending.ACCEPTED and message.wamid is None
    if message.settled_at is None or not (said_sent or message.sending is Sending.DISCARDED):
        raise Refused("moved_on", N_("Something has happened since: this cannot be undone."))
    failed = message.failed_at is not None
    message.sending = Sending.FAILED if failed else Sending.UNCERTAIN
    if said_sent:
        message.rank = message.accepted_at = None
    message.unsettle()
    if run is not None:
        run.timeout_at = None
        if failed:
            run.order.raise_flag("action_failed")
    _changed(message, run)


def _hold(message: Message) -> Run | None:
    """Its order, itself and its run are held, in the order in which all lock them.

    The run, when this is the last of its messages: no other has a say in it.
    """
    session = db.session()
    run = session.scalars(select(Run).where(Run.id == message.run_id)).first()
    if run is not None:
        pipeline.hold(run.order)
    session.refresh(message, with_for_update={"key_share": True, "of": Message})
    if run is None:
        return None
    session.refresh(run, with_for_update={"key_share": True, "of": Run})
    return run if run.message_id == message.id else None


def _tried_at(message: Message) -> datetime:
    last = select(Attempt.claimed_at).where(Attempt.message_id == message.id)
    return db.session().scalar(last.order_by(Attempt.number.desc()).limit(1)) or utcnow()


def _changed(message: Message, run: Run | None) -> None:
    live.changed("troubles", "runs", "inbox", f"conversation:{message.conversation_id}")
    if run is not None:
        live.changed(f"order:{run.order.number}", f"stage:{run.order.stage_id}")


def _lower(order: Order) -> None:
    db.session().flush()  # the others are looked for by SQL
    if not runs.failed_of(order):
        order.lower_flag("action_failed")


# --- a run that wrote nothing ---------------------------------------------------------------------


def run_again(run: Run, by: Membership, note: str = "") -> None:
    """Its message is written anew; refused with what stops it still."""
    runs.again(run, by=By.user(by))


def discard_run(run: Run, by: Membership, note: str = "") -> None:
    """It stays failed, and nobody needs to look at it; the order's flag falls with the last."""
    _hold_run(run)
    if run.state is not RunState.FAILED or run.settled_at is not None:
        raise Refused("not_troubled", OVER)
    run.settle(by, note)
    _lower(run.order)
    _changed_run(run)


def reopen_run(run: Run, by: Membership, note: str = "") -> None:
    _hold_run(run)
    if run.state is not RunState.FAILED or run.settled_at is None:
        raise Refused("moved_on", N_("Something has happened since: this cannot be undone."))
    run.unsettle()
    run.order.raise_flag("action_failed")
    _changed_run(run)


def _hold_run(run: Run) -> None:
    pipeline.hold(run.order)
    db.session().refresh(run, with_for_update={"key_share": True, "of": Run})


def _changed_run(run: Run) -> None:
    live.changed("troubles", "runs", f"order:{run.order.number}", f"stage:{run.order.stage_id}")


MessageDeed = Callable[[Message, Membership, str], None]
RunDeed = Callable[[Run, Membership, str], None]

OF_MESSAGES: dict[str, MessageDeed] = {
    "again": send_again,
    "sent": mark_sent,
    "discard": discard,
    "reopen": reopen,
}
OF_RUNS: dict[str, RunDeed] = {"again": run_again, "discard": discard_run, "reopen": reopen_run}
NEED_REASON = ("discard",)
LONGEST_REASON = 200


def reason_of(typed: str, *, needed: bool = True) -> str:
    """What somebody typed as their reason, on one line; Refused when it is needed and empty."""
    reason = " ".join(clean(typed).split())[:LONGEST_REASON]
    if needed and not reason:
        raise Refused("reason_needed", N_("Say why, in a word or two."))
    return reason

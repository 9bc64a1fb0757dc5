"""Timers are rows: a message that is due leaves, a silence that lasts too long has its effect.

Each in a transaction of its own, so that one that fails stops no other. Who else is at work on the
order is not waited for: the next round finds what was left.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from rq.timeouts import BaseTimeoutException
from sqlalchemy import func, or_, select

from flows import conversations, crashpoints, hours, live, pipeline, workers
from flows.errors import Refused
from flows.runs.addressing import at_hand, reach
from flows.runs.attempts import attempt, doubt, fail_with
from flows.runs.ending import ask_again, expire, resends_left
from flows.runs.sending import check_wanted, has_left
from models import db
from models.automation import Run
from models.conversation import Conversation
from models.envelope import Envelope, EnvelopeState
from models.message import Message, Sending
from models.order import Order
from models.types import utcnow

log = logging.getLogger(__name__)

BATCH = 100
LONGEST = 60.0
"""Seconds after which a worker leaves the rest to the next round."""
LATE = timedelta(minutes=5)
"""A message that is later than this asks again whether it is night."""
UNREAD = timedelta(seconds=2)
"""A body of Meta's that waits longer than this to be read makes every silence wait: it may hold the
answer. A younger one is being read; one that cannot be read is soon put aside and waits no more."""


def go_off(merchant_id: UUID, now: datetime | None = None) -> int:
    """Every timer of this merchant that has gone off by `now` has had its effect, once.

    Returns how many had. After an hour without a clock it catches up: what nobody wants any more
    is cancelled, the rest leaves once. Runs in transactions of its own.
    """
    moment = now or utcnow()
    until = time.monotonic() + LONGEST
    tried: set[UUID] = set()
    had = 0
    while time.monotonic() < until and (ids := _gone_off(merchant_id, moment, tried)):
        tried |= set(ids)
        for run_id in ids:
            if workers.stopping():
                return had
            had += _try(merchant_id, run_id, moment)
    return had


def _gone_off(merchant_id: UUID, now: datetime, tried: Collection[UUID]) -> Sequence[UUID]:
    """The next runs whose timer has gone off, longest ago first."""
    gone_off = [Run.due_at <= now]
    if not _answers_may_wait():
        gone_off.append(Run.timeout_at <= now)
    wanted = select(Run.id).where(or_(*gone_off), Run.id.not_in(tried))
    longest_ago = wanted.order_by(func.least(Run.due_at, Run.timeout_at), Run.id).limit(BATCH)
    with db.merchant(merchant_id) as session:
        return session.scalars(longest_ago).all()


def _answers_may_wait() -> bool:
    """Whether bodies of Meta's pile up unread: after a stop they come before the silences."""
    unread = select(Envelope.id).where(
        Envelope.state == EnvelopeState.NEW, Envelope.received_at < func.now() - UNREAD
    )
    with db.house() as house:
        return house.scalar(unread.limit(1)) is not None


def _try(merchant_id: UUID, run_id: UUID, now: datetime) -> bool:
    try:
        with db.merchant(merchant_id):
            run, opened = _taken(run_id)
            gone_off = run is not None and _go_off(run, now)
            if opened is not None:
                conversations.close_unused(opened)
            crashpoints.reached("timer.made")
            return gone_off
    except BaseTimeoutException:
        raise  # the job's time is over: no timer is to blame
    except Exception:
        # The others must go off all the same; this one is tried again in the next round.
        log.exception("the timer of run %s failed", run_id)
        return False


def _taken(run_id: UUID) -> tuple[Run | None, UUID | None]:
    """The run with everything its timer touches held, or None while somebody else is at it; and
    the conversation that was perhaps opened for it.

    Locked in the order everybody locks: conversations, order, run. The one we write in comes before
    the order's own, as for an answer that arrives there.
    """
    session = db.session()
    run = session.scalars(select(Run).where(Run.id == run_id)).one()
    opened = _elsewhere(run)
    for talk_id in (opened, run.order.conversation_id):
        if talk_id is not None and not _is_free(Conversation, talk_id):
            return None, opened
    if not _is_free(Order, run.order_id):
        return None, opened
    pipeline.hold(run.order)
    session.refresh(run, with_for_update={"key_share": True, "of": Run})
    return run, opened


def _elsewhere(run: Run) -> UUID | None:
    """The conversation to write in when it is not the order's own; opened for a first contact."""
    if run.due_at is None or at_hand(run.automation, run.order) is not None:
        return None
    try:
        check_wanted(run)
        return reach(run.automation, run.order).id
    except Refused:
        return None  # why, the attempt will say


def _is_free(table: type[Conversation] | type[Order], row_id: UUID) -> bool:
    row = select(table.id).where(table.id == row_id)
    return db.session().scalar(row.with_for_update(key_share=True, skip_locked=True)) is not None


def _go_off(run: Run, now: datetime) -> bool:
    if run.due_at is not None and run.due_at <= now:
        _send(run, now)
    elif run.timeout_at is not None and run.timeout_at <= now:
        _end_silence(run, now)
    else:
        return False  # somebody else was faster
    live.changed("runs", f"order:{run.order.number}")
    return True


def _send(run: Run, now: datetime) -> None:
    if _has_ended(run):
        run.due_at = run.timeout_at = None
        return
    if run.due_at is not None and now - run.due_at > LATE:
        run.due_at = hours.due_after(run.automation, now, 0)
        if run.due_at > now:
            return  # it became night meanwhile
    if run.message is None or _failed(run.message):
        attempt(run)
    else:
        ask_again(run, now)


def _end_silence(run: Run, now: datetime) -> None:
    message = run.message
    if _has_ended(run) or run.due_at is not None or message is None:
        run.timeout_at = None
    elif _failed(message):
        fail_with(run, message)
    elif message.sending is Sending.UNCERTAIN:
        doubt(run, message)
    elif not _counts(run, message) or has_left(run):
        run.timeout_at = None
    elif not resends_left(run):
        expire(run, now)
    elif (by_day := hours.due_after(run.automation, now, 0)) > now:
        run.due_at, run.timeout_at = by_day, None
    else:
        ask_again(run, now)


def _counts(run: Run, message: Message) -> bool:
    """Whether silence counts: not while a failed message is sent again or came through after all,
    nor when the automation has no time-out any more or is switched off."""
    if run.automation.timeout is None or not run.automation.active:
        return False
    if message.sending is not Sending.ACCEPTED:
        return False
    arrived = message.delivered_at is not None or message.read_at is not None
    return arrived or run.automation.timeout_from != "delivered"


def _has_ended(run: Run) -> bool:
    return any(at is not None for at in (run.replied_at, run.expired_at, run.cancelled_at))


def _failed(message: Message) -> bool:
    return message.failed_at is not None or message.sending in (Sending.FAILED, Sending.DISCARDED)

"""How long a customer may stay silent: the clock that starts when Meta takes or delivers a message.

Called for every message Meta speaks of, so it is one statement, and none where no automation wrote.
It knows runs only as rows: what follows when a clock goes off is flows.runs' part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, cast, func, null, or_, update

from config import settings
from flows import outbox
from flows.ladder import Sent
from models import db
from models.automation import Automation, Run
from models.conversation import Conversation
from models.message import Message, Sending
from models.types import Instant, utcnow

CLOCKS_APART = timedelta(seconds=30)
"""How far our clock and Meta's, which counts whole seconds, may differ."""

DOUBT = timedelta(minutes=2)
"""How long a message may be uncertain before people hear of it: Meta's status mostly settles it."""


@contextmanager
def listening(messages: Collection[Message] | Collection[Sent]) -> Iterator[None]:
    """The run of each message that Meta takes, delivers or refuses inside waits from then on.

    Counted from the message's own times, not from our clock: news may come late. The run of one
    that failed for good is looked at at once. Said twice is said once: a timer that somebody
    stopped does not start again. What has ended stays ended; only a run's last message counts.
    """
    ours = [message for message in messages if message.run_id is not None]
    before = {message.id: _come_so_far(message) for message in ours}
    yield
    news = [message for message in ours if _come_so_far(message) != before[message.id]]
    if news:
        _start_clocks(news, before)


def taken(messages: Sequence[UUID]) -> None:
    """Meta has just taken these messages of runs: their clocks start, as in `listening`."""
    if messages:
        ids = {name: list(messages) if name == "sent" else [] for name in _COUNTS}
        db.session().execute(_set_clocks(ids), execution_options={"synchronize_session": False})


def _come_so_far(message: Message | Sent) -> set[str]:
    facts = {
        "sent": message.sending is Sending.ACCEPTED,
        "delivered": message.delivered_at is not None or message.read_at is not None,
        "failed": message.failed_at is not None or message.sending is Sending.FAILED,
        "uncertain": message.sending is Sending.UNCERTAIN,
    }
    return {name for name, holds in facts.items() if holds}


def _start_clocks(messages: Sequence[Message | Sent], before: Mapping[UUID, set[str]]) -> None:
    session = db.session()
    session.flush()  # the statement reads what Meta has just said of them
    new = {m.id: _come_so_far(m) - before[m.id] for m in messages}
    ids = {name: [id_ for id_, facts in new.items() if name in facts] for name in _COUNTS}
    session.execute(_set_clocks(ids), execution_options={"synchronize_session": False})
    if ids["failed"]:
        outbox.wake("timers")


_COUNTS = ("sent", "delivered", "failed", "uncertain")


def _set_clocks(ids: Mapping[str, list[UUID]]) -> Any:
    failed = or_(Message.failed_at.is_not(None), Message.sending == Sending.FAILED)
    return (
        update(Run)
        .where(
            Message.id.in_({id_ for some in ids.values() for id_ in some}),
            or_(
                and_(Automation.timeout_from == "sent", Message.id.in_(ids["sent"])),
                and_(Automation.timeout_from == "delivered", Message.id.in_(ids["delivered"])),
                Message.id.in_(ids["failed"] + ids["uncertain"]),
            ),
            Message.merchant_id == Run.merchant_id,
            Run.id == Message.run_id,
            Run.message_id == Message.id,
            Automation.merchant_id == Run.merchant_id,
            Automation.id == Run.automation_id,
            Conversation.merchant_id == Run.merchant_id,
            Conversation.id == Message.conversation_id,
            Run.failure.is_(None),
            Run.cancelled_at.is_(None),
            Run.replied_at.is_(None),
            Run.expired_at.is_(None),
        )
        .values(
            timeout_at=case(
                (failed, cast(utcnow(), Instant)),
                (Message.sending == Sending.UNCERTAIN, cast(utcnow() + DOUBT, Instant)),
                else_=_goes_off(),
            )
        )
    )


def _goes_off() -> Any:
    """When silence has lasted too long; NULL while nothing counts, or when somebody has spoken.

    (A customer of two orders answers once: neither question is met with silence.)
    """
    arrived = func.least(Message.delivered_at, Message.read_at)
    taken = case(
        (
            Message.sending == Sending.ACCEPTED,
            func.coalesce(Message.accepted_at, Message.sent_at, arrived),
        ),
        else_=null(),
    )
    start: ColumnElement[datetime] = case(
        (Automation.timeout_from == "delivered", arrived), else_=taken
    )
    spoken = Conversation.last_inbound_at > start + CLOCKS_APART
    seconds = Automation.timeout / settings().timer_speed
    lasts = func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    counts = and_(Automation.timeout.is_not(None), func.coalesce(~spoken, True))
    return case((counts, start + lasts), else_=null())

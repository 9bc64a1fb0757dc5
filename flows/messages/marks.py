"""Blue ticks for customers: a row like a send, harmless to repeat, dropped after a few tries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select

from flows import outbox
from flows.leases import LEASE
from flows.letters import Outcome, ReadLetter
from flows.messages.claiming import BATCH
from models import db
from models.channel import Channel, ChannelState
from models.conversation import Conversation
from models.message import Direction, Message, ReadMark, Sending
from models.types import utcnow

READ_TRIES = 3


def claim_read_marks(channel_id: UUID, *, limit: int = BATCH) -> list[ReadLetter]:
    """Read marks to tell Meta of; telling twice does no harm, so a lost claim is simply retried."""
    session = db.session()
    channel = session.scalars(select(Channel).where(Channel.id == channel_id)).one()
    if channel.state is ChannelState.PAUSED:
        return []
    now = utcnow()
    marks = session.scalars(
        select(ReadMark)
        .where(
            ReadMark.channel_id == channel_id,
            or_(
                ReadMark.sending == Sending.QUEUED,
                and_(
                    ReadMark.sending.in_((Sending.WAITING, Sending.CLAIMED)),
                    ReadMark.due_at <= now,
                ),
            ),
        )
        .order_by(ReadMark.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for mark in marks:
        mark.sending, mark.attempt = Sending.CLAIMED, mark.attempt + 1
        mark.due_at = mark.lease_until = now + LEASE
    return [
        ReadLetter(m.id, m.attempt, channel.phone_number_id, channel.token, m.wamid) for m in marks
    ]


def conclude_read_marks(endings: Sequence[tuple[ReadLetter, Outcome]]) -> None:
    """Told, or to be told again; after a few tries it is left: blue ticks are a courtesy."""
    session = db.session()
    outcomes = {letter.mark_id: outcome for letter, outcome in endings}
    for mark in session.scalars(select(ReadMark).where(ReadMark.id.in_(outcomes))):
        outcome = outcomes[mark.id]
        mark.error_code = outcome.code
        if outcome.ending == "accepted":
            mark.sending = Sending.ACCEPTED
        elif mark.attempt >= READ_TRIES:
            mark.sending = Sending.FAILED
        else:
            mark.sending, mark.due_at = Sending.WAITING, utcnow() + timedelta(seconds=5)


# --- "typing…": no row, nobody waits for it (D6) --------------------------------------------------

TYPING_SECONDS = 12
"""WhatsApp shows it for 25; a page that is still written on asks every 15."""


def show_typing(conversation: Conversation) -> None:
    """The customer sees that somebody writes; asked more often than it is shown, once is enough."""
    if not conversation.window_open or conversation.muted:
        return
    lane = outbox.typing_lane(conversation.merchant_id, conversation.id)
    outbox.nudge_for(lane, TYPING_SECONDS)


def claim_typing(conversation_id: UUID) -> ReadLetter | None:
    """The customer's newest message, below which it is shown; None when there is none."""
    wanted = (
        select(Message)
        .where(
            Message.conversation_id == conversation_id,
            Message.direction == Direction.IN,
            Message.wamid.is_not(None),
        )
        .order_by(Message.at.desc(), Message.seq.desc())
        .limit(1)
    )
    newest = db.session().scalars(wanted).first()
    if newest is None or newest.wamid is None:
        return None
    channel = newest.channel
    return ReadLetter(newest.id, 1, channel.phone_number_id, channel.token, newest.wamid)

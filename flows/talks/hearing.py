"""A customer wrote: the bot will answer once they have stopped typing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert

from flows import hours, outbox
from flows.conversations import Heard
from models import db
from models.conversation import Conversation
from models.message import Message
from models.rowsets import among
from models.talk import Bot, Talk
from models.types import utcnow

PAUSE = timedelta(seconds=4)
"""So long nothing more has come: they have stopped typing."""
PATIENCE = timedelta(seconds=20)
"""Whoever never stops is answered in between."""
AT_ONCE = ("interactive", "button", "order")
"""Nobody taps the first half of a sentence."""
UNHEARD = ("system", "edit", "revoke")


def hear(heard: Sequence[Heard]) -> None:
    """The talks of these conversations are due soon, where the number's bot is on.

    Call in the transaction that stores the messages.
    """
    said = [one for one in heard if one.kind not in UNHEARD]
    if not said or not _anybody_listens():
        return
    tapped = {one.conversation_id for one in said if one.kind in AT_ONCE}
    typed = {one.conversation_id for one in said} - tapped
    _expect(typed, {one.message_id for one in said}, PAUSE)
    _expect(tapped, {one.message_id for one in said}, timedelta(0))
    if tapped:
        outbox.wake("talks")


def _anybody_listens() -> bool:
    return db.session().scalar(select(Bot.id).where(Bot.active).limit(1)) is not None


def _expect(conversation_ids: set[UUID], message_ids: set[UUID], pause: timedelta) -> None:
    if not conversation_ids:
        return
    now = utcnow()
    # A talk begins with what was written now: nothing older is answered.
    before = select(func.coalesce(func.max(Message.seq), 0)).where(
        Message.merchant_id == Conversation.merchant_id,
        Message.conversation_id == Conversation.id,
        Message.id.not_in(message_ids),
    )
    wanted = (
        select(
            Conversation.merchant_id,
            func.gen_random_uuid(),
            Conversation.id,
            before.scalar_subquery(),
            literal(now),
            literal(hours.later(now, pause.total_seconds())),
            literal(""),
            literal(0),
            literal({}, type_=Talk.__table__.c.facts.type),
        )
        .join(Bot, (Bot.merchant_id == Conversation.merchant_id) & Bot.active)
        .where(
            Bot.channel_id == Conversation.channel_id,
            among(Conversation.id, conversation_ids),
            Conversation.muted.is_(False),
        )
        .order_by(Conversation.id)
    )
    columns = ["merchant_id", "id", "conversation_id", "seen_seq", "waiting_since", "due_at"]
    columns += ["step", "misses", "facts"]
    fresh = insert(Talk).from_select(columns, wanted)
    since = func.coalesce(Talk.waiting_since, now)
    db.session().execute(
        fresh.on_conflict_do_update(
            index_elements=["merchant_id", "conversation_id"],
            set_={
                "waiting_since": since,
                "due_at": func.least(fresh.excluded.due_at, since + PATIENCE),
            },
        )
    )


def expect_now(conversation: Conversation, message: Message) -> None:
    """The talk of this conversation is due because of this message, were the bot on or not."""
    session = db.session()
    mine = select(Talk).where(Talk.conversation_id == conversation.id)
    talk = session.scalars(mine).first()
    if talk is None:
        talk = Talk(conversation_id=conversation.id, step="", facts={}, misses=0)
        talk.seen_seq = message.seq - 1
        session.add(talk)
    talk.due_at = talk.waiting_since = utcnow()
    session.flush()

"""What people see of the bot beside a conversation: who has it, and what waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from flows.talks.standing import person_until
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Message
from models.talk import Bot, DraftState, OrderDraft, Talk
from models.types import new_id, utcnow

BY_PEOPLE = "person"
USUAL_HOURS = 12
"""Of whoever takes over where the bot's silence is set to none: it would speak at once."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who has a conversation of a number whose bot is on."""

    talk: Talk | None
    until: datetime | None
    """Until when the bot keeps out, people having the conversation; None: it answers."""
    opens_at: datetime | None
    """When it begins to speak today or tomorrow, outside its hours; None: it speaks now."""

    @property
    def why(self) -> str:
        """Why it keeps out: human, complaint, …; "person" where somebody of the team wrote."""
        return (self.talk.left_because if self.talk else None) or BY_PEOPLE


@dataclass(frozen=True, slots=True)
class Mark:
    """What a row of the list tells: why the bot left, and whether an order waits."""

    why: str
    draft: bool


def keeper(conversation: Conversation) -> Keeper | None:
    """None where the number has no bot that is on, or the customer is blocked."""
    if conversation.muted:
        return None
    wanted = (
        select(Bot, Talk)
        .outerjoin(Talk, Talk.conversation_id == conversation.id)
        .where(Bot.channel_id == conversation.channel_id, Bot.active)
    )
    found = db.session().execute(wanted).first()
    if found is None:
        return None
    bot, talk = found
    return Keeper(talk, person_until(conversation, talk, bot.silence_hours), _opens_at(bot))


def _opens_at(bot: Bot) -> datetime | None:
    local = utcnow().astimezone(db.session().get_one(Merchant, bot.merchant_id).zone)
    if bot.speaks_from is None or bot.speaks_at(local.time()):
        return None
    today = datetime.combine(local.date(), bot.speaks_from, tzinfo=local.tzinfo)
    return today if today > local else today + timedelta(days=1)


def marks(conversation_ids: Sequence[UUID]) -> dict[UUID, Mark]:
    """Of these rows of the list, those the bot has left to people or that have a waiting order."""
    if not conversation_ids:
        return {}
    left = and_(
        Talk.conversation_id == Conversation.id,
        Talk.silent_until > utcnow(),
        Talk.left_because != BY_PEOPLE,
    )
    waits = and_(
        OrderDraft.conversation_id == Conversation.id, OrderDraft.state == DraftState.WAITING
    )
    wanted = (
        select(Conversation.id, Talk.left_because, OrderDraft.id)
        .outerjoin(Talk, left)
        .outerjoin(OrderDraft, waits)
        .where(
            Conversation.id.in_(conversation_ids),
            or_(Talk.id.is_not(None), OrderDraft.id.is_not(None)),
        )
    )
    rows = db.session().execute(wanted)
    return {id_: Mark(why or "", draft is not None) for id_, why, draft in rows}


def hold(conversation: Conversation) -> tuple[Talk, int]:
    """The talk of this conversation, held until the commit, and for how many hours its bot keeps
    silent once somebody takes over.

    A turn that is under way is waited for: nothing is said after this transaction.
    """
    session = db.session()
    # The conversation first, as a turn does: two must not wait in a ring.
    mine = select(Conversation.id).where(Conversation.id == conversation.id)
    session.execute(mine.with_for_update(key_share=True))
    last = select(func.coalesce(func.max(Message.seq), 0)).where(
        Message.conversation_id == conversation.id
    )
    begun = insert(Talk).values(
        merchant_id=session.merchant_id,
        id=new_id(),
        conversation_id=conversation.id,
        step="",
        facts={},
        misses=0,
        seen_seq=last.scalar_subquery(),
    )
    session.execute(begun.on_conflict_do_nothing())
    talk = select(Talk).where(Talk.conversation_id == conversation.id).with_for_update()
    hours = select(Bot.silence_hours).where(Bot.channel_id == conversation.channel_id)
    held = session.scalars(talk.execution_options(populate_existing=True)).one()
    return held, session.scalar(hours) or USUAL_HOURS

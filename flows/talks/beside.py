"""Who has a conversation of a number whose bot is on, and that talk held for whoever changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from flows.errors import N_, Refused
from flows.talks.standing import person_until
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Message
from models.talk import BY_PEOPLE, Bot, Talk
from models.types import new_id, utcnow

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
        talk = self.talk
        left = talk is not None and talk.silent_until is not None and talk.silent_until > utcnow()
        return (talk.left_because if talk is not None and left else None) or BY_PEOPLE


def keeper(conversation: Conversation, bot: Bot | None, talk: Talk | None) -> Keeper | None:
    """`bot` of the number, while it is on. None without one, or of a blocked customer."""
    if bot is None or conversation.muted:
        return None
    return Keeper(talk, person_until(conversation, talk, bot.silence_hours), _opens_at(bot))


def _opens_at(bot: Bot) -> datetime | None:
    local = utcnow().astimezone(db.session().get_one(Merchant, bot.merchant_id).zone)
    if bot.speaks_from is None or bot.speaks_at(local.time()):
        return None
    today = datetime.combine(local.date(), bot.speaks_from, tzinfo=local.tzinfo)
    return today if today > local else today + timedelta(days=1)


def hold(conversation: Conversation) -> tuple[Talk, int]:
    """The talk of this conversation, held until the commit, and for how many hours its bot keeps
    silent once somebody takes over. Refused where the number has no bot that is on.

    A turn that is under way is waited for: nothing is said after this transaction.
    """
    session = db.session()
    hours = select(Bot.silence_hours).where(Bot.channel_id == conversation.channel_id, Bot.active)
    silence = session.scalar(hours)
    if silence is None:
        raise Refused("no_bot", N_("No bot answers on this number."))
    # The conversation first, as a turn does: two must not wait in a ring.
    mine = select(Conversation.id).where(Conversation.id == conversation.id)
    session.execute(mine.with_for_update(key_share=True))
    _begin(conversation)
    talk = select(Talk).where(Talk.conversation_id == conversation.id).with_for_update()
    held = session.scalars(talk.execution_options(populate_existing=True)).one()
    return held, silence or USUAL_HOURS


def _begin(conversation: Conversation) -> None:
    """Who has not talked with the bot yet has a talk, that begins with what comes now."""
    last = select(func.coalesce(func.max(Message.seq), 0)).where(
        Message.conversation_id == conversation.id
    )
    begun = insert(Talk).values(
        merchant_id=db.session().merchant_id,
        id=new_id(),
        conversation_id=conversation.id,
        step="",
        facts={},
        misses=0,
        seen_seq=last.scalar_subquery(),
    )
    db.session().execute(begun.on_conflict_do_nothing())

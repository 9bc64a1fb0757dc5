"""Whether the bot may speak here now; who speaks instead, and until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from flows import costs
from flows.talks.scene import Scene
from models import db
from models.conversation import Activity, Conversation
from models.message import Direction, Message, Origin
from models.talk import Talk, Turn
from models.types import utcnow

OLD = timedelta(minutes=15)
"""What was written longer ago than this came late: nobody is waiting for a bot any more."""
MINUTES, MOST = timedelta(minutes=5), 25
"""More answers than this in five minutes: something that is no person writes."""
SAME = 3
"""The same words so often in a row: neither."""


def silenced(scene: Scene) -> str | None:
    """Why it says nothing to what was heard; None: it may speak.

    off, closed (its hours), blocked, person (a colleague has the conversation), old, window, quota.
    """
    return next((name for name, holds in _REASONS if holds(scene)), None)


def fresh(messages: list[Message], taken: datetime | None) -> list[Message]:
    """Those that were written just now, to us alone, and not before somebody took the order: then
    that order is the answer."""
    since = utcnow() - OLD
    return [
        m
        for m in messages
        if m.at >= since
        and not m.payload.get("group_id")
        and (taken is None or m.created_at > taken)
    ]


def looping(scene: Scene) -> bool:
    """Whether another machine seems to answer us: too many turns, or the same words for ever."""
    mine = select(Turn.heard, Turn.at).where(Turn.conversation_id == scene.conversation.id)
    recent = db.session().execute(mine.order_by(Turn.at.desc()).limit(MOST)).all()
    since = utcnow() - MINUTES
    if len(recent) == MOST and recent[-1].at >= since:
        return True
    last = [row.heard for row in recent[: SAME - 1] if row.heard and row.at >= since]
    return len(last) == SAME - 1 and set(last) == {scene.turn.heard}


def _blocked(scene: Scene) -> bool:
    card = scene.card
    return scene.conversation.muted or (card is not None and card.blocked_at is not None)


def _open(scene: Scene) -> bool:
    return scene.bot.speaks_at(utcnow().astimezone(scene.merchant.zone).time())


def _person(scene: Scene) -> bool:
    return person_until(scene.conversation, scene.talk, scene.bot.silence_hours) is not None


def person_until(conversation: Conversation, talk: Talk | None, hours: int) -> datetime | None:
    """Until when people have the conversation: the bot left it to them, or somebody of the team
    wrote in it or took it less than so many hours ago. None: nobody has it."""
    until = talk.silent_until if talk is not None else None
    back = talk.back_at if talk is not None else None
    worked = _worked_at(conversation, utcnow() - timedelta(hours=hours))
    if worked is not None and (back is None or worked > back):
        until = max(filter(None, (until, worked + timedelta(hours=hours))))
    return until if until is not None and until > utcnow() else None


def _worked_at(conversation: Conversation, since: datetime) -> datetime | None:
    wrote = select(func.max(Message.created_at)).where(
        Message.conversation_id == conversation.id,
        Message.direction == Direction.OUT,
        Message.origin.in_((Origin.AGENT, Origin.PHONE)),
        Message.at >= since,
    )
    took = select(func.max(Activity.at)).where(
        Activity.conversation_id == conversation.id,
        Activity.kind == "assigned",
        Activity.actor_id.is_not(None),
        Activity.facts["to"].astext.is_not(None),
        Activity.at >= since,
    )
    last = func.greatest(wrote.scalar_subquery(), took.scalar_subquery())
    return db.session().scalar(select(last))


def _used_up(scene: Scene) -> bool:
    """Whether the next message of this number would cost something."""
    today = utcnow().astimezone(ZoneInfo(scene.channel.time_zone)).date()
    return costs.free_used(scene.channel, today) >= costs.FREE_SERVICE_MESSAGES


_REASONS: tuple[tuple[str, Callable[[Scene], bool]], ...] = (
    ("off", lambda scene: not scene.bot.active),
    ("blocked", _blocked),
    ("closed", lambda scene: not _open(scene)),
    ("person", _person),
    ("old", lambda scene: not scene.heard),
    ("window", lambda scene: not scene.conversation.window_open),
    ("quota", lambda scene: not scene.bot.paid and _used_up(scene)),
)

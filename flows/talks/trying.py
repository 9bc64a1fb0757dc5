"""The bot on trial: a customer who does not exist talks with it, and nothing of it stays.

The true turns are taken, on rows that the caller rolls back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from flows import conversations, customers
from flows.events import Person
from flows.talks import hearing, turning
from flows.talks.scene import action, choices, read_payload, rows
from models import db
from models.conversation import Conversation
from models.message import Direction, Message, Origin
from models.talk import Bot, Turn
from models.types import Json, new_id, utcnow

NOBODY = {"MA": "2126000", "DZ": "2135500"}
"""How a number begins that a trial writes from."""
MOST = 40


@dataclass(frozen=True, slots=True)
class Said:
    """A bubble of the trial."""

    mine: bool
    """The bot's; else what was typed or tapped."""
    text: str
    buttons: Sequence[tuple[str, str]] = ()
    """(payload, title)"""
    details: Mapping[str, str] = field(default_factory=dict)
    opens: str = ""
    picture: bool = False
    turn: Turn | None = None
    """On the bot's bubbles: what it heard and why it said this."""


def try_out(bot: Bot, lines: Sequence[str]) -> list[Said]:
    """The whole talk anew, bubble by bubble; each line is typed, or the payload of a tapped button.

    The caller rolls the transaction back: no message leaves, no order stays.
    """
    db.session().add(bot)  # one that was never switched on has no row yet
    talk_with = _conversation(bot)
    said: list[Said] = []
    for line in lines[:MOST]:
        title = _title(said, line)
        said.append(Said(False, title or line))
        said += _turn(bot, talk_with, line, title)
    return said


def _conversation(bot: Bot) -> Conversation:
    begins = NOBODY.get(bot.channel.country, NOBODY["MA"])
    person = Person(wa_id=f"{begins}{utcnow().microsecond % 10**5:05}", profile_name="Fatima")
    (identity,) = customers.identities_for([person])
    return conversations.open_with(bot.channel, identity)


def _title(said: Sequence[Said], line: str) -> str:
    """What a tapped button said."""
    if read_payload(line) is None:
        return ""
    titles = {key: title for bubble in said for key, title in bubble.buttons}
    return titles.get(line, "?")


def _turn(bot: Bot, conversation: Conversation, line: str, title: str) -> list[Said]:
    session = db.session()
    written = _written(conversation, line, title)
    session.add(written)
    conversation.last_inbound_at = utcnow()
    session.flush()
    hearing.expect_now(conversation, written)
    turning.take_turn(conversation.id, trial=True)
    sent = session.scalars(
        select(Message)
        .where(
            Message.conversation_id == conversation.id,
            Message.origin == Origin.BOT,
            Message.seq > written.seq,
        )
        .order_by(Message.seq)
    ).all()
    turns = {turn.id: turn for turn in _turns(conversation)}
    silent = [turn for turn in turns.values() if turn.heard_id == written.id] if not sent else []
    told = [_bubble(message, turns) for message in sent]
    return told + [Said(True, "", turn=turn) for turn in silent]


def _turns(conversation: Conversation) -> Sequence[Turn]:
    wanted = select(Turn).where(Turn.conversation_id == conversation.id)
    return db.session().scalars(wanted.order_by(Turn.at)).all()


def _written(conversation: Conversation, line: str, title: str) -> Message:
    tapped: Json = {"button_payload": line, "button_text": title} if title else {}
    return Message(
        conversation_id=conversation.id,
        channel_id=conversation.channel_id,
        direction=Direction.IN,
        origin=Origin.CUSTOMER,
        kind="interactive" if title else "text",
        text=title or line,
        payload=tapped,
        wamid=f"trial.{new_id()}",
        at=utcnow() + timedelta(milliseconds=1),
    )


def _bubble(message: Message, turns: Mapping[UUID, Turn]) -> Said:
    shown = action(message)
    return Said(
        True,
        message.text,
        buttons=choices(message),
        details={row["id"]: row.get("description", "") for row in rows(shown)},
        opens=shown.get("button", ""),
        picture=message.media_id is not None,
        turn=turns.get(message.turn_id) if message.turn_id else None,
    )

"""Every message of a customer may be an answer: a tap on our button, or anything they write."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, select
from sqlalchemy.orm import aliased

from flows import pipeline
from flows.answers.replies import count_as_reply, stop_clocks
from flows.answers.taps import TAPS, obey, read_tap
from flows.conversations import Heard
from models import db
from models.automation import Run
from models.conversation import Conversation
from models.message import Message
from models.order import Order

NO_ANSWERS = ("edit", "revoke", "system")
"""What arrives like a message but says nothing new."""


def may_answer(heard: Sequence[Heard]) -> set[UUID]:
    """Which of these messages have to be heard: taps, and what somebody writes who was asked."""
    asked = _asked({one.conversation_id for one in heard}) if heard else ()
    return {one.message_id for one in heard if one.kind in TAPS or one.conversation_id in asked}


def hold_orders(written: Sequence[Message]) -> None:
    """Nobody else moves the orders that these messages tap on.

    Call before anything locks messages or runs: everybody locks orders first.
    """
    taps = [read_tap(message.conversation, message) for message in written]
    pipeline.hold_all([tap.run.order for tap in taps if tap is not None])


def hear_all(written: Sequence[Message]) -> None:
    """Each message has been heard, oldest first; most answer nothing and cost nothing here."""
    if not written:
        return
    asked = _asked({message.conversation_id for message in written})
    for message in written:
        if message.kind in TAPS or message.conversation_id in asked:
            hear(message.conversation, message)


def _asked(conversation_ids: set[UUID]) -> set[UUID]:
    """The conversations of these whose customer some automation has asked and not heard from."""
    return set(db.session().scalars(_WAITING, {"ids": list(conversation_ids)}))


def _waiting() -> Select[UUID]:
    here, any_talk = aliased(Conversation), aliased(Conversation)
    return (
        select(here.id)
        .join(any_talk, any_talk.identity_id == here.identity_id)
        .join(Order, Order.conversation_id == any_talk.id)
        .join(Run, Run.order_id == Order.id)
        .where(here.id == any_(bindparam("ids", type_=ARRAY(Uuid))), Run.replied_at.is_(None))
        .distinct()
    )


# Put together once: that takes longer than asking, and every batch of messages asks.
_WAITING = _waiting()


def hear(conversation: Conversation, message: Message) -> None:
    """A tap has moved its order, or left a note why not; any other message is a reply: to what it
    quotes, else to the newest question, and to every one whose time is running.

    Call once per new message, in the transaction that stores it. Refuses nothing.
    """
    if message.kind in NO_ANSWERS:
        return
    tap = read_tap(conversation, message)
    if tap is None:
        count_as_reply(conversation, message)
    else:
        obey(tap)
        stop_clocks(conversation, message)

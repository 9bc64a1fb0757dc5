"""Whatever else a customer writes: nobody can say they were silent."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Exists, Select, exists, or_, select

from flows import conversations, live, notifications, pipeline
from flows.answers.settling import settle
from flows.silence import CLOCKS_APART
from models import db
from models.automation import Run
from models.conversation import Conversation
from models.message import UNFINISHED, Message, Sending
from models.order import Order
from models.timeline import CUSTOMER, Entry


def count_as_reply(conversation: Conversation, message: Message) -> None:
    """It answers what it quotes, else the newest question; and all whose time runs.

    One statement, for every incoming message of somebody an automation has asked, and two more
    when it is an answer.
    """
    newest, running = _newest(conversation, message), _running(conversation, message)
    if not settle(newest.union(running), message, message.text):
        _note_too_late(conversation, message)


def stop_clocks(conversation: Conversation, message: Message) -> None:
    """Who taps on one question is not silent about the others either: their time stops."""
    settle(_running(conversation, message), message, message.text)


def _newest(conversation: Conversation, message: Message) -> Select[UUID]:
    quoted = select(Message.run_id).where(
        Message.conversation_id == conversation.id,
        Message.wamid == (message.reply_to_wamid or ""),
    )
    return (
        _waiting(conversation, message)
        .order_by(
            (Run.id == quoted.limit(1).scalar_subquery()).desc().nulls_last(),
            Run.created_at.desc(),
            Run.id.desc(),
        )
        .limit(1)
    )


def _running(conversation: Conversation, message: Message) -> Select[UUID]:
    asks_again = Run.message.has(Message.sending.in_(UNFINISHED))
    not_over = or_(Run.timeout_at > message.at, Run.due_at > message.at, asks_again)
    return _waiting(conversation, message).where(not_over)


def _waiting(conversation: Conversation, message: Message) -> Select[UUID]:
    """The questions this person may be answering: asked before, and not answered yet."""
    return _questions_to(conversation, message).where(
        Run.replied_at.is_(None),
        Run.expired_at.is_(None),
        Run.cancelled_at.is_(None),
    )


def _questions_to(conversation: Conversation, message: Message) -> Select[UUID]:
    """The runs about orders of whoever talks here, on whichever number, that had asked by then."""
    talks = select(Conversation.id).where(Conversation.identity_id == conversation.identity_id)
    about = select(Run.id).join(Run.order).where(Order.conversation_id.in_(talks))
    return about.where(_had_asked(message))


def _had_asked(message: Message) -> Exists:
    """Any message of the run: a re-send that leaves, waits or fails takes no answer away."""
    return exists().where(
        Message.merchant_id == Run.merchant_id,
        or_(Message.run_id == Run.id, Message.id == Run.message_id),
        Message.sending.in_((Sending.ACCEPTED, Sending.UNCERTAIN)),
        Message.failed_at.is_(None),
        # What was written before is no answer, however late Meta brings it.
        Message.at <= message.at + CLOCKS_APART,
    )


def _note_too_late(conversation: Conversation, message: Message) -> None:
    """They answered in time and Meta told us after the order had moved: said where it is seen.

    The order stays where it is, for people to look at while nobody else has moved it.
    """
    expired = _questions_to(conversation, message).where(Run.expired_at > message.at)
    for run in db.session().scalars(select(Run).where(Run.id.in_(expired))):
        pipeline.hold(run.order)
        _note(run, conversation, message)
        if pipeline.last_entry(run.order).facts.get("run") == str(run.id):
            run.order.raise_flag("review")
            told = {"automation": run.automation.name, "why": "answered_in_time"}
            notifications.tell("review", order=run.order, run=run, facts=told)


def _note(run: Run, conversation: Conversation, message: Message) -> None:
    kind, order = "answered_in_time", run.order
    said = {"text": message.text, "at": message.at.isoformat(), "stage": order.stage.name}
    facts = said | {"run": str(run.id), "automation": run.automation.name}
    db.session().add(Entry(order_id=order.id, kind=kind, actor=CUSTOMER.actor, facts=facts))
    told = said | {"number": order.number, "by": CUSTOMER.actor}
    conversations.note_activity(conversation, kind, told)
    live.changed(f"order:{order.number}", f"stage:{order.stage_id}")

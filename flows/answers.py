"""What a customer's tap or answer brings about: the order moves on, or a note says why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import aliased

from flows import conversations, live, notifications, pipeline, runs, templates
from flows.errors import Refused
from flows.silence import CLOCKS_APART
from models import db
from models.automation import Run
from models.conversation import Conversation
from models.message import Message, Sending
from models.order import Order
from models.pipeline import Stage
from models.template import MessageTemplate
from models.timeline import CUSTOMER, Entry

NO_ANSWERS = ("edit", "revoke", "system")
"""What arrives like a message but says nothing new."""
TAPS = ("button", "interactive")


@dataclass(frozen=True, slots=True)
class Tap:
    """A quick-reply button of a run's message, touched by the customer."""

    run: Run
    index: int
    text: str
    message: Message


def hear_all(written: Sequence[Message]) -> None:
    """Each message has been heard, oldest first; most answer nothing and cost nothing here."""
    asked = _asked({message.conversation_id for message in written})
    for message in written:
        if message.kind in TAPS or message.conversation_id in asked:
            hear(message.conversation, message)


def _asked(conversation_ids: set[UUID]) -> set[UUID]:
    """The conversations of these whose customer some automation has asked and not heard from."""
    here, any_talk = aliased(Conversation), aliased(Conversation)
    waiting = (
        select(here.id)
        .join(any_talk, any_talk.identity_id == here.identity_id)
        .join(Order, Order.conversation_id == any_talk.id)
        .join(Run, Run.order_id == Order.id)
        .where(here.id.in_(conversation_ids), Run.replied_at.is_(None))
    )
    return set(db.session().scalars(waiting.distinct()))


def hear(conversation: Conversation, message: Message) -> None:
    """A tap has moved its order, or left a note why not; any other message is a reply: to what it
    quotes, else to the newest question, and to every one whose time is running.

    Call once per new message, in the transaction that stores it. Refuses nothing.
    """
    if message.kind in NO_ANSWERS:
        return
    tap = _tap(conversation, message)
    if tap is None:
        _count_as_reply(conversation, message)
        return
    pipeline.hold(tap.run.order)
    _count_as_answer(tap)
    _obey(tap)
    order = tap.run.order
    live.changed("runs", f"stage:{order.stage_id}", f"order:{order.number}")


# --- a tap ----------------------------------------------------------------------------------------


def _tap(conversation: Conversation, message: Message) -> Tap | None:
    """By the payload we gave the button, else by the message it answers and the button's text."""
    if message.kind not in TAPS:
        return None
    text = str(message.payload.get("button_text") or message.text)
    ours = runs.read_payload(message.payload.get("button_payload"))
    if ours is not None:
        asked = _asked_by(conversation, Run.id == ours[0])
        return Tap(asked[0], ours[1], text, message) if asked else None
    if message.reply_to_wamid is None:
        return None
    asked = _asked_by(conversation, Message.wamid == message.reply_to_wamid)
    index = _index(asked[1], text) if asked else None
    return Tap(asked[0], index, text, message) if asked and index is not None else None


def _asked_by(
    conversation: Conversation, which: ColumnElement[bool]
) -> tuple[Run, MessageTemplate | None] | None:
    """The run and the template of its message: the first, a re-send, or another template."""
    # Within the conversation: nobody moves another customer's order by a payload they copied.
    wanted: Select[Run, MessageTemplate | None] = (
        select(Run, MessageTemplate)
        .join(Message, or_(Message.run_id == Run.id, Message.id == Run.message_id))
        .outerjoin(MessageTemplate, MessageTemplate.id == Message.template_id)
        .where(which, Message.conversation_id == conversation.id)
    )
    row = db.session().execute(wanted.limit(1)).first()
    return (row[0], row[1]) if row else None


def _index(template: MessageTemplate | None, text: str) -> int | None:
    buttons = templates.taps(template) if template else []
    return next((button.index for button in buttons if button.text == text), None)


def _count_as_answer(tap: Tap) -> None:
    """The first word of the customer; it stops the timers unless their time was up before."""
    db.session().execute(
        update(Run)
        .where(Run.id == tap.run.id, Run.replied_at.is_(None), Run.expired_at.is_(None))
        .values(replied_at=tap.message.at, reply=tap.text, timeout_at=None, due_at=None),
        execution_options={"synchronize_session": False},
    )
    db.session().refresh(tap.run)


def _obey(tap: Tap) -> None:
    """Move the order, unless the tap is a repetition or the order has left the stage it was on."""
    run, order = tap.run, tap.run.order
    buttons = run.automation.buttons
    target = next((b.stage for b in buttons if b.index == tap.index), None)
    if target is None:
        _note(tap, "tapped")
    elif _has_moved(run):
        _note(tap, "repeated_tap")
    elif order.stage_id != runs.trigger_of(run).to_stage_id:
        _come_late(tap)
    else:
        _move(tap, target)


def _has_moved(run: Run) -> bool:
    """Whether a tap has moved the order already; that its time was up is another thing."""
    moved = select(Entry.id).where(
        Entry.order_id == run.order_id,
        Entry.kind == "moved",
        Entry.actor == CUSTOMER.actor,
        Entry.facts["run"].astext == str(run.id),
    )
    return db.session().scalar(moved.limit(1)) is not None


def _come_late(tap: Tap) -> None:
    """The order is elsewhere by now: it stays there, and people are told what the customer said."""
    run, order = tap.run, tap.run.order
    in_time = run.expired_at is not None and tap.message.at < run.expired_at
    _note(tap, "late_tap", {"in_time": True} if in_time else None)
    if "late_tap" not in order.flags:
        order.raise_flag("late_tap")
        notifications.tell("late_tap", order=order, run=run, facts={"button": tap.text})


def _move(tap: Tap, target: Stage) -> None:
    order = tap.run.order
    because = {"run": str(tap.run.id), "button": tap.text, "automation": tap.run.automation.name}
    try:
        with db.savepoint():
            pipeline.move(order, target, by=CUSTOMER, because=because)
    except Refused as no:
        if no.code != "insufficient_stock":
            _note(tap, "tap_refused", {"to": target.name, "code": no.code})
        elif "stock_blocked" in order.flags:
            _note(tap, "repeated_tap")
        else:
            _block(tap, {"to": target.name} | no.facts)


def _block(tap: Tap, facts: Mapping[str, Any]) -> None:
    """The confirmation waits for goods: it is kept, seen on the card, and rings."""
    order = tap.run.order
    order.raise_flag("stock_blocked")
    _note(tap, "stock_blocked", facts)
    notifications.tell("stock_blocked", order=order, run=tap.run, facts=facts)


def _note(tap: Tap, kind: str, facts: Mapping[str, Any] | None = None) -> None:
    """A line on the order's timeline and one in the thread: the customer did answer."""
    order = tap.run.order
    said = {"button": tap.text, "stage": order.stage.name} | dict(facts or {})
    about = {"run": str(tap.run.id), "automation": tap.run.automation.name}
    _write(order, kind, said | about)
    conversations.note_activity(tap.message.conversation, kind, {"number": order.number} | said)


def _write(order: Order, kind: str, facts: Mapping[str, Any]) -> None:
    entry = Entry(order_id=order.id, kind=kind, actor=CUSTOMER.actor, facts=dict(facts))
    db.session().add(entry)


# --- any other answer -----------------------------------------------------------------------------


def _count_as_reply(conversation: Conversation, message: Message) -> None:
    """One statement, for every incoming message of somebody an automation has asked."""
    counted = db.session().execute(
        update(Run)
        .where(
            Run.id.in_(_answered(conversation, message)),
            # Asked again of the row itself: of an answer and a time that is up the first wins.
            Run.replied_at.is_(None),
            Run.expired_at.is_(None),
        )
        .values(replied_at=message.at, reply=message.text, timeout_at=None, due_at=None)
        .returning(Run.id),
        execution_options={"synchronize_session": False},
    )
    if counted.first() is not None:
        live.changed("runs")
    else:
        _note_too_late(conversation, message)


def _answered(conversation: Conversation, message: Message) -> Any:
    """What it quotes, else the newest question; and all whose time runs, for this is no silence."""
    quoted = select(Message.run_id).where(
        Message.conversation_id == conversation.id,
        Message.wamid == (message.reply_to_wamid or ""),
    )
    waiting = (
        _questions_to(conversation)
        .where(Run.replied_at.is_(None), Run.expired_at.is_(None), Run.cancelled_at.is_(None))
        .where(
            Message.sending.in_((Sending.ACCEPTED, Sending.UNCERTAIN)),
            Message.failed_at.is_(None),
            # What was written before is no answer, however late Meta brings it.
            Message.at <= message.at + CLOCKS_APART,
        )
    )
    newest = waiting.order_by(
        (Run.id == quoted.limit(1).scalar_subquery()).desc().nulls_last(),
        Run.created_at.desc(),
        Run.id.desc(),
    ).limit(1)
    running = waiting.where(or_(Run.timeout_at > message.at, Run.due_at > message.at))
    return newest.union(running)


def _questions_to(conversation: Conversation) -> Select[UUID]:
    """The runs about orders of whoever talks here, on whichever number, with their last message."""
    talks = select(Conversation.id).where(Conversation.identity_id == conversation.identity_id)
    about = select(Run.id).join(Run.order).join(Run.message)
    return about.where(Order.conversation_id.in_(talks))


def _note_too_late(conversation: Conversation, message: Message) -> None:
    """They answered in time and Meta told us after the order had moved: said where it can be seen.

    The order stays where it is; people are told, for what it says may change their mind.
    """
    expired = _questions_to(conversation).where(Run.expired_at > message.at)
    asked_before = expired.where(Message.at <= message.at + CLOCKS_APART)
    for run in db.session().scalars(select(Run).where(Run.id.in_(asked_before))):
        facts = {"text": message.text, "at": message.at.isoformat(), "stage": run.order.stage.name}
        about = {"run": str(run.id), "automation": run.automation.name}
        _write(run.order, "answered_in_time", facts | about)
        told = {"number": run.order.number} | facts
        conversations.note_activity(conversation, "answered_in_time", told)
        live.changed(f"order:{run.order.number}")

"""A customer touches a button of ours: its order moves on, or a note says why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, update

from flows import conversations, live, notifications, pipeline, runs, templates
from flows.errors import Refused
from models import db
from models.automation import Run
from models.conversation import Conversation
from models.message import Message
from models.pipeline import Stage
from models.template import MessageTemplate
from models.timeline import CUSTOMER, Entry

TAPS = ("button", "interactive")


@dataclass(frozen=True, slots=True)
class Tap:
    """A quick-reply button of a run's message, touched by the customer."""

    run: Run
    index: int
    text: str
    message: Message


def read_tap(conversation: Conversation, message: Message) -> Tap | None:
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


def obey(tap: Tap) -> None:
    """The customer has answered, and the order has moved to where the button leads, or stayed and
    a note says why. Locks the order. Refuses nothing."""
    order = tap.run.order
    pipeline.hold(order)
    _count_as_answer(tap)
    _follow(tap)
    live.changed("runs", f"stage:{order.stage_id}", f"order:{order.number}")


def _count_as_answer(tap: Tap) -> None:
    """The first word of the customer; it stops the timers unless their time was up before."""
    db.session().execute(
        update(Run)
        .where(Run.id == tap.run.id, Run.replied_at.is_(None), Run.expired_at.is_(None))
        .values(replied_at=tap.message.at, reply=tap.text, timeout_at=None, due_at=None),
        execution_options={"synchronize_session": False},
    )
    db.session().refresh(tap.run)


def _follow(tap: Tap) -> None:
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
    entry = Entry(order_id=order.id, kind=kind, actor=CUSTOMER.actor, facts=said | about)
    db.session().add(entry)
    conversations.note_activity(tap.message.conversation, kind, {"number": order.number} | said)

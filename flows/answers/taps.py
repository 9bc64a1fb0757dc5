"""A customer touches a button of ours: its order moves on, or a note says why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from flows import conversations, live, notifications, pipeline, runs
from flows.answers.settling import settle
from flows.errors import Refused
from models import db
from models.automation import Run
from models.conversation import Conversation
from models.message import Message
from models.pipeline import Stage
from models.timeline import CUSTOMER, Entry
from models.types import fold

TAPS = ("button", "interactive")


@dataclass(frozen=True, slots=True)
class Tap:
    """A quick-reply button of a run's message, touched by the customer."""

    run: Run
    question: Message
    """Of the run's messages (the first, a re-send, another template) the one that was touched."""
    index: int
    text: str
    message: Message
    spoken: Mapping[str, Any] = field(default_factory=dict)
    """Of an answer in words: {"spoken": the sentence, "confidence": how sure the bot is}."""


def read_tap(conversation: Conversation, message: Message) -> Tap | None:
    """By the payload we gave the button, else by the message it answers and the button's text."""
    if message.kind not in TAPS:
        return None
    text = str(message.payload.get("button_text") or message.text)
    ours = runs.read_payload(message.payload.get("button_payload"))
    if ours is not None:
        run_id, index = ours
        asked = _asked_by(conversation, Run.id == run_id)
        return _touched(asked, index, text, message) if asked else None
    if message.reply_to_wamid is None:
        return None
    asked = _asked_by(conversation, Message.wamid == message.reply_to_wamid)
    by_text = _index(asked[0][1], text) if asked else None
    return _touched(asked, by_text, text, message) if by_text is not None else None


Asked = Sequence[tuple[Run, Message]]


def _asked_by(conversation: Conversation, which: ColumnElement[bool]) -> Asked:
    """A run with each of its messages: what Meta has for certain comes first, then the newest."""
    # Within the conversation: nobody moves another customer's order by a payload they copied.
    wanted = (
        select(Run, Message)
        .join(Message, or_(Message.run_id == Run.id, Message.id == Run.message_id))
        .where(which, Message.conversation_id == conversation.id)
        .order_by(Message.wamid.is_(None), Message.seq.desc())
    )
    return [(run, question) for run, question in db.session().execute(wanted)]


def _touched(asked: Asked, index: int, text: str, message: Message) -> Tap:
    """On the message that the tap quotes, else on one whose button says so."""
    name = message.reply_to_wamid
    quoted = [one for one in asked if name is not None and one[1].wamid == name]
    saying = [one for one in asked if _says(one[1], index, text)]
    run, question = (quoted or saying or asked)[0]
    return Tap(run, question, index, text, message)


def _index(question: Message, text: str) -> int | None:
    places = range(len(question.payload.get("buttons", ())))
    return next((index for index in places if _says(question, index, text)), None)


def _says(question: Message, index: int, text: str) -> bool:
    """Whether this is what the button said when the message was sent."""
    words = question.payload.get("buttons", ())
    return index < len(words) and fold(words[index]) == fold(text)


def obey(tap: Tap) -> None:
    """The customer has answered, and the order has moved to where the button leads, or stayed and
    a note says why. Locks the order. Refuses nothing."""
    order = tap.run.order
    pipeline.hold(order)
    settle(select(Run.id).where(Run.id == tap.run.id), tap.message, tap.text)
    db.session().refresh(tap.run)
    _follow(tap)
    live.changed("runs", f"stage:{order.stage_id}", f"order:{order.number}")


def _follow(tap: Tap) -> None:
    """Move the order, unless the tap is a repetition or the order has left the stage it was on."""
    run, order = tap.run, tap.run.order
    target = _target(tap)
    if target is None:
        _note(tap, "tapped")
    elif _has_moved(run):
        _note(tap, "repeated_tap")
    elif _is_blocked(tap):
        _note(tap, "tap_refused", {"to": target.name, "code": "blocked"})
    elif order.stage_id != runs.trigger_of(run).to_stage_id:
        _come_late(tap)
    else:
        _move(tap, target)


def _target(tap: Tap) -> Stage | None:
    """Where the button led when the message was sent; None for words it never said."""
    if not _says(tap.question, tap.index, tap.text):
        return None
    leads = tap.question.payload.get("leads")
    if leads is None:  # sent before messages knew: what the automation says today
        buttons = tap.run.automation.buttons
        return next((b.stage for b in buttons if b.index == tap.index), None)
    stage_id = leads.get(str(tap.index))
    return _stage(UUID(stage_id)) if stage_id else None


def _stage(stage_id: UUID) -> Stage | None:
    wanted = select(Stage).where(Stage.id == stage_id, Stage.deleted_at.is_(None))
    return db.session().scalars(wanted).first()


def _is_blocked(tap: Tap) -> bool:
    cards = (tap.run.order.customer, tap.message.conversation.identity.customer)
    return any(card is not None and card.blocked_at is not None for card in cards)


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
    because |= tap.spoken
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
    said = {"button": tap.text, "stage": order.stage.name} | dict(tap.spoken) | dict(facts or {})
    about = {"run": str(tap.run.id), "automation": tap.run.automation.name}
    entry = Entry(order_id=order.id, kind=kind, actor=CUSTOMER.actor, facts=said | about)
    db.session().add(entry)
    conversations.note_activity(tap.message.conversation, kind, {"number": order.number} | said)

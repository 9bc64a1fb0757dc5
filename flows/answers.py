"""What a customer's tap or answer brings about: the order moves on, or a note says why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from flows import conversations, live, pipeline, runs, templates
from flows.errors import Refused
from models import db
from models.automation import Run
from models.conversation import Conversation
from models.message import Message, Sending
from models.order import Order
from models.pipeline import Stage
from models.timeline import CUSTOMER, Entry

NO_ANSWERS = ("edit", "revoke", "system")
"""What arrives like a message but says nothing new."""
TAPS = ("button", "interactive")
CLOCKS_APART = timedelta(seconds=30)
"""How far our clock and Meta's, which counts whole seconds, may differ."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A quick-reply button of a run's message, touched by the customer."""

    run: Run
    index: int
    text: str


def hear_all(written: Sequence[Message]) -> None:
    """Each message has been heard, oldest first; most answer nothing and cost nothing here."""
    asked = _asked({message.conversation_id for message in written})
    for message in written:
        if message.kind in TAPS or message.conversation_id in asked:
            hear(message.conversation, message)


def _asked(conversation_ids: set[UUID]) -> set[UUID | None]:
    """The conversations of these in which some automation still waits for an answer."""
    waiting = select(Order.conversation_id).join(Run, Run.order_id == Order.id)
    of_these = Order.conversation_id.in_(conversation_ids)
    return set(db.session().scalars(waiting.where(of_these, Run.replied_at.is_(None)).distinct()))


def hear(conversation: Conversation, message: Message) -> None:
    """A tap has moved its order, or left a note why not; any other message is the reply to the
    newest automation of the conversation that still waits for one.

    Call once per new message, in the transaction that stores it. Refuses nothing.
    """
    if message.kind in NO_ANSWERS:
        return
    tap = _tap(conversation, message)
    if tap is None:
        _count_as_reply(conversation, message)
        return
    if tap.run.replied_at is None:
        tap.run.replied_at, tap.run.reply = message.at, tap.text
    pipeline.hold(tap.run.order)
    _obey(tap)
    order = tap.run.order
    live.changed("runs", f"stage:{order.stage_id}", f"order:{order.number}")


def _tap(conversation: Conversation, message: Message) -> Tap | None:
    """By the payload we gave the button, else by the message it answers and the button's text."""
    if message.kind not in TAPS:
        return None
    text = str(message.payload.get("button_text") or message.text)
    ours = runs.read_payload(message.payload.get("button_payload"))
    if ours is not None:
        run = _run_of(conversation, Run.id == ours[0])
        return Tap(run, ours[1], text) if run else None
    if message.reply_to_wamid is None:
        return None
    run = _run_of(conversation, Message.wamid == message.reply_to_wamid)
    index = _index(run, text) if run else None
    return Tap(run, index, text) if run and index is not None else None


def _run_of(conversation: Conversation, which: Any) -> Run | None:
    # Within the conversation: nobody moves another customer's order by a payload they copied.
    wanted = select(Run).join(Run.message).where(which, Message.conversation_id == conversation.id)
    return db.session().scalars(wanted).first()


def _index(run: Run, text: str) -> int | None:
    buttons = templates.taps(run.automation.template)
    return next((button.index for button in buttons if button.text == text), None)


def _obey(tap: Tap) -> None:
    """Move the order, unless the tap is a repetition or the order has left the stage it was on."""
    run, order = tap.run, tap.run.order
    buttons = run.automation.buttons
    target = next((b.stage for b in buttons if b.index == tap.index), None)
    if target is None:
        _note(tap, "tapped")
    elif _has_moved(run):
        _note(tap, "repeated_tap")
    elif order.stage_id != _stage_id_of(run):
        _note(tap, "late_tap")
    else:
        _move(tap, target)


def _has_moved(run: Run) -> bool:
    moved = select(Entry.id).where(
        Entry.order_id == run.order_id,
        Entry.kind == "moved",
        Entry.facts["run"].astext == str(run.id),
    )
    return db.session().scalar(moved.limit(1)) is not None


def _stage_id_of(run: Run) -> Any:
    """The stage the order was on when the message was made, whatever the automation says today."""
    return db.session().get_one(Entry, (run.merchant_id, run.entry_id)).to_stage_id


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
            order.raise_flag("stock_blocked")
            _note(tap, "stock_blocked", {"to": target.name} | no.facts)


def _note(tap: Tap, kind: str, facts: Mapping[str, Any] | None = None) -> None:
    """A line on the order's timeline and one in the thread: the customer did answer."""
    order = tap.run.order
    said = {"button": tap.text, "stage": order.stage.name} | dict(facts or {})
    db.session().add(
        Entry(
            order_id=order.id,
            kind=kind,
            actor=CUSTOMER.actor,
            facts=said | {"run": str(tap.run.id), "automation": tap.run.automation.name},
        )
    )
    if order.conversation is not None:
        conversations.note_activity(order.conversation, kind, {"number": order.number} | said)


def _count_as_reply(conversation: Conversation, message: Message) -> None:
    """For the message it quotes, else the newest; one statement, for every incoming message."""
    newest = (
        select(Run.id)
        .join(Run.order)
        .join(Run.message)
        .where(
            Order.conversation_id == conversation.id,
            Run.replied_at.is_(None),
            Message.sending.in_((Sending.ACCEPTED, Sending.UNCERTAIN)),
            Message.failed_at.is_(None),
            # What was written before is no answer, however late Meta brings it.
            Message.at <= message.at + CLOCKS_APART,
        )
        .order_by(
            (Message.wamid == (message.reply_to_wamid or "")).desc().nulls_last(),
            Run.created_at.desc(),
            Run.id.desc(),
        )
        .limit(1)
        .scalar_subquery()
    )
    counted = db.session().execute(
        update(Run)
        .where(Run.id == newest)
        .values(replied_at=message.at, reply=message.text)
        .returning(Run.id),
        execution_options={"synchronize_session": False},
    )
    if counted.first() is not None:
        live.changed("runs")

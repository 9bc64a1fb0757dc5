"""The written answer to an automation's question counts like its button: "wakha" is a tap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select

from flows import answers, runs
from flows.answers import Tap
from flows.silence import CLOCKS_APART
from flows.talks import saying
from flows.talks.leaving import leave
from flows.talks.moments import moment
from flows.talks.scene import BUTTONS, TITLE, Scene
from flows.understanding import Catalogue, Understood, understand
from models import db
from models.automation import Run
from models.message import Direction, Message, Sending
from models.order import Order, OrderLine
from models.pipeline import Stage, SystemState
from models.types import utcnow

SURE = 0.8
"""A sentence moves an order by itself from this confidence on; below it is asked with buttons."""
DAYS = 14
ANSWERS = ("confirm", "refuse", "cancel", "later", "change_address", "change_order")
MEANT: dict[SystemState, str] = {
    SystemState.CONFIRMED: "confirm",
    SystemState.CANCELLED: "refuse",
}
"""What a button that leads to such a stage says."""
SAME = {"cancel": "refuse", "change_address": "later", "change_order": "later"}
"""Intents for which another one's button will do, where they have none of their own."""
DONE = {"confirm": "confirmed", "refuse": "refused", "later": "postponed"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of an automation that is still open: its order has not moved since."""

    run: Run
    question: Message
    buttons: dict[str, int]
    """{intent: index}"""
    titles: list[str]


def open_question(scene: Scene) -> Asked | None:
    """The newest question to this customer whose order still stands where it was asked."""
    wanted = (
        select(Run, Message)
        .join(Message, or_(Message.run_id == Run.id, Message.id == Run.message_id))
        .join(Order, Order.id == Run.order_id)
        .where(
            Message.conversation_id == scene.conversation.id,
            Message.sending.in_((Sending.ACCEPTED, Sending.UNCERTAIN)),
            Message.failed_at.is_(None),
            Message.payload["leads"].is_not(None),
            # What was written before is no answer to it.
            Message.at <= scene.heard[-1].at + CLOCKS_APART,
            Run.cancelled_at.is_(None),
            Run.expired_at.is_(None),
        )
        .order_by(Message.seq.desc())
        .limit(5)
    )
    for run, question in db.session().execute(wanted):
        if (utcnow() - question.at).days > DAYS or not question.payload.get("leads"):
            continue
        if run.order.stage_id == runs.trigger_of(run).to_stage_id:
            return Asked(run, question, _buttons(question), list(question.payload["buttons"]))
    return None


def _buttons(question: Message) -> dict[str, int]:
    """Which button says yes, no, later: by where it leads, else by its words."""
    found: dict[str, int] = {}
    leads = question.payload["leads"]
    for index, title in enumerate(question.payload.get("buttons", ())):
        stage_id = leads.get(str(index))
        stage = (
            db.session().scalars(select(Stage).where(Stage.id == UUID(stage_id))).first()
            if (stage_id)
            else None
        )
        by_stage = MEANT.get(stage.state) if stage is not None and stage.state else None
        said = understand(title, Catalogue.of(()), context="asked_confirm").intent
        meant = by_stage or (said if said in ANSWERS else None)
        if meant is not None:
            found.setdefault(meant, index)
    return found


def answer(scene: Scene, asked: Asked, said: Understood) -> bool:
    """The order has moved as a tap would move it, or the customer is asked once with buttons, or a
    person reads it where the merchant wants that.

    False when what was said is no answer.
    """
    if said.intent not in ANSWERS:
        return False
    order = asked.run.order
    if not scene.bot.confirms:
        leave(scene, said.intent, key="noted", number=order.number)
        return True
    index = asked.buttons.get(said.intent, asked.buttons.get(SAME.get(said.intent, "")))
    if index is None or said.intent.startswith("change_"):
        if index is not None:
            _obey(scene, asked, index, said)
        leave(scene, said.intent, key="noted", number=order.number)
        return True
    if said.confidence < SURE or _refuses_a_part(order, said):
        _ask_once(scene, asked)
        return True
    _obey(scene, asked, index, said)
    return True


def _refuses_a_part(order: Order, said: Understood) -> bool:
    """ "annulez la ceinture" of an order that holds more: not the order, and not nothing."""
    if said.intent not in ("refuse", "cancel") or not said.products:
        return False
    lines = select(func.count()).where(OrderLine.order_id == order.id)
    return db.session().scalars(lines).one() > 1


def ask_again(scene: Scene, asked: Asked) -> bool:
    """What nobody understands, right after the question, is an answer that is not clear; False for
    what came later."""
    if scene.talk.step != "confirm_which" and not _was_last(scene, asked):
        return False
    _ask_once(scene, asked)
    return True


def _was_last(scene: Scene, asked: Asked) -> bool:
    """Whether the question is the last thing that was said to the customer."""
    last = select(func.max(Message.seq)).where(
        Message.conversation_id == scene.conversation.id, Message.direction == Direction.OUT
    )
    return db.session().scalar(last) == asked.question.seq


def _ask_once(scene: Scene, asked: Asked) -> None:
    """The automation's own buttons again; whoever is not clear even then gets a person."""
    number = asked.run.order.number
    if scene.talk.facts.get("asked_run") == str(asked.run.id):
        leave(scene, "unclear", key="noted", number=number)
        return
    reply = scene.ask("confirm_which", "confirm_ask", number=number)
    # These carry the automation's payloads: a tap goes the way every tap goes.
    reply.buttons = {
        runs.payload(asked.run, index): title[:TITLE]
        for index, title in enumerate(asked.titles[:BUTTONS])
    }
    scene.keep(asked_run=str(asked.run.id))
    scene.did("asked_confirm", number=number)


def _obey(scene: Scene, asked: Asked, index: int, said: Understood) -> None:
    order, before = asked.run.order, asked.run.order.version
    words = " ".join(scene.turn.heard.split())[:300]
    spoken = {"spoken": words, "confidence": round(said.confidence, 2)}
    tap = Tap(asked.run, asked.question, index, asked.titles[index], scene.heard[-1], spoken)
    answers.obey(tap)
    scene.turn.order_id = order.id
    if order.version == before:
        _tell_stayed(scene, asked.run)
        return
    at = _call_at(scene, order, said)
    key = DONE.get("refuse" if said.intent == "cancel" else said.intent, "noted")
    if at is None:
        scene.tell(key, number=order.number)
    else:
        day = saying.day(at.date(), scene.language)
        scene.tell("postponed_until", number=order.number, day=day, hour=f"{at:%H:%M}")
    scene.did("moved", number=order.number, to=order.stage.name, intent=said.intent)


def _call_at(scene: Scene, order: Order, said: Understood) -> datetime | None:
    """When they asked to be called, on the merchant's clock; the call centre does so then."""
    if said.intent != "later" or order.call_due_at is None:
        return None
    at = moment(said.entities, utcnow(), scene.merchant.zone)
    if at is None:
        return None
    order.call_due_at = at
    return at.astimezone(scene.merchant.zone)


def _tell_stayed(scene: Scene, run: Run) -> None:
    order = run.order
    if "stock_blocked" in order.flags:
        scene.tell("confirm_stock", number=order.number)
        scene.leaves = "stock"
    elif order.stage_id == runs.trigger_of(run).to_stage_id:
        scene.tell("noted", number=order.number)  # moved by a tap before, and moved back since
        scene.leaves = "late"
    else:
        scene.tell("confirm_late", number=order.number, stage=order.stage.name)
        scene.leaves = "late"
    scene.did("handed_over", why=scene.leaves, number=order.number)

"""What a stage sends, and what a customer's tap or answer to it brings about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import joinedload, selectinload

from flows import conversations, live, pipeline, runs, templates
from flows.errors import N_, Invalid, NotFound, Refused
from models import db
from models.automation import Automation, AutomationButton, Run
from models.conversation import Conversation
from models.message import Message, Sending
from models.order import Order
from models.pipeline import Stage
from models.template import MessageTemplate
from models.timeline import CUSTOMER, Entry

NO_ANSWERS = ("edit", "revoke", "system")
"""What arrives like a message but says nothing new."""
CLOCKS_APART = timedelta(seconds=30)
"""How far our clock and Meta's, which counts whole seconds, may differ."""


# --- setting up -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a person chose; None where nothing was."""

    name: str
    stage: Stage | None
    template: MessageTemplate | None
    description: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    buttons: Mapping[int, Stage | None] = field(default_factory=dict)
    active: bool = True
    retrigger: bool = False


def save(form: Form, automation: Automation | None = None) -> Automation:
    """The automation (a new one, or this one changed) does what the form says.

    Invalid names every wrong field at once: name, stage, template, variables.body.1, buttons.0.
    """
    wrong = _wrong(form)
    if wrong or form.stage is None or form.template is None:
        raise Invalid(wrong)
    automation = automation or Automation()
    automation.name = form.name.strip()
    automation.description = form.description.strip()
    automation.stage, automation.template = form.stage, form.template
    blanks = [variable.key for variable in form.template.variables]
    automation.variables = {key: form.variables[key] for key in blanks}
    automation.active, automation.retrigger = form.active, form.retrigger
    _map_buttons(automation, form.buttons)
    db.session().add(automation)
    return automation


def switch(automation: Automation, *, on: bool) -> None:
    """On: orders entering the stage get the message from now on. Off: nobody does."""
    if on:
        templates.check_sendable(automation.template)
    automation.active = on


def listed() -> Sequence[Automation]:
    """Every automation, in the order of the stages."""
    wanted = (
        select(Automation)
        .join(Automation.stage)
        .options(
            joinedload(Automation.stage),
            joinedload(Automation.template),
            selectinload(Automation.buttons).joinedload(AutomationButton.stage),
        )
        .order_by(Stage.position, Automation.created_at, Automation.id)
    )
    return db.session().scalars(wanted).all()


def find(automation_id: UUID) -> Automation:
    """The merchant's automation, or NotFound."""
    wanted = select(Automation).where(Automation.id == automation_id)
    automation = db.session().scalars(wanted).first()
    if automation is None:
        raise NotFound
    return automation


def samples(limit: int = 20) -> Sequence[Order]:
    """The newest orders, for a preview on a real one."""
    newest = select(Order).order_by(Order.number.desc()).limit(limit)
    return db.session().scalars(newest.options(joinedload(Order.customer))).all()


def _wrong(form: Form) -> dict[str, Refused]:
    wrong: dict[str, Refused] = {}
    if not form.name.strip():
        wrong["name"] = Refused("required", N_("Give it a name."))
    if form.stage is None or not form.stage.active:
        wrong["stage"] = Refused("required", N_("Choose a stage."))
    if form.template is None:
        wrong["template"] = Refused("required", N_("Choose a template."))
        return wrong
    try:
        templates.check_sendable(form.template)
    except Refused as no:
        wrong["template"] = no
    return wrong | _wrong_variables(form, form.template) | _wrong_buttons(form, form.template)


def _wrong_variables(form: Form, template: MessageTemplate) -> dict[str, Refused]:
    return {
        f"variables.{variable.key}": Refused("required", N_("Choose what to write here."))
        for variable in template.variables
        if form.variables.get(variable.key) not in templates.FACTS
    }


def _wrong_buttons(form: Form, template: MessageTemplate) -> dict[str, Refused]:
    taps = {button.index for button in templates.taps(template)}
    wrong = {
        index: Refused("no_such_button", N_("This template has no such button."))
        for index in form.buttons.keys() - taps
    }
    for index, stage in form.buttons.items():
        if stage and form.stage and (no := _blocked(form.stage, stage)):
            wrong[index] = no
    return {f"buttons.{index}": no for index, no in wrong.items()}


def _blocked(stage: Stage, target: Stage) -> Refused | None:
    """Why a customer's tap could never take an order from one stage to the other."""
    if target.pipeline_id != stage.pipeline_id or not target.active:
        return Refused("foreign_stage", N_("Choose a stage of the same pipeline."))
    rules = pipeline.Rules.of(stage.pipeline, CUSTOMER)
    if stage.state is not None and not rules.joins(stage.state, target):
        return Refused(
            "transition_refused",
            N_("From “{from_stage}” an order cannot go to “{to_stage}”."),
            from_stage=stage.name,
            to_stage=target.name,
        )
    return None


def _map_buttons(automation: Automation, wanted: Mapping[int, Stage | None]) -> None:
    """Rows are kept and repointed: a deleted and a new row of one index would meet in one flush."""
    known = {button.index: button for button in automation.buttons}
    for index, stage in wanted.items():
        button = known.get(index) or AutomationButton(index=index)
        button.stage = stage
        if index not in known:
            automation.buttons.append(button)
    for index in known.keys() - wanted.keys():
        automation.buttons.remove(known[index])


# --- what customers answer ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tap:
    """A quick-reply button of a run's message, touched by the customer."""

    run: Run
    index: int
    text: str


def answered(conversation: Conversation, message: Message) -> None:
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
    if message.kind not in ("button", "interactive"):
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
        elif order.flag == "stock_blocked":
            _note(tap, "repeated_tap")
        else:
            order.flag = "stock_blocked"
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

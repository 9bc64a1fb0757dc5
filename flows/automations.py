"""What a stage sends: one automation is one stage, one template, what fills it, where taps lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from flows import pipeline, templates
from flows.errors import N_, Invalid, NotFound, Refused
from models import db
from models.automation import Automation, AutomationButton
from models.order import Order
from models.pipeline import Stage
from models.template import MessageTemplate
from models.timeline import CUSTOMER


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

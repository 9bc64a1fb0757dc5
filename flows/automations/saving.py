"""Automations are made, changed, switched, copied and removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from flows import audit, live, templates
from flows.automations import check
from flows.automations.form import Deed, Form
from flows.errors import N_, Invalid, Refused
from models import db
from models.automation import Automation, AutomationButton, Run
from models.pipeline import Stage
from models.types import Json


def save(form: Form, automation: Automation | None = None) -> Automation:
    """The automation (a new one, or this one changed) does what the form says.

    Invalid names every wrong field at once: name, stage, template, variables.body.1, buttons.0,
    fallback, failure.other.hours, …
    """
    wrong = check.wrong(form)
    if wrong or form.stage is None or form.template is None:
        raise Invalid(wrong)
    kind, before = "automations.added", {}
    if automation is not None:
        kind, before = "automations.changed", audit.facts(_facts(automation))
    automation = automation or Automation()
    automation.name = form.name.strip()
    automation.description = form.description.strip()
    automation.stage, automation.template = form.stage, form.template
    automation.channel = form.channel
    automation.delay, automation.at_time = form.delay, form.at_time
    automation.respects_quiet = form.respects_quiet
    automation.variables = _mapping(form.template.variables, form.variables)
    automation.active, automation.retrigger = form.active, form.retrigger
    _take_silence(automation, form)
    automation.on_failure = {
        cause: _written(deed) for cause, deed in form.failure.items() if deed.do != "nothing"
    }
    _map_buttons(automation, form.buttons)
    db.session().add(automation)
    live.changed("runs")
    audit.changed(kind, before, _facts(automation), on=automation.name, on_id=automation.id)
    return automation


def switch(automation: Automation, *, on: bool) -> None:
    """On: orders entering the stage get the message from now on. Off: nobody does.

    Refuses to switch on what could not send: a template taken back, a hidden stage.
    """
    if on:
        templates.check_sendable(automation.template, by_itself=True)
        _check_open(automation.stage)
    if automation.active != on:
        kind = "automations.switched_on" if on else "automations.switched_off"
        audit.note(kind, on=automation.name, on_id=automation.id)
    automation.active = on


def copy(automation: Automation, name: str) -> Automation:
    """The same again under another name, switched off: nobody is written to twice."""
    same = {column: getattr(automation, column) for column in _COPIED}
    made = Automation(name=name, active=False, **same)
    made.stage, made.template = automation.stage, automation.template
    made.channel, made.fallback_stage = automation.channel, automation.fallback_stage
    made.buttons = [AutomationButton(index=b.index, stage=b.stage) for b in automation.buttons]
    db.session().add(made)
    after = {"copy_of": automation.name}
    audit.note("automations.added", on=name, on_id=made.id, after=after)
    return made


_COPIED = (
    "description",
    "variables",
    "retrigger",
    "delay",
    "at_time",
    "respects_quiet",
    "timeout",
    "timeout_from",
    "resends",
    "on_failure",
)


def remove(automation: Automation) -> bool:
    """Gone if it never ran (True); else only switched off, for its history needs it (False)."""
    session = db.session()
    # Nobody starts a run of it between the question and the answer.
    held = select(Automation.id).where(Automation.id == automation.id).with_for_update()
    session.execute(held)
    ran = select(Run.id).where(Run.automation_id == automation.id).limit(1)
    if session.scalar(ran) is not None:
        switch(automation, on=False)
        return False
    audit.note("automations.deleted", on=automation.name, before=audit.facts(_facts(automation)))
    session.delete(automation)
    return True


def _facts(automation: Automation) -> Json:
    """What the audit tells of an automation."""
    told = {name: getattr(automation, name) for name in _TOLD}
    fallback, channel = automation.fallback_stage, automation.channel
    return told | {
        "stage": automation.stage.name,
        "template": automation.template.name,
        "channel": channel.name if channel else None,
        "fallback": fallback.name if fallback else None,
        "buttons": {
            str(button.index): button.stage.name if button.stage else None
            for button in automation.buttons
        },
    }


_TOLD = ("name", "active", *_COPIED)


def _take_silence(automation: Automation, form: Form) -> None:
    """Without a time-out nothing else of it is kept: it would only be read by mistake."""
    asked = form.timeout is not None
    automation.timeout, automation.timeout_from = form.timeout, form.timeout_from
    automation.fallback_stage = form.fallback if asked else None
    automation.resends = form.resends if asked else 0


def _mapping(variables: Any, chosen: Mapping[str, str]) -> dict[str, str]:
    return {variable.key: chosen[variable.key] for variable in variables}


def _written(deed: Deed) -> dict[str, Any]:
    if deed.do == "wait":
        return {"do": "wait", "hours": deed.hours}
    if deed.do == "template" and deed.template is not None:
        variables = _mapping(deed.template.variables, deed.variables)
        return {"do": "template", "template_id": str(deed.template.id), "variables": variables}
    return {"do": deed.do}


def _check_open(stage: Stage) -> None:
    if not stage.active or stage.deleted_at is not None:
        raise Refused(
            "stage_hidden",
            N_("The stage “{stage}” is hidden: no order can enter it."),
            stage=stage.name,
        )


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

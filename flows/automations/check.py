"""The form against the shop: every wrong field is named at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import select

from flows import pipeline, templates
from flows.automations.form import (
    CAUSES,
    DEEDS,
    LIMITS,
    LONGEST_WAIT,
    MOST_RESENDS,
    TIMEOUT_FROM,
    Deed,
    Form,
)
from flows.errors import N_, Refused
from models import db
from models.channel import Channel
from models.pipeline import Stage
from models.template import MessageTemplate
from models.timeline import AUTOMATION, CUSTOMER, By

Found = Iterator[tuple[str, Refused]]

MINUTE, HOUR = 60, 3600


def wrong(form: Form) -> dict[str, Refused]:
    """Field → what is wrong with it; empty when the automation can be saved."""
    found: dict[str, Refused] = dict(form.unread)
    for rule in (_identity, _trigger, _template, _buttons, _silence, _failures):
        for name, refusal in rule(form):
            found.setdefault(name, refusal)
    return found


def obstacle(template: MessageTemplate) -> Refused | None:
    """Why this template cannot be sent now; None when it can."""
    try:
        templates.check_sendable(template, by_itself=True)
    except Refused as no:
        return no
    return None


# --- identity, trigger ----------------------------------------------------------------------------


def _identity(form: Form) -> Found:
    if not form.name.strip():
        yield "name", Refused("required", N_("Give it a name."))
    for name, limit in LIMITS.items():
        if len(getattr(form, name)) > limit:
            yield name, Refused("too_long", N_("At most {limit} characters."), limit=limit)


def _trigger(form: Form) -> Found:
    if form.stage is None or not _open(form.stage):
        yield "stage", Refused("required", N_("Choose a stage."))
    if not 0 <= form.delay <= LONGEST_WAIT:
        yield "delay", Refused("too_long", N_("At most {days} days."), days=30)


def _template(form: Form) -> Found:
    template = form.template
    if template is None:
        yield "template", Refused("required", N_("Choose a template."))
        return
    if no := obstacle(template):
        yield "template", no
    elif form.channel and not _known_to(form.channel, template):
        yield (
            "template",
            Refused(
                "template_account",
                N_("The WhatsApp account of “{number}” does not have this template."),
                number=form.channel.name,
            ),
        )
    for key in _unmapped(template, form.variables):
        yield f"variables.{key}", _CHOOSE


def _known_to(channel: Channel, template: MessageTemplate) -> bool:
    """Whether the number's account has the template, or one of its name and language."""
    twin = select(MessageTemplate.id).where(
        MessageTemplate.waba_id == channel.waba_id,
        MessageTemplate.name == template.name,
        MessageTemplate.language == template.language,
    )
    return template.waba_id == channel.waba_id or db.session().scalar(twin) is not None


def _unmapped(template: MessageTemplate, variables: Mapping[str, str]) -> list[str]:
    keys = [variable.key for variable in template.variables]
    return [key for key in keys if variables.get(key) not in templates.FACTS]


_CHOOSE = Refused("required", N_("Choose what to write here."))


def _open(stage: Stage) -> bool:
    return stage.active and stage.deleted_at is None


# --- where orders go ------------------------------------------------------------------------------


def _buttons(form: Form) -> Found:
    if form.template is None:
        return
    taps = {button.index for button in templates.taps(form.template)}
    for index in sorted(form.buttons.keys() - taps):
        no = Refused("no_such_button", N_("This template has no such button."))
        yield f"buttons.{index}", no
    for index, target in form.buttons.items():
        if form.stage and target and (why := _blocked(form.stage, target, CUSTOMER)):
            yield f"buttons.{index}", why


def reachable(stage: Stage, by: By) -> list[Stage]:
    """The other stages of the pipeline that `by` could ever take an order to from this one."""
    rules = pipeline.Rules.of(stage.pipeline, by)
    others = [other for other in stage.pipeline.stages if other.id != stage.id]
    return [other for other in others if _open(other) and _leads(rules, stage, other)]


def _leads(rules: pipeline.Rules, stage: Stage, target: Stage) -> bool:
    own = target.id in rules.narrowed.get(stage.id, {target.id})
    return own and (stage.state is None or rules.joins(stage.state, target))


def _blocked(stage: Stage, target: Stage, by: By) -> Refused | None:
    if target.pipeline_id != stage.pipeline_id or not _open(target):
        return Refused("foreign_stage", N_("Choose a stage of the same pipeline."))
    if _leads(pipeline.Rules.of(stage.pipeline, by), stage, target):
        return None
    return Refused(
        "transition_refused",
        N_("From “{from_stage}” an order cannot go to “{to_stage}”."),
        from_stage=stage.name,
        to_stage=target.name,
    )


def _silence(form: Form) -> Found:
    if not 0 <= form.resends <= MOST_RESENDS:
        yield "resends", Refused("choice", N_("Choose one of the list."))
    if form.timeout_from not in TIMEOUT_FROM:
        yield "timeout_from", Refused("choice", N_("Choose one of the list."))
    if form.timeout is None:
        return
    if not MINUTE <= form.timeout <= LONGEST_WAIT:
        yield "timeout", Refused("amount", N_("From one minute to {days} days."), days=30)
    if form.fallback is None and not form.resends:
        yield "fallback", Refused("required", N_("Choose where the order goes, or send again."))
    if form.fallback and form.stage:
        if form.fallback.id == form.stage.id:
            yield "fallback", Refused("same_stage", N_("It is on this stage already."))
        elif why := _blocked(form.stage, form.fallback, AUTOMATION):
            yield "fallback", why


# --- failures -------------------------------------------------------------------------------------


def _failures(form: Form) -> Found:
    for cause, deed in form.failure.items():
        if cause not in CAUSES or deed.do not in DEEDS:
            yield f"failure.{cause}", Refused("choice", N_("Choose one of the list."))
        elif deed.do == "wait" and not _least(cause) <= (deed.hours or 0) <= LONGEST_WAIT // HOUR:
            limits = {"least": _least(cause), "most": LONGEST_WAIT // HOUR}
            no = Refused("amount", N_("From {least} to {most} hours."), **limits)
            yield f"failure.{cause}.hours", no
        elif deed.do == "template":
            for name, refusal in _other_template(deed, form.template):
                yield f"failure.{cause}.{name}", refusal


def _least(cause: str) -> int:
    """Hours; Meta wants a day before advertising it held back is tried anew."""
    return 24 if cause == "marketing_limit" else 1


def _other_template(deed: Deed, first: MessageTemplate | None) -> Found:
    if deed.template is None:
        yield "template", Refused("required", N_("Choose a template."))
        return
    if first is not None and deed.template.id == first.id:
        yield "template", Refused("same", N_("Choose another template than the first one."))
    elif no := obstacle(deed.template):
        yield "template", no
    for key in _unmapped(deed.template, deed.variables):
        yield f"variables.{key}", _CHOOSE

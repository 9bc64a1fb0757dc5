"""One stage in a dialog: its words and colour, what it means, hiding and deleting it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import render_template, request

from flows import presets, stages
from flows.errors import Invalid
from flows.stages import Form, pipelines
from inbox import htmx, life
from inbox.auth import needs
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.pipeline import pages, words
from inbox.pipeline.stages import Answer, partial
from models.bulk import Bulk
from models.pipeline import REASONED, Pipeline, Stage


@pages.get("/pipeline/<uuid:pipeline_id>/stages/new")
@needs("pipeline.edit")
def new_stage(pipeline_id: UUID) -> str:
    of = pipelines.find(pipeline_id)
    return _new(of, {"color": "blue", "place": str(len(of.stages) + 1)}, {})


@pages.post("/pipeline/<uuid:pipeline_id>/stages")
@needs("pipeline.edit")
def add_stage(pipeline_id: UUID) -> Answer:
    of, fields = pipelines.find(pipeline_id), Fields(request.form)
    try:
        stage = stages.add(of, _form(fields), place=fields.whole("place"))
    except Invalid as refusal:
        life.undo()
        of = pipelines.find(pipeline_id)
        return _new(of, request.form.to_dict(), words.told(refusal.fields)), 422
    htmx.toast(_("“%(name)s” is added.", name=stage.name))
    htmx.close_dialog()
    return partial(of)


@pages.get("/pipeline/stages/<uuid:stage_id>")
@needs("pipeline.edit")
def edit_stage(stage_id: UUID) -> str:
    stage = stages.find(stage_id)
    return _dialog(stage, _as_posted(stage), {})


@pages.post("/pipeline/stages/<uuid:stage_id>")
@needs("pipeline.edit")
def change_stage(stage_id: UUID) -> Answer:
    """All that the dialog says; another state reclassifies the orders on the stage at once."""
    stage, fields = stages.find(stage_id), Fields(request.form)
    form = _form(fields)
    try:
        bulk = stages.change_state(stage, form.state, by=current.member)
        stages.describe(stage, form)
        _appear(stage, shown="active" in request.form)
    except Invalid as refusal:
        life.undo()
        stage = stages.find(stage_id)
        return _dialog(stage, request.form.to_dict(), words.told(refusal.fields)), 422
    htmx.toast(_("“%(name)s” is saved.", name=stage.name))
    return _done(stage.pipeline, bulk)


@pages.get("/pipeline/stages/<uuid:stage_id>/impact")
@needs("pipeline.edit")
def impact(stage_id: UUID) -> str:
    """What the state that is being chosen would bring about, and the reasons that go with it."""
    stage = stages.find(stage_id)
    state = words.read_state(request.args.get("state"))
    reasons = presets.reasons_of(state, current.merchant.language)
    kept = stage.reasons if state == stage.state else reasons
    return _meaning(stage, {"state": state or "", "reasons": "\n".join(kept)}, {})


@pages.post("/pipeline/stages/<uuid:stage_id>/active")
@needs("pipeline.edit")
def appear(stage_id: UUID) -> str:
    """Hidden, or shown again when the form says `active`."""
    stage = stages.find(stage_id)
    _appear(stage, shown="active" in request.form)
    return partial(stage.pipeline)


@pages.get("/pipeline/stages/<uuid:stage_id>/gone")
@needs("pipeline.edit")
def leaving(stage_id: UUID) -> str:
    """The dialog: where its orders go, and what stops."""
    return render_template("pipeline/_delete.html", plan=stages.removal(stages.find(stage_id)))


@pages.post("/pipeline/stages/<uuid:stage_id>/gone")
@needs("pipeline.edit")
def delete_stage(stage_id: UUID) -> str:
    stage = stages.find(stage_id)
    of, name = stage.pipeline, stage.name
    bulk = stages.delete(stage, by=current.member, agreed="agreed" in request.form)
    htmx.toast(_("“%(name)s” is deleted.", name=name))
    return _done(of, bulk)


def _appear(stage: Stage, *, shown: bool) -> None:
    if shown != stage.active:
        (stages.show if shown else stages.hide)(stage)


def _done(of: Pipeline, bulk: Bulk | None) -> str:
    """The list anew, and the dialog closed, unless it shows how far a long piece of work is."""
    if bulk is None:
        htmx.close_dialog()
        return partial(of)
    return render_template("pipeline/_working.html", bulk=bulk) + partial(of)


def _form(fields: Fields) -> Form:
    reasons = fields.lines("reasons").splitlines() if "reasons" in fields.posted else None
    return Form(
        name=fields.text("name"),
        description=fields.lines("description"),
        color=fields.posted.get("color", ""),
        state=words.read_state(fields.posted.get("state")),
        reasons=reasons,
    )


def _as_posted(stage: Stage) -> dict[str, str]:
    """The stage as the form would post it."""
    posted = {
        "name": stage.name,
        "description": stage.description,
        "color": stage.color,
        "state": stage.state or "",
        "reasons": "\n".join(stage.reasons),
    }
    return posted | ({"active": "1"} if stage.active else {})


def _new(of: Pipeline, typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    return render_template(
        "pipeline/_new_stage.html",
        pipeline=of,
        typed=typed,
        wrong=wrong,
        states=words.STATES,
        colors=words.COLORS,
    )


def _dialog(stage: Stage, typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    return render_template(
        "pipeline/_stage.html",
        stage=stage,
        typed=typed,
        wrong=wrong,
        states=words.STATES,
        colors=words.COLORS,
        count=stages.counts(stage.pipeline).get(stage.id, 0),
        **_facts(stage, typed),
    )


def _meaning(stage: Stage, typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    return render_template(
        "pipeline/_meaning.html", stage=stage, typed=typed, wrong=wrong, **_facts(stage, typed)
    )


def _facts(stage: Stage, typed: Mapping[str, str]) -> dict[str, object]:
    state = words.read_state(typed.get("state"))
    changed = state != stage.state
    effect = stages.impact(stage, state) if changed else None
    return {"state": state, "effect": effect, "reasoned": state in REASONED}

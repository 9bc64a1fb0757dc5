"""The editor: the stages of a pipeline in their order, its name, whether it ships."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from flows import stages
from flows.errors import Invalid
from flows.stages import pipelines
from inbox import htmx, life
from inbox.auth import needs
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.pipeline import pages, words
from models.pipeline import Pipeline

Answer = str | tuple[str, int]


@pages.get("/pipeline")
@needs("pipeline.edit")
def index() -> str:
    """Its stages; as a fragment, the list alone."""
    of = words.chosen(request.args.get("pipeline"))
    return listed(of) if current.wants_fragment else _page(of)


@pages.post("/pipeline/<uuid:pipeline_id>/order")
@needs("pipeline.edit")
def reorder(pipeline_id: UUID) -> str | Response:
    """The stages stand in the order of `ids`, which are parted by spaces."""
    of = pipelines.find(pipeline_id)
    ids = [read_id(text) for text in request.form.get("ids", "").split()]
    stages.reorder(of, [id_ for id_ in ids if id_ is not None])
    return listed(of) if htmx.asked() else _back(of)


@pages.get("/pipeline/<uuid:pipeline_id>")
@needs("pipeline.edit")
def edit(pipeline_id: UUID) -> str:
    """The dialog: its name, whether it ships, giving it up."""
    of = pipelines.find(pipeline_id)
    return _dialog(of, {"name": of.name, "ships": "1" if of.ships else ""}, {})


@pages.post("/pipeline/<uuid:pipeline_id>")
@needs("pipeline.edit")
def describe(pipeline_id: UUID) -> Answer:
    of, fields = pipelines.find(pipeline_id), Fields(request.form)
    try:
        pipelines.describe(of, name=fields.text("name"), ships="ships" in request.form)
    except Invalid as refusal:
        life.undo()
        typed, wrong = request.form.to_dict(), words.told(refusal.fields)
        return _dialog(pipelines.find(pipeline_id), typed, wrong), 422
    htmx.toast(_("Saved."))
    htmx.close_dialog()
    return partial(of)


@pages.post("/pipeline/<uuid:pipeline_id>/gone")
@needs("pipeline.edit")
def give_up(pipeline_id: UUID) -> Response:
    of = pipelines.find(pipeline_id)
    name = of.name
    pipelines.give_up(of)
    htmx.toast(_("“%(name)s” is deleted.", name=name))
    return Response(headers={"HX-Redirect": url_for("pipeline.index")})


def listed(of: Pipeline) -> str:
    """The list of stages, as it stands now."""
    return render_template(
        "pipeline/_stages.html",
        pipeline=of,
        counts=stages.counts(of),
        automations=stages.automations(of),
        out_of_reach=stages.out_of_reach(of),
        first=next((stage for stage in of.stages if stage.active), None),
    )


def partial(of: Pipeline) -> str:
    """The list for htmx to put in its place, whatever asked for it."""
    html = Markup(listed(of))  # noqa: S704 - it comes from our own template
    return render_template("pipeline/_partial.html", html=html)


def _page(of: Pipeline) -> str:
    return render_template(
        "pipeline/index.html",
        pipeline=of,
        pipelines=pipelines.listed(),
        listed=Markup(listed(of)),  # noqa: S704 - it comes from our own template
    )


def _dialog(of: Pipeline, typed: dict[str, str], wrong: dict[str, str]) -> str:
    spare = len(pipelines.listed()) > 1 and pipelines.empty(of)
    return render_template(
        "pipeline/_edit.html", pipeline=of, typed=typed, wrong=wrong, spare=spare
    )


def _back(of: Pipeline) -> Response:
    return redirect(url_for("pipeline.index", pipeline=of.id), 303)

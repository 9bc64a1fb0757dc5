"""The small matrix: from each stage, where orders may go."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import stages
from flows.stages import pipelines
from inbox import htmx
from inbox.auth import needs
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.languages import gettext as _
from inbox.pipeline import pages, words
from models.pipeline import Stage


@pages.get("/pipeline/moves")
@needs("pipeline.edit")
def matrix() -> str:
    of = words.chosen(request.args.get("pipeline"))
    template = "pipeline/_moves.html" if current.wants_fragment else "pipeline/moves.html"
    return render_template(
        template, pipeline=of, pipelines=pipelines.listed(), lines=stages.matrix(of)
    )


@pages.post("/pipeline/stages/<uuid:stage_id>/moves")
@needs("pipeline.edit")
def allow(stage_id: UUID) -> str | Response:
    """From the stage, orders go to the ticked ones; with `all`, wherever the states allow."""
    stage = stages.find(stage_id)
    ticked = {id_ for text in request.form.getlist("to") if (id_ := read_id(text)) is not None}
    if "all" in request.form:
        stages.set_transitions(stage, [])
    elif not ticked:
        htmx.toast(_("One move must stay allowed. “Allow all” lifts every limit."), kind="bad")
    else:
        stages.set_transitions(stage, () if _every(stage, ticked) else ticked)
    if htmx.asked():
        return _row(stage)
    return redirect(url_for("pipeline.matrix", pipeline=stage.pipeline_id), 303)


def _every(stage: Stage, ticked: set[UUID]) -> bool:
    """All that is possible is no limit: a stage added later is allowed as well."""
    line = next(line for line in stages.matrix(stage.pipeline) if line.stage.id == stage.id)
    return ticked == {cell.target.id for cell in line.cells if cell.possible}


def _row(stage: Stage) -> str:
    line = next(line for line in stages.matrix(stage.pipeline) if line.stage.id == stage.id)
    return render_template("pipeline/_moves_row.html", line=line)

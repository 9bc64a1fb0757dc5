"""Sent messages: what automations sent, to whom, about which order; why, and what came of it."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import automations, runs
from inbox import htmx
from inbox.auth import needs
from inbox.conversations.asked import read_place, write_place
from inbox.current import current
from inbox.languages import gettext
from inbox.languages import gettext as _
from inbox.runs import looks, telling
from inbox.runs.asked import Asked
from models.automation import Run
from models.timeline import By

pages = Blueprint("runs", __name__)


# --- the list -------------------------------------------------------------------------------------


@pages.get("/runs")
@needs("automations.read")
def index() -> str:
    """The newest runs that fit the filters; the same down to `until`, for a screen that refreshes
    itself; those below `before`."""
    asked = Asked.read(request.args, current.zone)
    before, until = (read_place(request.args.get(name)) for name in ("before", "until"))
    listed = runs.listed(**asked.narrowing, before=before, until=until)
    facts = {"runs": listed, "asked": asked, "more": len(listed) >= runs.PAGE}
    if before is not None:
        return render_template("runs/_older.html", **facts)
    if current.wants_fragment:
        return render_template("runs/_list.html" if until is None else "runs/_newest.html", **facts)
    words = {state: gettext(word) for state, (_icon, _color, word) in looks.LOOKS.items()}
    return render_template(
        "runs/index.html", automations=automations.listed(), states=words, **facts
    )


# --- one of them ----------------------------------------------------------------------------------


@pages.get("/runs/<uuid:run_id>")
@needs("automations.read")
def show(run_id: UUID) -> str:
    """Why it was sent, and what came of it."""
    shown = telling.tell(runs.find(run_id))
    template = "runs/_show.html" if current.wants_fragment else "runs/show.html"
    return render_template(template, t=shown)


@pages.post("/runs/<uuid:run_id>/again")
@needs("orders.move")
def again(run_id: UUID) -> Response:
    """A send that failed is tried once more, or Refused says why it cannot be."""
    run = runs.find(run_id)
    runs.again(run, by=By.user(current.member))
    htmx.toast(_("It is being sent again."))
    return _back(run)


@pages.post("/runs/<uuid:run_id>/cancel")
@needs("orders.move")
def cancel(run_id: UUID) -> Response:
    """What was still to be sent will not be."""
    run = runs.find(run_id)
    runs.cancel(run, by=By.user(current.member))
    htmx.toast(_("It will not be sent."))
    return _back(run)


def _back(run: Run) -> Response:
    """The page that asked refreshes itself; without htmx, the run's own."""
    if htmx.asked():
        return Response("", headers={"HX-Reswap": "none", "HX-Trigger": "runs:changed"})
    return redirect(url_for("runs.show", run_id=run.id), 303)


pages.app_template_filter("run_look")(looks.look)
pages.app_template_filter("run_trouble")(looks.trouble)


@pages.app_template_filter("run_place")
def _place(run: Run) -> str:
    return write_place((run.created_at, run.id))

"""Orders moved by the hundred: begin, watch, stop, take back, try the refused again."""

from __future__ import annotations

from urllib.parse import parse_qs
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import board, bulk, listing, notifications
from flows.bulk.looking import FEW, MANY
from flows.bulk.starting import Which
from inbox import htmx
from inbox.auth import needs
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.languages import N_, gettext, told
from models.bulk import Bulk

pages = Blueprint("bulk", __name__)

# kind → while it works, once it is over
TITLES = {
    "move": (N_("Moving orders to “%(stage)s”"), N_("Orders moved to “%(stage)s”")),
    "undo": (N_("Taking the move back"), N_("Move taken back")),
    "delete_stage": (N_("Emptying the stage “%(stage)s”"), N_("Stage “%(stage)s” emptied")),
    "change_state": (N_("Reclassifying “%(stage)s”"), N_("“%(stage)s” reclassified")),
}


@pages.post("/bulk")
@needs("orders.move")
def start() -> str | Response:
    """These orders (`ids`), or `all` that a `query` of the table finds, go to `stage`."""
    form = request.form
    stage = board.find_stage(read_id(form.get("stage")) or abort(400))
    reason = " ".join(form.get("reason", "").split())[:200]
    client_id = read_id(form.get("client_id"))
    begun = bulk.start_move(_which(), stage, by=current.member, client_id=client_id, reason=reason)
    return _begun(begun)


@pages.get("/bulk/<uuid:bulk_id>")
@needs("orders.move")
def show(bulk_id: UUID) -> str:
    """How far it is: a page, or what goes into the dialog."""
    found = bulk.find(bulk_id)
    if found.finished_at is not None:
        notifications.seen(current.member, "bulk_done", bulk=str(found.id))
    if current.wants_fragment and "page" not in request.args:
        return _dialog(found)
    template = "bulk/_progress.html" if current.wants_fragment else "bulk/show.html"
    return render_template(template, **_facts(found, MANY))


@pages.post("/bulk/<uuid:bulk_id>/stop")
@needs("orders.move")
def stop(bulk_id: UUID) -> str | Response:
    found = bulk.find(bulk_id)
    bulk.stop(found)
    return _begun(bulk.find(bulk_id))


@pages.post("/bulk/<uuid:bulk_id>/undo")
@needs("orders.move")
def undo(bulk_id: UUID) -> str | Response:
    """What it moved goes back, where nothing has happened since."""
    return _begun(bulk.start_undo(bulk.find(bulk_id), by=current.member))


@pages.post("/bulk/<uuid:bulk_id>/again")
@needs("orders.move")
def again(bulk_id: UUID) -> str | Response:
    """The refused ones are tried once more."""
    return _begun(bulk.again(bulk.find(bulk_id), by=current.member))


def _which() -> Which:
    if "all" in request.form:
        query = parse_qs(request.form.get("query", ""))
        return listing.select_matching(listing.Filters.read(query))
    read = (read_id(text) for text in request.form.getlist("ids"))
    return {id_ for id_ in read if id_ is not None}


def _begun(found: Bulk) -> str | Response:
    there = url_for("bulk.show", bulk_id=found.id)
    if not htmx.asked():
        return redirect(there)
    if "page" in request.args:
        return Response(headers={"HX-Redirect": there})
    return _dialog(found)


def _dialog(found: Bulk) -> str:
    return render_template("bulk/_dialog.html", **_facts(found, FEW))


def _facts(found: Bulk, limit: int) -> dict[str, object]:
    working, over = TITLES[found.kind]
    title = over if found.finished_at else working
    refused = bulk.refused(found, limit)
    return {
        "bulk": found,
        "title": gettext(title, stage=found.facts.get("stage", "")),
        "refused": [(refusal.number, told(refusal.why)) for refusal in refused],
        "stoppable": bulk.stoppable(found),
        "undoable": bulk.undoable(found),
    }

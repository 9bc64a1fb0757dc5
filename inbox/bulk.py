"""Work by the hundred: begin a move, watch, stop, take back, try the refused again."""

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
    "messages.again": (N_("Sending messages again"), N_("Messages sent again")),
    "messages.sent": (N_("Marking messages as sent"), N_("Messages marked as sent")),
    "messages.discard": (N_("Putting messages aside"), N_("Messages put aside")),
    "messages.reopen": (N_("Taking it back"), N_("Taken back")),
    "runs.again": (N_("Writing messages anew"), N_("Messages written anew")),
    "runs.discard": (N_("Putting messages aside"), N_("Messages put aside")),
    "runs.reopen": (N_("Taking it back"), N_("Taken back")),
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
    return shown(begun)


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
    return shown(bulk.find(bulk_id))


@pages.post("/bulk/<uuid:bulk_id>/undo")
@needs("orders.move")
def undo(bulk_id: UUID) -> str | Response:
    """What it did is taken back, where nothing has happened since."""
    return shown(bulk.start_undo(bulk.find(bulk_id), by=current.member))


@pages.post("/bulk/<uuid:bulk_id>/again")
@needs("orders.move")
def again(bulk_id: UUID) -> str | Response:
    """The refused ones are tried once more."""
    return shown(bulk.again(bulk.find(bulk_id), by=current.member))


def _which() -> Which:
    if "all" in request.form:
        query = parse_qs(request.form.get("query", ""))
        return listing.select_matching(listing.Filters.read(query))
    read = (read_id(text) for text in request.form.getlist("ids"))
    return {id_ for id_ in read if id_ is not None}


def shown(found: Bulk) -> str | Response:
    """The dialog that follows it; without htmx, its page."""
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
    return {
        "bulk": found,
        "orders": bulk.about(found.kind) == "orders",
        "title": gettext(title, stage=found.facts.get("stage", "")),
        "refused": [(one, told(one.why)) for one in bulk.refused(found, limit)],
        "repeatable": bulk.repeatable(found),
        "stoppable": bulk.stoppable(found),
        "undoable": bulk.undoable(found),
    }

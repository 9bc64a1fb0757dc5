"""Problems: what did not go well, by cause; sent again, marked as sent, or put aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import troubles
from flows.errors import N_, NotFound
from inbox import filters, htmx
from inbox.auth import needs
from inbox.bulk import shown
from inbox.conversations.asked import read_id, read_place, write_place
from inbox.current import current
from inbox.languages import gettext as _
from inbox.troubles import telling
from inbox.troubles.asked import Asked, AskedRuns
from models.automation import Run
from models.message import Message, Sending

pages = Blueprint("troubles", __name__)

DONE = {
    "again": N_("It is being sent again."),
    "sent": N_("Marked as sent."),
    "discard": N_("Put aside."),
    "reopen": N_("Taken back."),
}
UNDONE = ("sent", "discard")


# --- by cause -------------------------------------------------------------------------------------


@pages.get("/troubles")
@needs("inbox.reply", "orders.move")
def index() -> str:
    """Every cause: what happened, how often, since when."""
    found, failed = troubles.groups(), troubles.run_groups()
    causes = list(zip([group.sending for group in found], telling.causes(found), strict=True))
    template = "troubles/_causes.html" if current.wants_fragment else "troubles/index.html"
    return render_template(
        template,
        uncertain=[cause for sending, cause in causes if sending is Sending.UNCERTAIN],
        failed=[cause for sending, cause in causes if sending is Sending.FAILED],
        unwritten=telling.causes_of_runs(failed),
        bodies=troubles.bodies.waiting() if current.may("channels.edit") else 0,
    )


@pages.get("/troubles/count")
@needs("inbox.reply", "orders.move")
def count() -> str:
    """How many wait for somebody, for the badge; nothing when none does."""
    waiting = troubles.count() + troubles.count_runs()
    return filters.compact(waiting) if waiting else ""


# --- one cause ------------------------------------------------------------------------------------


@pages.get("/troubles/messages")
@needs("inbox.reply", "orders.move")
def messages() -> str | Response:
    """The messages of one cause, the newest first; those below `before`."""
    asked = Asked.read(request.args)
    if asked is None:
        return redirect(url_for("troubles.index"))
    before = read_place(request.args.get("before"))
    listed = troubles.listed(asked.narrow, before=before, limit=troubles.PAGE)
    group = troubles.group_of(asked.whole.narrow)
    what, advice = telling.words(asked.cause, asked.sending)
    return _listing(
        "messages",
        asked,
        listed,
        [told.place for told in listed],
        total=troubles.total(asked.narrow) if group.count > len(listed) else len(listed),
        what=what,
        advice=advice,
        uncertain=asked.sending is Sending.UNCERTAIN,
        choices=telling.choices(asked, group),
    )


@pages.get("/troubles/runs")
@needs("inbox.reply", "orders.move")
def runs() -> str:
    """The runs that could not write their message for one cause."""
    asked = AskedRuns.read(request.args)
    before = read_place(request.args.get("before"))
    listed = troubles.listed_runs(asked.narrow, before=before, limit=troubles.PAGE)
    group = troubles.run_group_of(asked.whole.narrow)
    return _listing(
        "runs",
        asked,
        listed,
        [(run.created_at, run.id) for run in listed],
        total=troubles.total_runs(asked.narrow) if group.count > len(listed) else len(listed),
        what=telling.run_words(asked.cause),
        advice="",
        uncertain=False,
        choices=telling.run_choices(asked, group),
    )


def _listing(
    of: str,
    asked: Asked | AskedRuns,
    rows: Any,
    places: list[troubles.Place],
    **facts: Any,
) -> str:
    more = write_place(places[-1]) if len(rows) >= troubles.PAGE else ""
    template = "troubles/_listing.html" if current.wants_fragment else "troubles/show.html"
    return render_template(
        template,
        of=of,
        asked=asked,
        rows=rows,
        more=more,
        first="before" not in request.args,
        **facts,
    )


# --- what is done about it ------------------------------------------------------------------------


@pages.post("/troubles/messages")
@needs("inbox.reply", "orders.move")
def deal() -> str | Response:
    """`what` is done to these (`ids`), or to `all` that a `query` of the page finds."""
    return _deal("messages", ("again", "sent", "discard"), troubles.find_message)


@pages.post("/troubles/runs")
@needs("inbox.reply", "orders.move")
def deal_runs() -> str | Response:
    return _deal("runs", ("again", "discard"), troubles.find_run)


@pages.post("/troubles/messages/<uuid:message_id>/reopen")
@needs("inbox.reply", "orders.move")
def reopen(message_id: UUID) -> Response:
    """What was marked as sent or discarded is as before, if nothing has happened since."""
    return _one(troubles.find_message(message_id), "reopen", "")


@pages.post("/troubles/runs/<uuid:run_id>/reopen")
@needs("inbox.reply", "orders.move")
def reopen_run(run_id: UUID) -> Response:
    return _one(troubles.find_run(run_id), "reopen", "")


def _deal(of: str, words: tuple[str, ...], find: Callable[[UUID], Message | Run]) -> str | Response:
    what, reason = request.form.get("what", ""), request.form.get("reason", "")
    if what not in words:
        abort(400)
    if "all" not in request.form:
        ids = [id_ for id_ in map(read_id, request.form.getlist("ids")) if id_]
        if len(ids) == 1:
            return _one(find(ids[0]), what, reason)
    else:
        ids = []
    begun = troubles.begin(
        what,
        ids or _asked(of),
        by=current.member,
        note=reason,
        client_id=read_id(request.form.get("client_id")),
        of=of,
    )
    return shown(begun)


def _asked(of: str) -> troubles.Narrow | troubles.RunNarrow | list[UUID]:
    if "all" not in request.form:
        return []
    query = dict(parse_qsl(request.form.get("query", "")))
    if of == "runs":
        return AskedRuns.read(query).narrow
    asked = Asked.read(query)
    return asked.narrow if asked else []


def _one(trouble: Message | Run, what: str, reason: str) -> Response:
    troubles.deal(trouble, what, by=current.member, note=reason)
    told = _(DONE[what])
    if what in UNDONE and htmx.asked():
        url = _undo_url(trouble)
        htmx.trigger("undoable", text=told, undo=_("Undo"), url=url)
    else:
        htmx.toast(told)
    if not htmx.asked():
        return redirect(url_for("troubles.index"), 303)
    htmx.trigger("rows:changed")
    return Response("", headers={"HX-Reswap": "none"})


def _undo_url(trouble: Message | Run) -> str:
    if isinstance(trouble, Message):
        return url_for("troubles.reopen", message_id=trouble.id)
    return url_for("troubles.reopen_run", run_id=trouble.id)


# --- bodies that could not be read ----------------------------------------------------------------


@pages.get("/troubles/bodies")
@needs("channels.edit")
def bodies() -> str:
    """What WhatsApp sent about our numbers and an event of which fails."""
    found = troubles.bodies.listed(before=_number(request.args.get("before")))
    template = "troubles/_bodies.html" if current.wants_fragment else "troubles/bodies.html"
    return render_template(template, bodies=found, more=len(found) >= troubles.bodies.PAGE)


@pages.get("/troubles/bodies/<int:envelope_id>")
@needs("channels.edit")
def body(envelope_id: int) -> str:
    """Why it failed, which of its events are stored, and our part of it as it was sent."""
    found = _body(envelope_id)
    pieces = troubles.bodies.pieces(found)
    return render_template("troubles/body.html", body=found, pieces=pieces)


@pages.post("/troubles/bodies/<int:envelope_id>/again")
@needs("channels.edit")
def read_again(envelope_id: int) -> Response:
    troubles.bodies.read_again(_checked(envelope_id))
    htmx.toast(_("It is being read again."))
    return redirect(url_for("troubles.bodies"), 303)


@pages.post("/troubles/bodies/<int:envelope_id>/discard")
@needs("channels.edit")
def discard_body(envelope_id: int) -> Response:
    troubles.bodies.dismiss(_checked(envelope_id), request.form.get("reason", ""))
    htmx.toast(_("Put aside."))
    return redirect(url_for("troubles.bodies"), 303)


def _body(envelope_id: int) -> troubles.bodies.Aside:
    return troubles.bodies.find(_checked(envelope_id))


def _checked(envelope_id: int) -> int:
    """An id that the database can hold."""
    if envelope_id >= 1 << 63:
        raise NotFound
    return envelope_id


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 19 else None


pages.app_template_filter("said_of")(telling.said)
pages.app_template_filter("pretty")(telling.pretty)

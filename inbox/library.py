"""The content library: what a team keeps to send again, and what "/" finds in the composer."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, render_template, request

from flows import snippets
from flows.errors import Invalid
from inbox import htmx, languages, life, media
from inbox.auth import needs
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from models.snippet import Snippet

pages = Blueprint("library", __name__)

FEW = 8


@pages.get("/library")
@needs("inbox.reply")
def index() -> str:
    asked = Fields(request.args).text("q")
    template = "library/_list.html" if current.wants_fragment else "library/index.html"
    return render_template(template, kept=snippets.listed(asked), asked=asked)


@pages.get("/library/found")
@needs("inbox.reply")
def found() -> str:
    """What the letters after "/" may mean."""
    asked = Fields(request.args).text("q").lstrip("/")
    return render_template("library/_found.html", kept=snippets.listed(asked, limit=FEW))


@pages.get("/library/new")
@needs("templates.edit")
def new() -> str:
    return _form(None)


@pages.get("/library/<uuid:snippet_id>")
@needs("templates.edit")
def edit(snippet_id: UUID) -> str:
    return _form(snippets.find(snippet_id))


@pages.post("/library")
@needs("templates.edit")
def create() -> str | tuple[str, int]:
    return _save(None)


@pages.post("/library/<uuid:snippet_id>")
@needs("templates.edit")
def change(snippet_id: UUID) -> str | tuple[str, int]:
    return _save(snippet_id)


@pages.post("/library/<uuid:snippet_id>/delete")
@needs("templates.edit")
def delete(snippet_id: UUID) -> str:
    snippets.remove(snippets.find(snippet_id))
    htmx.toast(_("Deleted."))
    return _changed()


def _save(snippet_id: UUID | None) -> str | tuple[str, int]:
    fields, file = Fields(request.form), request.files.get("file")
    snippet = snippets.find(snippet_id) if snippet_id else None
    try:
        kept = snippet.media if snippet and not fields.text("no_file") else None
        stored = media.keep(file)[0] if file and file.filename else kept
        name, text = fields.text("name"), fields.lines("text")
        snippets.save(snippet, name=name, text=text, media=stored)
    except Invalid as refusal:
        life.undo()
        errors = languages.told_each(refusal)
        return _form(snippets.find(snippet_id) if snippet_id else None, errors), 422
    htmx.toast(_("Saved."))
    return _changed()


def _changed() -> str:
    htmx.close_dialog()
    return render_template("library/_changed.html", kept=snippets.listed(), asked="")


def _form(snippet: Snippet | None, errors: Mapping[str, str] | None = None) -> str:
    known = {"name": snippet.name, "text": snippet.text} if snippet else {}
    typed = {name: request.form.get(name, known.get(name, "")) for name in ("name", "text")}
    return render_template(
        "library/form.html",
        snippet=snippet,
        typed=typed,
        errors=errors or {},
        limit=snippets.LONGEST,
        accepted=media.ACCEPTED,
    )

"""Automations: which stage sends which template, what fills it, what follows from answers."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import automations
from flows.errors import Invalid
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.automations import stages, words
from inbox.automations.filled import Choices, Filled
from inbox.automations.reading import as_posted
from inbox.conversations.asked import read_id
from inbox.languages import gettext as _
from models.automation import Automation
from models.template import MessageTemplate

pages = Blueprint("automations", __name__)


# --- the list -------------------------------------------------------------------------------------


@pages.get("/automations")
@needs("automations.read")
def index() -> str:
    return render_template(
        "automations/index.html", pipelines=stages.listed(), figures=automations.figures()
    )


@pages.post("/automations/<uuid:automation_id>/active")
@needs("automations.edit")
def switch(automation_id: UUID) -> str | Response:
    """On or off, as the form says; the row anew."""
    automation = automations.find(automation_id)
    automations.switch(automation, on="on" in request.form)
    if not htmx.asked():
        return redirect(url_for("automations.index"))
    figures = automations.figures()
    return render_template("automations/_row.html", automation=automation, figures=figures)


@pages.post("/automations/<uuid:automation_id>/copy")
@needs("automations.edit")
def copy(automation_id: UUID) -> Response:
    """The same again, switched off, open to be changed."""
    automation = automations.find(automation_id)
    name = _("%(name)s (copy)", name=automation.name)
    made = automations.copy(automation, name[:80])
    htmx.toast(_("The copy is switched off. Change it, then switch it on."))
    return htmx_or_page(url_for("automations.edit", automation_id=made.id))


@pages.post("/automations/<uuid:automation_id>/delete")
@needs("automations.edit")
def delete(automation_id: UUID) -> Response:
    """Gone if it never ran; else switched off, with its history."""
    automation = automations.find(automation_id)
    name = automation.name
    if automations.remove(automation):
        htmx.toast(_("“%(name)s” is deleted.", name=name))
    else:
        htmx.toast(
            _("“%(name)s” has sent messages: it is switched off and keeps its history.", name=name)
        )
    return htmx_or_page(url_for("automations.index"))


def htmx_or_page(url: str) -> Response:
    """Go there: htmx is told in a header, a browser by a redirect."""
    if htmx.asked():
        return Response("", headers={"HX-Redirect": url})
    return redirect(url, 303)


# --- the form -------------------------------------------------------------------------------------


@pages.get("/automations/new")
@needs("automations.edit")
def new() -> str:
    return _page(Filled(Choices(), posted=Filled.fresh | request.args.to_dict()))


@pages.get("/automations/<uuid:automation_id>")
@needs("automations.edit")
def edit(automation_id: UUID) -> str:
    automation = automations.find(automation_id)
    return _page(Filled(Choices(automation), posted=as_posted(automation), automation=automation))


@pages.get("/automations/parts")
@needs("automations.edit")
def parts() -> str:
    """What depends on what is chosen, and what the customer would read."""
    automation_id = read_id(request.args.get("automation"))
    automation = automations.find(automation_id) if automation_id else None
    filled = Filled(Choices(automation), posted=request.args, automation=automation)
    return render_template("automations/_parts.html", f=filled)


@pages.post("/automations")
@needs("automations.edit")
def create() -> Response | tuple[str, int]:
    return _save(None)


@pages.post("/automations/<uuid:automation_id>")
@needs("automations.edit")
def change(automation_id: UUID) -> Response | tuple[str, int]:
    return _save(automation_id)


def _save(automation_id: UUID | None) -> Response | tuple[str, int]:
    try:
        filled = _posted(automation_id)
        saved = automations.save(filled.form(), filled.automation)
    except Invalid as refusal:
        life.undo()
        wrong = languages.told_each(refusal)
        return _page(_posted(automation_id, wrong)), 422
    htmx.toast(_("“%(name)s” is saved.", name=saved.name))
    return redirect(url_for("automations.index"), 303)


def _posted(automation_id: UUID | None, wrong: dict[str, str] | None = None) -> Filled:
    automation = automations.find(automation_id) if automation_id else None
    choices = Choices(automation)
    return Filled(choices, posted=request.form, automation=automation, wrong=wrong or {})


def _page(filled: Filled) -> str:
    return render_template("automations/edit.html", f=filled)


# --- words ----------------------------------------------------------------------------------------


@pages.app_template_filter("template_dir")
def _direction(template: MessageTemplate) -> str:
    """How the customer's phone sets the template: by its own language, not by the reader's."""
    return "rtl" if template.language[:2] in ("ar", "fa", "he", "ur") else "ltr"


@pages.app_template_filter("waits")
def _waits(automation: Automation) -> str:
    """When it is sent, in a few words: at once, after 5 minutes, at 09:00."""
    return words.waits(automation.delay, automation.at_time)


pages.app_template_filter("duration")(words.duration)

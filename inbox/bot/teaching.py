"""What the bot did not understand last week, to be taught with one click; what it was taught."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows.errors import Invalid
from flows.talks import teaching as lessons
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.bot import pages, words
from inbox.current import current
from inbox.languages import gettext as _

Answer = str | tuple[str, int] | Response


@pages.get("/bot/teach")
@needs("automations.read", "inbox.read")
def teach() -> str:
    return _page()


@pages.post("/bot/teach")
@needs("automations.edit")
def learn() -> Answer:
    """These words mean this from now on; what was not understood because of them is settled."""
    text, intent = request.values.get("text", ""), request.values.get("intent", "")
    try:
        lessons.teach(text, intent, by=current.member)
    except Invalid as refusal:
        life.undo()
        return _page(languages.told_each(refusal), typed=request.values), 422
    htmx.toast(_("The bot has learnt it."))
    return _changed()


@pages.post("/bot/turns/<uuid:turn_id>/dismiss")
@needs("automations.edit")
def dismiss(turn_id: UUID) -> Answer:
    """Nothing is to be learnt from what this turn heard."""
    lessons.dismiss(turn_id)
    return _changed()


@pages.post("/bot/phrases/<uuid:phrase_id>/forget")
@needs("automations.edit")
def forget(phrase_id: UUID) -> Answer:
    """The bot no longer knows these words; the note about it can take it back."""
    phrase = lessons.find(phrase_id)
    back = url_for("bot.learn", text=phrase.text, intent=phrase.intent, back="1")
    lessons.forget(phrase)
    if htmx.asked():
        htmx.trigger("undoable", text=_("The bot has forgotten it."), undo=_("Undo"), url=back)
    return _changed()


def _changed() -> Answer:
    if not htmx.asked():
        return redirect(url_for("bot.teach"), 303)
    if "back" in request.args:  # asked by the note, not by a row
        htmx.trigger("bot:changed")
    return _page()


def _page(errors: Mapping[str, str] | None = None, typed: Mapping[str, str] | None = None) -> str:
    template = "bot/_teach.html" if htmx.asked() else "bot/teach.html"
    return render_template(
        template,
        missed=lessons.missed(),
        phrases=lessons.phrases(),
        intents=lessons.INTENTS,
        names=words.INTENTS,
        errors=errors or {},
        typed=typed or {},
        longest=lessons.LONGEST,
    )

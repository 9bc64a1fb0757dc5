"""Templates: the list, one template as the customer sees it, and what can be done with it."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import templates
from flows.errors import Invalid, Refused
from inbox import htmx, languages
from inbox.auth import needs
from inbox.current import current
from inbox.languages import gettext as _
from inbox.message_templates import editing, words
from models.template import MessageTemplate

pages = Blueprint("message_templates", __name__)
words.attach(pages)
editing.attach(pages)


# --- the list -------------------------------------------------------------------------------------


@pages.get("/templates")
@needs("templates.read")
def index() -> str:
    asked = {name: request.args.get(name, "").strip() for name in ("q", "state", "category")}
    found = templates.listed(text=asked["q"], state=asked["state"], category=asked["category"])
    every = [template for one in found for template in one.templates]
    fragment = current.wants_fragment
    return render_template(
        "message_templates/_list.html" if fragment else "message_templates/index.html",
        listed=found,
        asked={name: value for name, value in asked.items() if value},
        states=[(state, _(words.LOOKS[state][2])) for state in words.FILTERS],
        accounts=dict(editing.accounts()),
        prices=_prices(every),
        dearer=templates.dearer(every),
        freshness=templates.freshness(),
    )


def _prices(every: list[MessageTemplate]) -> dict[str, dict[str, object]]:
    """Account → category → what one message costs; nothing for who may not see it."""
    if not current.sees_money:
        return {}
    accounts = {template.waba_id for template in every}
    kinds = {template.category for template in every if template.category}
    return {account: dict(templates.prices(account, kinds)) for account in accounts}


@pages.post("/templates/refresh")
@needs("templates.edit")
def refresh() -> Response:
    """Meta is asked for its list; the page changes by itself when it is here."""
    templates.refresh()
    htmx.toast(_("WhatsApp is asked for the list."))
    return _back(url_for("message_templates.index"))


# --- one template ---------------------------------------------------------------------------------


@pages.get("/templates/<uuid:template_id>")
@needs("templates.read")
def show(template_id: UUID) -> str:
    template = templates.find(template_id)
    form = templates.written(template)
    fragment = current.wants_fragment
    return render_template(
        "message_templates/_show.html" if fragment else "message_templates/show.html",
        template=template,
        form=form,
        rendered=templates.sampled(form),
        siblings=templates.languages_of(template),
        users=templates.users(template),
        price=_prices([template]).get(template.waba_id, {}).get(template.category),
        delivered=templates.delivered([template.id]).get(template.id, 0),
        dearer=templates.dearer([template]),
        needs_file=templates.needs_file(template),
        file_kind=templates.media_of(template),
        accepts=",".join(templates.MEDIA.get(templates.media_of(template) or "", ())),
        obstacle=(why := templates.obstacle(template)),
        obstacle_words=languages.told(why) if why else "",
        copies=[code for code in templates.LANGUAGES if code not in _languages(template)],
    )


def _languages(template: MessageTemplate) -> set[str]:
    return {sibling.language for sibling in templates.languages_of(template)}


@pages.post("/templates/<uuid:template_id>/submit")
@needs("templates.edit")
def submit(template_id: UUID) -> Response | tuple[str, int]:
    """Its draft is on its way; with something wrong the form comes back and says what."""
    template = templates.find(template_id)
    try:
        templates.submit(template)
    except Invalid as refusal:
        return editing.again(template_id, refusal)
    htmx.toast(_("On its way to WhatsApp."))
    return _back(url_for("message_templates.show", template_id=template_id))


@pages.post("/templates/<uuid:template_id>/discard")
@needs("templates.edit")
def discard(template_id: UUID) -> Response:
    template = templates.find(template_id)
    known = template.meta_id is not None
    templates.discard(template)
    htmx.toast(_("The draft is gone."))
    if known:
        return _back(url_for("message_templates.show", template_id=template_id))
    return _back(url_for("message_templates.index"))


@pages.get("/templates/<uuid:template_id>/delete")
@needs("templates.edit")
def leave(template_id: UUID) -> str:
    """What would break, before anything is deleted."""
    template = templates.find(template_id)
    siblings = templates.languages_of(template)
    return render_template(
        "message_templates/_delete.html",
        template=template,
        siblings=siblings,
        users=templates.users(template),
        users_of_all=templates.users(*siblings),
    )


@pages.post("/templates/<uuid:template_id>/delete")
@needs("templates.edit")
def delete(template_id: UUID) -> Response:
    templates.remove(templates.find(template_id), everywhere="everywhere" in request.form)
    htmx.toast(_("WhatsApp is told to delete it."))
    return _back(url_for("message_templates.index"))


@pages.post("/templates/<uuid:template_id>/file")
@needs("templates.edit")
def attach(template_id: UUID) -> Response:
    """From now on this picture, film or document is sent with it."""
    template = templates.find(template_id)
    if "file" not in request.files or not request.files["file"].filename:
        raise Refused("no_file", editing.NO_FILE)
    stored = editing.keep_file(request.files["file"], templates.media_of(template) or "")
    templates.attach(template, stored)
    htmx.toast(_("The file is kept: the template can be sent."))
    return _back(url_for("message_templates.show", template_id=template_id))


@pages.post("/templates/<uuid:template_id>/acknowledge")
@needs("templates.edit")
def acknowledge(template_id: UUID) -> Response:
    """The price was seen: the banner goes, for everybody."""
    templates.acknowledge(templates.find(template_id))
    wanted = request.form.get("back", "")
    if wanted == "list":
        return _back(url_for("message_templates.index"))
    return _back(url_for("message_templates.show", template_id=template_id))


def _back(url: str) -> Response:
    return redirect(url, 303)

"""The form of a template beside the customer's phone: written, checked, kept, submitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from flows import channels, templates
from flows.errors import N_, Invalid, Refused
from inbox import htmx, languages, life, media
from inbox.auth import needs
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.languages import gettext as _
from inbox.message_templates.reading import read
from models.automation import Automation
from models.message import Media
from models.template import MessageTemplate

NO_FILE = N_("Choose a file.")
WRONG_FILE = N_("WhatsApp takes {types} here.")
TYPES = {"image": "JPEG, PNG", "video": "MP4", "document": "PDF"}
BUTTON_WORDS = {
    "quick_reply": N_("Quick reply"),
    "url": N_("Link"),
    "phone_number": N_("Phone number"),
    "copy_code": N_("Code to copy"),
    "catalog": N_("Catalogue"),
    "flow": N_("Form (flow)"),
}
# Kind → what its second and third fields ask for.
VALUE_WORDS = {
    "url": N_("Link"),
    "phone_number": N_("Phone number"),
    "copy_code": N_("Example of the code"),
    "flow": N_("Number of the flow"),
}
EXAMPLE_WORDS = {"url": N_("Example of the link's end"), "flow": N_("Its first screen")}
HEADER_WORDS = {
    "none": N_("None"),
    "text": N_("Text"),
    "image": N_("Picture"),
    "video": N_("Video"),
    "document": N_("Document"),
    "location": N_("Place"),
}


def attach(pages: Blueprint) -> None:
    """These routes belong to the blueprint of the templates."""
    routes = (
        ("GET", "/templates/new", new),
        ("POST", "/templates", create),
        ("GET", "/templates/<uuid:template_id>/edit", edit),
        ("POST", "/templates/<uuid:template_id>", change),
        ("POST", "/templates/preview", preview),
        ("POST", "/templates/files", upload),
    )
    for method, rule, view in routes:
        pages.add_url_rule(rule, view.__name__, view, methods=[method])


# --- the form -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filled:
    """The form with what stands in it. `template`: what is being changed, if it exists."""

    form: templates.Form
    template: MessageTemplate | None = None
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def rendered(self) -> templates.Rendered:
        return templates.sampled(self.form)

    @property
    def known(self) -> bool:
        """Whether Meta has it: its name and language stay."""
        return self.template is not None and self.template.meta_id is not None

    @property
    def settled(self) -> bool:
        """Whether its category stays too."""
        return self.template is not None and self.template.state == "approved"

    @property
    def examples(self) -> list[tuple[str, str, str]]:
        """(field, blank, example) of every blank."""
        return [
            (f"examples.{part}.{name}", f"{{{{{name}}}}}", self.form.examples.get(key, ""))
            for part, name in self.form.blanks
            for key in [f"{part}.{name}"]
        ]

    @property
    def accounts(self) -> list[tuple[str, str]]:
        return accounts()

    @property
    def users(self) -> list[Automation]:
        """The automations that send it, and may have to learn of another variable or button."""
        return templates.users(self.template) if self.known and self.template else []

    @property
    def offers(self) -> list[str]:
        return templates.offers(self.form)

    @property
    def prices(self) -> Mapping[str, Any]:
        if not current.sees_money:
            return {}
        return templates.prices(self.form.account, templates.CATEGORIES)


def accounts() -> list[tuple[str, str]]:
    """The merchant's messaging accounts, each by the names of its numbers."""
    named: dict[str, list[str]] = {}
    for channel in channels.all_of_merchant():
        named.setdefault(channel.waba_id, []).append(channel.name)
    return [(account, ", ".join(names)) for account, names in named.items()]


@needs("templates.edit")
def new() -> str | Response:
    """An empty form, or a template copied to another language."""
    source = read_id(request.args.get("copy"))
    if source is None:
        return _page(Filled(_empty()))
    copied = templates.written(templates.find(source))
    wanted = request.args.get("language", "")
    language = wanted if wanted in templates.LANGUAGES else ""
    return _page(Filled(replace(copied, language=language)))


def _empty() -> templates.Form:
    accounts = channels.all_of_merchant()
    return templates.Form(
        account=accounts[0].waba_id if accounts else "",
        name="",
        language=current.merchant.language,
        category="utility",
        body="",
    )


@needs("templates.edit")
def edit(template_id: UUID) -> str:
    template = templates.find(template_id)
    if why := templates.obstacle(template):
        raise why
    return _page(Filled(templates.written(template), template))


@needs("templates.edit")
def create() -> Response | tuple[str, int]:
    return _save(None)


@needs("templates.edit")
def change(template_id: UUID) -> Response | tuple[str, int]:
    return _save(template_id)


def again(template_id: UUID, refusal: Invalid) -> tuple[str, int]:
    """The form of a kept draft, with what keeps it from being submitted."""
    life.undo()
    template = templates.find(template_id)
    return _page(Filled(templates.written(template), template, _told(refusal.fields))), 422


def _save(template_id: UUID | None) -> Response | tuple[str, int]:
    template = templates.find(template_id) if template_id else None
    form = read(request.form, template)
    try:
        saved = templates.save(form, template)
        if request.form.get("then") == "submit":
            templates.submit(saved, form)
            htmx.toast(_("On its way to WhatsApp."))
        else:
            htmx.toast(_("Kept as a draft."))
    except Invalid as refusal:
        life.undo()
        template = templates.find(template_id) if template_id else None
        filled = Filled(read(request.form, template), template, _told(refusal.fields))
        return _page(filled), 422
    return redirect(url_for("message_templates.show", template_id=saved.id), 303)


def _told(fields: Mapping[str, Refused]) -> dict[str, str]:
    return {name: languages.told(why) for name, why in fields.items()}


def _page(filled: Filled) -> str:
    return render_template(
        "message_templates/edit.html",
        f=filled,
        limits=templates.LIMITS,
        language_codes=templates.LANGUAGES,
        header_words={kind: _(word) for kind, word in HEADER_WORDS.items()},
        button_words={kind: _(word) for kind, word in BUTTON_WORDS.items()},
        value_words={kind: _(word) for kind, word in VALUE_WORDS.items()},
        example_words={kind: _(word) for kind, word in EXAMPLE_WORDS.items()},
        types=TYPES,
    )


@needs("templates.edit")
def preview() -> str:
    """What the customer would see of the form as it stands, and what it would cost."""
    template_id = read_id(request.form.get("template"))
    template = templates.find(template_id) if template_id else None
    filled = Filled(read(request.form, template), template)
    return render_template("message_templates/_preview.html", f=filled)


# --- the file of its header -----------------------------------------------------------------------


@needs("templates.edit")
def upload() -> str | tuple[str, int]:
    """The file is kept; the answer shows it and names it to the form."""
    kind, slot = request.form.get("header", ""), request.args.get("card", type=int)
    file = request.files.get("file" if slot is None else f"card{slot}")
    if (slot is None and kind not in templates.MEDIA) or file is None:
        abort(400)
    shown: dict[str, Any] = {"media": None, "wrong": None, "slot": slot}
    try:
        shown["media"] = keep_file(file, kind) if slot is None else media.keep(file)[0]
    except Refused as refusal:
        life.undo()
        shown["wrong"] = languages.told(refusal)
    page = render_template("message_templates/_file.html", **shown)
    return (page, 422) if shown["wrong"] else page


def keep_file(file: FileStorage, kind: str) -> Media:
    """Kept like any file we send; refused when Meta takes no sample of this type."""
    stored, _found = media.keep(file)
    if stored.mime_type not in templates.MEDIA.get(kind, ()):
        raise Refused("file_type", WRONG_FILE, types=TYPES.get(kind, ""))
    return stored

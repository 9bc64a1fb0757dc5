"""What the bot knows of products besides their names: what customers call them, a picture."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import catalog, formats
from flows.errors import Invalid, Refused
from inbox import htmx, languages, life, media
from inbox.auth import needs
from inbox.bot import pages
from inbox.bot.questions import COMMAS
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import N_
from inbox.languages import gettext as _
from models.catalog import Product
from models.message import Media

Answer = str | tuple[str, int] | Response

SHOWN = 60
PICTURES = ("image/jpeg", "image/png")
"""What WhatsApp shows above a message with buttons."""


@pages.get("/bot/products")
@needs("automations.read")
def products() -> str:
    template = "bot/_products.html" if current.wants_fragment else "bot/products.html"
    return render_template(template, **_listed(Fields(request.args).text("q")))


@pages.get("/bot/products/<uuid:product_id>")
@needs("automations.edit")
def product(product_id: UUID) -> str:
    found = catalog.find(product_id)
    return _form(found, {"names": ", ".join(found.aliases)})


@pages.post("/bot/products/<uuid:product_id>")
@needs("automations.edit")
def change_product(product_id: UUID) -> Answer:
    """The bot knows these names and shows this picture, or what is wrong with them is said."""
    fields, found = Fields(request.form), catalog.find(product_id)
    try:
        picture = _picture(found, gone="no_file" in request.form)
        names = COMMAS.split(fields.lines("names"))
        catalog.introduce(found, names=names, picture=picture)
    except Invalid as refusal:
        life.undo()
        typed = {"names": fields.lines("names")}
        return _form(catalog.find(product_id), typed, languages.told_each(refusal)), 422
    htmx.toast(_("Saved."))
    if not htmx.asked():
        return redirect(url_for("bot.products"), 303)
    htmx.close_dialog()
    return render_template("bot/_products_changed.html", **_listed(fields.text("q")))


def _picture(found: Product, *, gone: bool) -> Media | None:
    """The picture that came with the form, else the one that is there, unless it shall go."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return None if gone else found.picture
    told = formats.recognised(file.stream, file.filename)
    if told is None or told.mime_type not in PICTURES:
        no = Refused("file_type", N_("Choose a picture: JPEG or PNG."))
        raise Invalid({"file": no})
    try:
        return media.keep(file)[0]
    except Refused as refusal:
        raise Invalid({"file": refusal}) from refusal


def _listed(asked: str) -> dict[str, object]:
    found = catalog.listed(asked, limit=SHOWN + 1)
    return {"listed": found[:SHOWN], "more": len(found) > SHOWN, "asked": asked}


def _form(found: Product, typed: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    return render_template(
        "bot/_product.html",
        product=found,
        typed=typed,
        errors=errors or {},
        accepted=",".join(PICTURES),
        asked=Fields(request.values).text("q"),
    )

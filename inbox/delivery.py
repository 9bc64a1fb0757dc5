"""Delivery fees: zones of cities, a list brought in, what one city costs; cities while typing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from babel import numbers
from flask import Blueprint, Response, jsonify, render_template, request

from flows import delivery
from flows.errors import Invalid
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.languages import ngettext, told, told_each
from models.delivery import DeliveryZone
from models.types import exponent

pages = Blueprint("delivery", __name__)

Answer = str | tuple[str, int]
LARGEST_LIST = 8 * 1024 * 1024
"""Bytes of a posted list: an Arabic letter takes six on its way."""
CHIPS = 300
"""Up to so many cities are chips; more are lines of a text."""

pages.add_app_template_filter(told, "refusal")


# --- the page -------------------------------------------------------------------------------------


@pages.get("/delivery")
@needs("settings.edit")
def index() -> str:
    return render_template("delivery/index.html", **_shown())


@pages.post("/delivery")
@needs("settings.edit")
def set_usual() -> Answer:
    """What delivery costs where no zone says otherwise."""
    fields = Fields(request.form)
    amount = fields.money("usual", current.merchant.currency)
    try:
        if fields.wrong:
            raise Invalid(fields.wrong)
        delivery.set_usual_fee(amount)
    except Invalid as refusal:
        life.undo()
        errors = told_each(refusal)
        typed = request.form.get("usual", "")
        return render_template("delivery/_usual.html", typed=typed, errors=errors), 422
    htmx.toast(_("Saved."))
    return render_template("delivery/_usual.html", typed=_typed(amount), errors={})


def _shown() -> dict[str, Any]:
    usual = current.merchant.delivery_fee
    return {"zones": delivery.listed(), "typed": _typed(usual), "errors": {}, "quote": None}


# --- one zone -------------------------------------------------------------------------------------


@pages.get("/delivery/zones/new")
@needs("settings.edit")
def new() -> str:
    return _form(None, {})


@pages.post("/delivery/zones")
@needs("settings.edit")
def create() -> Answer:
    return _kept(None)


@pages.get("/delivery/zones/<uuid:zone_id>")
@needs("settings.edit")
def edit(zone_id: UUID) -> str:
    zone = delivery.find(zone_id)
    amounts = {name: _typed(getattr(zone, name)) for name in ("home", "desk", "free_above")}
    cities = "\n".join(delivery.names_of(zone))
    return _form(zone, {"name": zone.name, "cities": cities} | amounts)


@pages.post("/delivery/zones/<uuid:zone_id>")
@needs("settings.edit")
def change(zone_id: UUID) -> Answer:
    return _kept(delivery.find(zone_id))


@pages.post("/delivery/zones/<uuid:zone_id>/delete")
@needs("settings.edit")
def delete(zone_id: UUID) -> str:
    zone = delivery.find(zone_id)
    delivery.delete(zone)
    htmx.toast(_("Zone %(name)s deleted.", name=zone.name))
    return _saved()


def _form(
    zone: DeliveryZone | None, typed: Mapping[str, str], errors: Mapping[str, str] | None = None
) -> str:
    cities = typed.get("cities", "").splitlines()
    return render_template(
        "delivery/zone.html",
        zone=zone,
        typed=typed,
        errors=errors or {},
        chips=len(cities) <= CHIPS,
    )


def _kept(zone: DeliveryZone | None) -> Answer:
    request.max_form_memory_size = LARGEST_LIST
    fields, currency = Fields(request.form), current.merchant.currency
    form = delivery.NewZone(
        name=fields.text("name"),
        home=fields.money("home", currency),
        desk=fields.money("desk", currency),
        free_above=fields.money("free_above", currency),
        cities=fields.lines("cities").splitlines(),
        unread=fields.wrong,
    )
    try:
        kept = delivery.keep(form, zone)
    except Invalid as refusal:
        life.undo()
        return _form(zone, request.form, told_each(refusal)), 422
    htmx.toast(_said(kept))
    return _saved()


def _said(kept: delivery.Kept) -> str:
    if not kept.taken:
        return _("Zone %(name)s saved.", name=kept.zone.name)
    if len(kept.taken) == 1:
        city, other = next(iter(kept.taken.items()))
        return _("Saved. %(city)s left the zone “%(zone)s” for this one.", city=city, zone=other)
    return ngettext(
        "Saved. %(num)s city left its zone for this one.",
        "Saved. %(num)s cities left their zones for this one.",
        len(kept.taken),
    )


def _saved() -> str:
    """The dialog closes and the list below it is as it is now."""
    htmx.close_dialog()
    return render_template("delivery/_saved.html", **_shown())


# --- lists ----------------------------------------------------------------------------------------


@pages.get("/delivery/import")
@needs("settings.edit")
def ask_list() -> str:
    return render_template("delivery/import.html", text="", reading=None, plan=None, done=None)


@pages.post("/delivery/import")
@needs("settings.edit")
def bring_in() -> str:
    """What was read of the list and what is wrong; with `go` it is brought in."""
    request.max_form_memory_size = LARGEST_LIST
    text = _list()
    reading = delivery.read(text)
    facts: dict[str, Any] = {"reading": reading, "text": text, "plan": None, "done": None}
    if "go" not in request.form:
        return render_template("delivery/import.html", **facts | {"plan": delivery.plan(reading)})
    done = delivery.bring_in(reading)
    htmx.toast(ngettext("%(num)s city is in.", "%(num)s cities are in.", len(reading.lines)))
    if not reading.wrong:
        return _saved()
    # What was wrong stays to be corrected; what was right is in and need not come again.
    facts |= {"done": done, "text": "\n".join(line.text for line in reading.wrong)}
    return render_template("delivery/import.html", **facts, **_shown())


def _list() -> str:
    """What was pasted, or the file that was chosen: UTF-8, else as old spreadsheets write."""
    file = request.files.get("file")
    raw = file.read() if file else b""
    if not raw:
        return request.form.get("text", "")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


@pages.get("/delivery/fees.csv")
@needs("settings.edit")
def export() -> Response:
    """Every city with its fees, as a list that can be changed and brought in again."""
    # The mark tells a spreadsheet that the letters are UTF-8.
    text = "\ufeff" + "".join(delivery.export())
    headers = {"Content-Disposition": 'attachment; filename="delivery-fees.csv"'}
    return Response(text, mimetype="text/csv", headers=headers)


# --- what one city costs, and its name ------------------------------------------------------------


@pages.get("/delivery/fee")
@needs("orders.create")
def fee() -> str | Response:
    """The fee of `city` for an order of `total` minor units (or `worth`, as typed), as JSON; for
    htmx in words."""
    fields = Fields(request.args)
    kind = request.args.get("kind", "")
    quote = delivery.quote(
        fields.text("city")[:200],
        kind if kind in delivery.KINDS else "home",
        _worth(fields),
    )
    if htmx.asked():
        return render_template("delivery/_quote.html", quote=quote, city=fields.text("city"))
    return jsonify(
        fee=quote.fee,
        free=quote.free,
        known=quote.known,
        offered=quote.offered,
        zone=quote.zone,
        city=quote.city,
        currency=current.merchant.currency,
        typed=_typed(quote.fee),
    )


def _worth(fields: Fields) -> int:
    typed = fields.money("worth", current.merchant.currency)
    return typed if typed is not None else request.args.get("total", 0, type=int)


@pages.get("/cities")
@needs("orders.create")
def cities() -> str | Response:
    """Cities that begin with `q` (or `city`): options of a list, or JSON for whoever accepts it."""
    asked = request.args.get("q") or request.args.get("city") or ""
    found = delivery.cities(asked[:80])
    if request.accept_mimetypes.best_match(("text/html", "application/json")) == "application/json":
        return jsonify([{"name": city.name, "other": city.other} for city in found])
    return render_template("delivery/_cities.html", cities=found, asked=asked)


def _typed(amount: int | None) -> str:
    """An amount as people type it: 35,00"""
    if amount is None:
        return ""
    money = current.merchant.money(amount)
    digits = "0" * exponent(money.currency)
    locale = languages.locale(current.language, current.country)
    return numbers.format_decimal(money.decimal, format=f"0.{digits}".rstrip("."), locale=locale)

"""The dialog that changes an order: how it begins, what it posts, the same with its errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flask import redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from flows import catalog, orders, stock, team
from flows.errors import Invalid, Refused
from flows.orders import (
    DELIVERY_KINDS,
    PAYMENT_METHODS,
    PAYMENT_STATUSES,
    NewLine,
    editing,
    revision,
)
from flows.orders.revision import KeptLine, Revision
from inbox import filters, htmx, languages, life
from inbox.auth import needs
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.languages import ngettext
from inbox.orders import figures, words
from inbox.orders.dialog import Row
from inbox.orders.routes import pages
from models.order import Order, OrderLine
from models.types import Json, Money
from models.user import Membership


@dataclass(frozen=True, slots=True)
class Kept:
    """A line of the order in the dialog, with the quantity that stands in its field."""

    index: int
    line: OrderLine
    quantity: str

    def name(self, field_name: str) -> str:
        return f"lines[{self.index}].{field_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """Everything the template shows; texts are as they were typed, right or wrong."""

    methods: ClassVar[Mapping[str, str]] = PAYMENT_METHODS
    statuses: ClassVar[Mapping[str, str]] = PAYMENT_STATUSES
    kinds: ClassVar[Mapping[str, str]] = DELIVERY_KINDS
    free_row: ClassVar[Row] = Row("__", None, {"quantity": "1"})

    order: Order
    typed: Mapping[str, str]
    rows: Sequence[Kept | Row]
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    """Why the order as a whole was refused, when no field is to blame."""
    meanwhile: Sequence[Markup] = ()
    """What others changed since this dialog was opened."""

    @property
    def goods_gone(self) -> bool:
        return revision.goods_gone(self.order)

    @property
    def address_fixed(self) -> bool:
        return revision.address_fixed(self.order, current.member)

    @property
    def members(self) -> list[Membership]:
        """The team, and who has the order though they left it."""
        known = team.members()
        theirs = self.order.assignee
        return known if theirs is None or theirs in known else [*known, theirs]

    @property
    def figures(self) -> dict[str, str | int]:
        return figures.figures(self.order.currency)

    @property
    def trouble(self) -> str:
        """What stands beside the button that was pressed: the fields may be out of sight."""
        wrong = self.errors.get("amount_due") or self.problem
        count = len(self.errors)
        if wrong or not count:
            return wrong
        return ngettext("%(num)s field needs a look.", "%(num)s fields need a look.", count)


@pages.get("/orders/<int:number>/edit")
@needs("orders.edit")
def edit(number: int) -> str:
    return _shown(_fresh(orders.find(number)))


@pages.post("/orders/<int:number>/edit")
@needs("orders.edit")
def change(number: int) -> str | Response | tuple[str, int]:
    order = orders.find(number)
    try:
        entry = editing.edit(order, _read(request.form, order), by=current.member)
    except Refused as refusal:
        life.undo()
        return _shown(_again(orders.find(number), refusal)), refusal.status
    htmx.toast(_("Saved.") if entry else _("Nothing was different."))
    if not htmx.asked():
        return redirect(url_for("orders.show", number=number), 303)
    htmx.close_dialog()
    htmx.trigger("order:changed", number=number)
    return Response("", headers={"HX-Reswap": "none"})


def _shown(shown: Dialog) -> str:
    return render_template("orders/edit.html", d=shown)


# --- what it begins with --------------------------------------------------------------------------


def _fresh(order: Order) -> Dialog:
    typed = {
        "seen": str(editing.last_change(order)),
        "phone": filters.phone(order.ship_phone).striptags(),
        "discount": _typed(order, order.discount) if order.discount else "",
        "delivery_fee": _typed(order, order.delivery_fee),
        "assignee_id": str(order.assignee_id or ""),
    }
    typed |= {name: str(getattr(order, own)) for name, own in editing.PLAIN.items()}
    rows = [Kept(n, line, str(line.quantity)) for n, line in enumerate(order.lines)]
    return Dialog(order=order, typed=typed, rows=rows)


def _typed(order: Order, minor: int) -> str:
    return figures.plain(Money(minor, order.currency))


# --- what it posts --------------------------------------------------------------------------------


def _read(posted: Mapping[str, str], order: Order) -> Revision:
    """Numbers are read as people of the merchant's country write them."""
    fields = Fields(posted)
    rows = fields.rows("lines")
    region = order.conversation.channel.country if order.conversation else current.country
    form = Revision(
        seen=fields.whole("seen") or 0,
        name=fields.text("name"),
        phone=fields.phone("phone", region),
        address=fields.text("address"),
        city=fields.text("city"),
        delivery_kind=fields.text("delivery_kind"),
        carrier=fields.text("carrier"),
        tracking=fields.text("tracking"),
        lines=tuple(_line(row, order.currency) for row in rows),
        discount=fields.money("discount", order.currency),
        applied_total=fields.money("applied_total", order.currency),
        reason=fields.text("reason"),
        # An emptied field is a delivery that costs nothing, not the usual one.
        delivery_fee=fields.money("delivery_fee", order.currency) or 0,
        payment_method=fields.text("payment_method"),
        payment_status=fields.text("payment_status"),
        assignee_id=fields.uuid("assignee_id"),
        note=fields.lines("note"),
        amount_due=fields.whole("amount_due"),
        unread=fields.wrong,
    )
    for index, row in enumerate(rows):
        fields.wrong.update({f"lines[{index}].{name}": why for name, why in row.wrong.items()})
    return form


def _line(row: Fields, currency: str) -> KeptLine | NewLine:
    known = row.uuid("id")
    return KeptLine(known, row.whole("quantity")) if known else figures.read_line(row, currency)


# --- the same again -------------------------------------------------------------------------------


def _again(order: Order, refusal: Refused) -> Dialog:
    """As it was posted, nothing lost; what others did meanwhile stands where nobody typed."""
    seen = request.form.get("seen", 0, type=int)
    meanwhile = [c for entry in editing.changed_since(order, seen) for c in entry.facts["changes"]]
    rows = _rows(order, meanwhile)
    wrong = refusal.fields if isinstance(refusal, Invalid) else _at_its_line(refusal, rows)
    errors = {name: languages.told(why) for name, why in wrong.items()}
    typed = request.form.to_dict() | {"seen": str(editing.last_change(order))}
    for change in meanwhile:
        _take_over(typed, change, order)
    return Dialog(
        order=order,
        typed=typed,
        rows=rows,
        errors=errors,
        problem="" if errors else languages.told(refusal),
        meanwhile=[words.change(change, order.currency) for change in meanwhile],
    )


def _take_over(typed: dict[str, str], change: Json, order: Order) -> None:
    """A field that still says what was before says what is now; one that was typed stays."""
    name = change["field"]
    if name == "assignee":
        name, (was, now) = "assignee_id", change["ids"]
    else:
        was, now = (_as_typed(name, change[key], order) for key in ("from", "to"))
    if typed.get(name) == was:
        typed[name] = now


def _as_typed(name: str, value: Any, order: Order) -> str:
    if name == "phone":
        return filters.phone(value).striptags()
    if name == "discount":
        return _typed(order, value) if value else ""
    return _typed(order, value) if name == "delivery_fee" else str(value)


def _rows(order: Order, meanwhile: Sequence[Json]) -> list[Kept | Row]:
    """The lines as posted; what somebody took off is gone here too, what they added is here."""
    theirs = {change["line"]: change for change in meanwhile if change["field"] == "line"}
    lines = {line.id: line for line in order.lines}
    posted = Fields(request.form).rows("lines")
    known = [row.uuid("id") for row in posted]
    named = [row.uuid("product_id") for row in posted]
    found = catalog.offered({id_ for id_ in named if id_})
    rows: list[Kept | Row] = []
    for row, line_id, product_id in zip(posted, known, named, strict=True):
        if line_id in lines:
            pieces = _pieces(row.posted.get("quantity", ""), theirs.get(str(line_id)))
            rows.append(Kept(len(rows), lines[line_id], pieces))
        elif line_id is None:
            rows.append(Row(len(rows), found.get(product_id) if product_id else None, row.posted))
    added = [line for line in order.lines if theirs.get(str(line.id), {}).get("from") == 0]
    for line in added:
        if line.id not in known:
            rows.append(Kept(len(rows), line, str(line.quantity)))
    return rows


def _pieces(typed: str, change: Json | None) -> str:
    return str(change["to"]) if change and typed == str(change["from"]) else typed


def _at_its_line(refusal: Refused, rows: Sequence[Kept | Row]) -> dict[str, Refused]:
    """Stock that is short is said where the product stands."""
    if not isinstance(refusal, stock.OutOfStock):
        return {}
    short = refusal.facts["sku"]
    return {row.name("quantity"): refusal for row in rows if _sku(row) == short}


def _sku(row: Kept | Row) -> str | None:
    if isinstance(row, Kept):
        return row.line.sku
    return row.chosen.variant.sku if row.chosen else None

"""Two orders side by side that may be one: cancel the newer in one key, or keep both."""

from __future__ import annotations

from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from flows import duplicates, orders
from flows.orders import DELIVERY_KINDS, PAYMENT_METHODS, PAYMENT_STATUSES, SOURCES
from inbox import filters, htmx
from inbox.auth import needs
from inbox.current import current
from inbox.languages import N_, gettext
from inbox.languages import gettext as _
from inbox.orders.routes import pages
from models.order import Order


@dataclass(frozen=True, slots=True)
class Compared:
    """A fact of both orders; `differs` is what a person looks for."""

    name: str
    earlier: Markup
    newer: Markup

    @property
    def differs(self) -> bool:
        return self.earlier != self.newer


@pages.get("/orders/<int:number>/duplicate")
@needs("orders.read")
def duplicate(number: int) -> str | Response:
    """The order beside the earlier one it looks like; decided already, the order alone."""
    order = orders.find(number)
    if order.duplicate_of_id is None:
        return redirect(url_for("orders.show", number=number))
    twin = duplicates.twin_of(order)
    facts = [Compared(gettext(name), *map(said, (twin, order))) for name, said in FACTS.items()]
    return render_template("orders/duplicate.html", order=order, twin=twin, facts=facts)


@pages.post("/orders/<int:number>/duplicate")
@needs("orders.move")
def cancel_duplicate(number: int) -> str | Response:
    """This order, or with `other` the earlier one, is cancelled as a duplicate of the other."""
    order = orders.find(number)
    twin = duplicates.twin_of(order)
    gone, kept = (twin, order) if request.form.get("other") else (order, twin)
    version = request.form.get("version", type=int)
    duplicates.cancel(gone, of=kept, by=current.member, version=version)
    htmx.toast(_("Order %(number)s is cancelled as a duplicate.", number=f"#{gone.number}"))
    return _on_to(kept)


@pages.post("/orders/<int:number>/duplicate/keep")
@needs("orders.move")
def keep_both(number: int) -> str | Response:
    order = orders.find(number)
    duplicates.keep_both(order, by=current.member)
    htmx.toast(_("Both orders are kept."))
    return _on_to(order)


def _on_to(order: Order) -> str | Response:
    """Where the page goes from here: back where the person came from, else the order."""
    back = request.form.get("back", "")
    place = back if back in BACK else url_for("orders.show", number=order.number)
    if not htmx.asked():
        return redirect(place)
    return Response(headers={"HX-Redirect": place})


BACK = ("/calls",)


# --- what is compared -----------------------------------------------------------------------------


def _lines(order: Order) -> Markup:
    pieces = sorted((line.name, line.quantity) for line in order.lines)
    return Markup("<br>").join(
        Markup("{} × {}").format(filters.ltr(quantity), filters.bdi(name))
        for name, quantity in pieces
    )


FACTS = {
    N_("Name"): lambda order: filters.bdi(order.ship_name),
    N_("Phone"): lambda order: filters.phone(order.ship_phone),
    N_("Address"): lambda order: filters.bdi(order.ship_line),
    N_("City"): lambda order: filters.bdi(order.ship_city),
    N_("Products"): _lines,
    N_("Discount"): lambda order: filters.money(current.merchant.money(order.discount)),
    N_("Delivery fee"): lambda order: filters.money(current.merchant.money(order.delivery_fee)),
    N_("Delivery"): lambda order: Markup.escape(gettext(DELIVERY_KINDS[order.delivery_kind])),
    N_("Amount due"): lambda order: filters.money(order.amount_due),
    N_("Payment"): lambda order: Markup.escape(gettext(PAYMENT_METHODS[order.payment_method])),
    N_("Payment status"): lambda order: Markup.escape(
        gettext(PAYMENT_STATUSES[order.payment_status])
    ),
    N_("Internal note"): lambda order: filters.bdi(order.note),
    N_("Source"): lambda order: filters.bdi(
        gettext(SOURCES[order.source]) if order.source in SOURCES else order.source
    ),
    N_("Agent"): lambda order: filters.bdi(order.assignee.name if order.assignee else "—"),
}

"""One order, whole: what it is, where it stands, what was said and done about it; and undoing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from flows import costs, orders, pipeline, runs
from flows.orders import around
from flows.verdicts import REASONS
from inbox import htmx
from inbox.auth import needs
from inbox.conversations import prices
from inbox.current import current
from inbox.languages import gettext as _
from inbox.orders import words
from inbox.orders.routes import pages
from models.message import Message
from models.order import Order
from models.pipeline import REASONED
from models.timeline import By


@pages.get("/orders/<int:number>")
@needs("orders.read")
def show(number: int) -> str:
    order = orders.find(number)
    template = "orders/_order.html" if current.wants_fragment else "orders/show.html"
    return render_template(template, **_around(order), **_what_can_be_done(order))


@pages.post("/orders/<int:number>/seen")
@needs("orders.edit")
def seen(number: int) -> str | Response:
    """Somebody has looked at what a flag tells of."""
    order = orders.find(number)
    around.settle(order, request.form.get("flag", ""), by=current.member)
    htmx.toast(_("Noted that you have seen it."))
    return "" if htmx.asked() else redirect(url_for("orders.show", number=number))


def _around(order: Order) -> dict[str, Any]:
    said = around.latest(order)
    facts: dict[str, Any] = {
        "order": order,
        "adjustments": orders.adjustments(order),
        "timeline": [words.told(entry, order.currency) for entry in orders.timeline(order)],
        "said": said,
        "reasons": REASONS,
        "runs": list(reversed(runs.of_order(order))),
        "calls": around.calls(order),
        "neighbours": around.neighbours(order),
        "methods": orders.PAYMENT_METHODS,
        "statuses": orders.PAYMENT_STATUSES,
        "kinds": orders.DELIVERY_KINDS,
        "sources": orders.SOURCES,
    }
    return facts | ({"prices": _prices(said)} if current.sees_money else {})


def _what_can_be_done(order: Order) -> dict[str, Any]:
    by = By.user(current.member)
    may_move = current.may("orders.move")
    return {
        "moves": pipeline.allowed(order, by) if may_move else [],
        "reasoned": REASONED,
        "undoable": pipeline.undoable(order, by) if may_move else None,
        "retry": around.wanted_stage(order) if may_move else None,
        "settled_by_looking": around.SETTLED_BY_LOOKING,
    }


def _prices(said: Sequence[Message]) -> dict[UUID, tuple[Markup, str] | None]:
    settled = costs.of_messages([message.id for message in said])
    return {message.id: prices.of(message, settled.get(message.id)) for message in said}


pages.app_template_filter("reason_words")(words.reason)
pages.app_template_filter("status_words")(words.status)
pages.app_template_filter("flag_words")(words.flag)

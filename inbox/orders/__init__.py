"""Orders: the dialog that takes one out of a conversation, what a panel shows, the order's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from markupsafe import Markup

from flows import costs, orders, pipeline, threads
from flows.errors import Refused
from flows.verdicts import REASONS
from inbox import htmx, life
from inbox.auth import needs
from inbox.conversations import prices
from inbox.current import current
from inbox.languages import gettext as _
from inbox.orders import dialog, words
from models.message import Message
from models.timeline import By

pages = Blueprint("orders", __name__)

Answer = tuple[str, int] | tuple[str, int, dict[str, str]]


# --- taking an order ------------------------------------------------------------------------------


@pages.get("/conversations/<uuid:conversation_id>/orders/new")
@needs("orders.create")
def new(conversation_id: UUID) -> str:
    return _shown(dialog.fresh(orders.prefill(threads.find(conversation_id))))


@pages.post("/conversations/<uuid:conversation_id>/orders")
@needs("orders.create")
def create(conversation_id: UUID) -> Answer:
    conversation = threads.find(conversation_id)
    form = dialog.read(request.form, conversation.channel.country, current.merchant.currency)
    try:
        order = orders.create(form, by=current.member, conversation=conversation)
    except Refused as refusal:
        life.undo()
        draft = orders.prefill(threads.find(conversation_id))
        return _shown(dialog.again(draft, request.form, refusal)), refusal.status
    number = f"#{order.number}"
    htmx.toast(_("Order %(number)s created", number=number))
    htmx.close_dialog()
    htmx.trigger("order:created", number=order.number, conversation=str(conversation_id))
    place = url_for("orders.show", number=order.number)
    return "", 201, {"Location": place, "HX-Reswap": "none"}


def _shown(shown: dialog.Dialog) -> str:
    return render_template("orders/new.html", d=shown)


# --- beside the conversation ----------------------------------------------------------------------


@pages.get("/conversations/<uuid:conversation_id>/orders")
@needs("orders.read")
def older(conversation_id: UUID) -> str:
    """The customer's orders under number `before`, to go on with the list in the panel."""
    conversation = threads.find(conversation_id)
    before = request.args.get("before", type=int)
    listed = orders.listed(conversation, before=before)
    more = len(listed) == orders.PAGE
    return render_template(
        "orders/_slips.html", conversation=conversation, orders=listed, more=more
    )


# --- one order ------------------------------------------------------------------------------------


@pages.get("/orders/<int:number>")
@needs("orders.read")
def show(number: int) -> str:
    order = orders.find(number)
    said = orders.said(order)
    facts: dict[str, Any] = {
        "order": order,
        "adjustments": orders.adjustments(order),
        "timeline": [words.told(entry, order.currency) for entry in orders.timeline(order)],
        "said": said,
        "reasons": REASONS,
        "moves": pipeline.allowed(order, By.user(current.member))
        if current.may("orders.move")
        else [],
        "methods": orders.PAYMENT_METHODS,
        "statuses": orders.PAYMENT_STATUSES,
    }
    if current.sees_money:
        facts["prices"] = _prices(said)
    template = "orders/_order.html" if current.wants_fragment else "orders/show.html"
    return render_template(template, **facts)


def _prices(said: Sequence[Message]) -> dict[UUID, tuple[Markup, str] | None]:
    settled = costs.of_messages([message.id for message in said])
    return {message.id: prices.of(message, settled.get(message.id)) for message in said}

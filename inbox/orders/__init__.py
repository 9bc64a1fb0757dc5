"""Orders: the dialog that takes one out of a conversation, what a panel shows, the order's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import render_template, request
from markupsafe import Markup

from flows import costs, orders, pipeline, threads
from flows.verdicts import REASONS
from inbox.auth import needs
from inbox.conversations import prices
from inbox.current import current
from inbox.orders import duplicates, taking, words
from inbox.orders.routes import pages
from models.message import Message
from models.timeline import By

__all__ = ["duplicates", "pages", "taking"]


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

"""Orders: the dialog that takes one out of a conversation, what a panel shows, the order's page."""

from __future__ import annotations

from uuid import UUID

from flask import render_template, request

from flows import orders, threads
from inbox.auth import needs
from inbox.orders import duplicates, page, revising, taking
from inbox.orders.routes import pages

__all__ = ["duplicates", "page", "pages", "revising", "taking"]


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

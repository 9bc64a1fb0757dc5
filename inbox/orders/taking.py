"""Taking an order: the dialog from a conversation or from nowhere, and what helps to fill it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import render_template, request, url_for

from flows import duplicates, messages, orders, threads
from flows.customers import read_phone
from flows.duplicates import Goods
from flows.errors import Refused
from flows.orders.draft import FROM_A_CONVERSATION, FROM_NOWHERE
from flows.talks import drafts
from inbox import htmx, life
from inbox.auth import needs
from inbox.conversations import kinds
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.orders import dialog, proposing
from inbox.orders.routes import pages
from models.conversation import Conversation
from models.order import Order

Answer = tuple[str, int] | tuple[str, int, dict[str, str]]


# --- from a conversation --------------------------------------------------------------------------


@pages.get("/conversations/<uuid:conversation_id>/orders/new")
@needs("orders.create")
def new(conversation_id: UUID) -> str:
    """The dialog of whoever writes there, with what they said; with `cart` what they put into
    theirs and left there."""
    conversation = threads.find(conversation_id)
    lines = _cart(conversation, read_id(request.args.get("cart")))
    rows = dialog.cart_rows(lines, current.merchant.currency)
    proposal = proposing.of(conversation)
    return shown(dialog.fresh(orders.prefill(conversation), rows, proposal))


def _cart(conversation: Conversation, message_id: UUID | None) -> list[kinds.CartLine]:
    if message_id is None:
        return []
    message = threads.message(conversation, message_id)
    messages.must_stand(message)
    return kinds.cart(message)[0] if kinds.shape(message) == "cart" else []


@pages.post("/conversations/<uuid:conversation_id>/orders")
@needs("orders.create")
def create(conversation_id: UUID) -> Answer:
    conversation = threads.find(conversation_id)
    country, currency = conversation.channel.country, current.merchant.currency
    form = dialog.read(request.form, country, currency, FROM_A_CONVERSATION)
    try:
        order = orders.create(form, by=current.member, conversation=conversation)
        if draft_id := read_id(request.form.get("draft")):
            drafts.accept(drafts.find(draft_id), order, by=current.member)
    except Refused as refusal:
        life.undo()
        return refused(threads.find(conversation_id), request.form, refusal)
    return created(order)


def refused(
    conversation: Conversation, posted: Mapping[str, str], refusal: Refused
) -> tuple[str, int]:
    """The dialog again, with what is wrong."""
    draft, proposal = orders.prefill(conversation), proposing.of(conversation)
    return shown(dialog.again(draft, posted, refusal, proposal)), refusal.status


# --- from nowhere ---------------------------------------------------------------------------------


@pages.get("/orders/new")
@needs("orders.create")
def begin() -> str:
    """The empty dialog, or one that knows the `customer` already."""
    return shown(dialog.fresh(orders.begin(read_id(request.args.get("customer")))))


@pages.post("/orders")
@needs("orders.create")
def take() -> Answer:
    country, currency = current.merchant.country, current.merchant.currency
    form = dialog.read(request.form, country, currency, FROM_NOWHERE)
    try:
        order = orders.create(form, by=current.member)
    except Refused as refusal:
        life.undo()
        return shown(dialog.again(_draft(request.form), request.form, refusal)), refusal.status
    return created(order)


# --- while it is filled ---------------------------------------------------------------------------


@pages.get("/orders/new/people")
@needs("orders.create")
def people() -> str:
    """The cards that what stands in the field of the name may mean."""
    found = orders.people(request.args.get("name", ""), current.merchant.country)
    return render_template("orders/_people.html", found=found)


@pages.get("/orders/new/known")
@needs("orders.create")
def known() -> str:
    """Whose number was typed or which card picked: their addresses, and what to know of them."""
    draft = _draft(request.args)
    typed = request.args.to_dict()
    if draft.addresses and not typed.get("address"):
        typed["address_id"] = str(draft.addresses[0].id)
    d = dialog.Dialog(draft=draft, typed=typed)
    return render_template("orders/_known.html", d=d)


@pages.get("/orders/new/twins")
@needs("orders.create")
def twins() -> str:
    """Orders of today that this one would look like."""
    lines = Fields(request.args).rows("lines")
    products = [row.uuid("product_id") for row in lines]
    goods = Goods.of(filter(None, products), [row.text("name") for row in lines])
    number = read_phone(request.args.get("phone", ""), current.merchant.country)
    picked = read_id(request.args.get("customer_id"))
    found = duplicates.alike(goods, e164=number.e164, customer_id=picked)
    return render_template("orders/_twins.html", twins=found)


def _draft(typed: Mapping[str, str]) -> orders.Draft:
    """What is known of whom the form names."""
    number = read_phone(typed.get("phone", ""), current.merchant.country)
    picked = read_id(typed.get("customer_id"))
    return orders.begin(picked, e164=number.e164, name=typed.get("name", ""))


def created(order: Order) -> Answer:
    number = f"#{order.number}"
    htmx.toast(_("Order %(number)s created", number=number))
    if order.duplicate_of_id is not None:
        htmx.toast(_("Order %(number)s may be a duplicate.", number=number), kind="bad")
    htmx.close_dialog()
    talk = str(order.conversation_id) if order.conversation_id else ""
    htmx.trigger("order:created", number=order.number, conversation=talk)
    place = url_for("orders.show", number=order.number)
    return "", 201, {"Location": place, "HX-Reswap": "none"}


def shown(what: dialog.Dialog) -> str:
    return render_template("orders/new.html", d=what)

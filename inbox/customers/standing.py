"""Advertising agreed to or taken back, blocking: from the card, and beside a thread."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import render_template, request, url_for

from flows import consents, customers, threads
from flows.errors import N_, Invalid
from inbox import htmx, life
from inbox.auth import needs
from inbox.conversations import beside
from inbox.current import current
from inbox.customers.card import Answer, changed
from inbox.customers.routes import pages
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.languages import told_each
from models.conversation import Conversation
from models.customer import Customer

REASONS = (N_("Refused several parcels"), N_("Fake orders"), N_("Insults"), N_("Spam"))
"""What people mostly block for; any other reason may be typed."""
WORDING = N_("Agrees to receive offers and news on WhatsApp")


# --- from the card --------------------------------------------------------------------------------


@pages.get("/customers/<uuid:customer_id>/block")
@needs("customers.edit")
def ask_block(customer_id: UUID) -> str:
    customer = customers.find(customer_id)
    return _block_form(customer.name, url_for("customers.block", customer_id=customer_id))


@pages.post("/customers/<uuid:customer_id>/block")
@needs("customers.edit")
def block(customer_id: UUID) -> Answer:
    customer = customers.find(customer_id)
    try:
        _block(customer)
    except Invalid as refusal:
        return _block_again(customer.name, refusal)
    return changed(customer)


@pages.post("/customers/<uuid:customer_id>/unblock")
@needs("orders.correct")
def unblock(customer_id: UUID) -> str:
    customer = customers.find(customer_id)
    _unblock(customer)
    return changed(customer)


@pages.get("/customers/<uuid:customer_id>/consent")
@needs("customers.edit")
def ask_consent(customer_id: UUID) -> str:
    customer = customers.find(customer_id)
    action = url_for("customers.consent", customer_id=customer_id)
    return _consent_form(action, consents.standing(customer))


@pages.post("/customers/<uuid:customer_id>/consent")
@needs("customers.edit")
def consent(customer_id: UUID) -> Answer:
    """What a customer said to somebody of the team: `given` or, empty, taken back."""
    customer = customers.find(customer_id)
    try:
        _record(customer)
    except Invalid as refusal:
        life.undo()
        return _consent_again(consents.standing(customers.find(customer_id)), refusal)
    return changed(customer)


# --- beside a thread: whoever writes may have no card yet -----------------------------------------


@pages.get("/inbox/<uuid:conversation_id>/block")
@needs("inbox.read", "customers.edit")
def ask_block_beside(conversation_id: UUID) -> str:
    name = threads.find(conversation_id).identity.name
    action = url_for("customers.block_beside", conversation_id=conversation_id)
    return _block_form(name, action)


@pages.post("/inbox/<uuid:conversation_id>/block")
@needs("inbox.read", "customers.edit")
def block_beside(conversation_id: UUID) -> Answer:
    conversation = threads.find(conversation_id)
    try:
        _block(customers.card_for(conversation.identity))
    except Invalid as refusal:
        return _block_again(conversation.identity.name, refusal)
    return _beside(conversation)


@pages.post("/inbox/<uuid:conversation_id>/unblock")
@needs("inbox.read", "orders.correct")
def unblock_beside(conversation_id: UUID) -> str:
    conversation = threads.find(conversation_id)
    if conversation.identity.customer is not None:
        _unblock(conversation.identity.customer)
    return _beside(conversation)


@pages.get("/inbox/<uuid:conversation_id>/consent")
@needs("inbox.read", "customers.edit")
def ask_consent_beside(conversation_id: UUID) -> str:
    who = threads.find(conversation_id).identity
    action = url_for("customers.consent_beside", conversation_id=conversation_id)
    return _consent_form(action, consents.standing(who.customer, who))


@pages.post("/inbox/<uuid:conversation_id>/consent")
@needs("inbox.read", "customers.edit")
def consent_beside(conversation_id: UUID) -> Answer:
    conversation = threads.find(conversation_id)
    try:
        _record(customers.card_for(conversation.identity))
    except Invalid as refusal:
        life.undo()
        who = threads.find(conversation_id).identity
        return _consent_again(consents.standing(who.customer, who), refusal)
    return _beside(conversation)


def _beside(conversation: Conversation) -> str:
    """The dialog closes; the panel, the head and the composer are as they are now."""
    htmx.close_dialog()
    htmx.trigger("live", target="#newest")
    return render_template("customers/_beside.html", **beside.facts(threads.find(conversation.id)))


# --- what both do ---------------------------------------------------------------------------------


def _block(customer: Customer) -> None:
    reason = Fields(request.form).text("reason")
    customers.block(customer, reason=reason, by=current.member)
    htmx.toast(_("%(name)s is blocked.", name=customer.name))


def _unblock(customer: Customer) -> None:
    customers.unblock(customer, current.member)
    htmx.toast(_("%(name)s is no longer blocked.", name=customer.name))


def _record(customer: Customer) -> None:
    consents.record(
        customer=customer,
        given=bool(request.form.get("given")),
        source="person",
        wording=Fields(request.form).lines("wording"),
        by=current.member,
    )
    htmx.toast(_("Recorded."))


def _block_form(name: str, action: str, errors: Mapping[str, str] | None = None) -> str:
    return render_template(
        "customers/block.html",
        name=name,
        action=action,
        typed=request.form.get("reason", ""),
        errors=errors or {},
        reasons=REASONS,
    )


def _block_again(name: str, refusal: Invalid) -> Answer:
    life.undo()
    return _block_form(name, request.path, told_each(refusal)), 422


def _consent_form(
    action: str, standing: consents.Standing, errors: Mapping[str, str] | None = None
) -> str:
    return render_template(
        "customers/consent.html",
        action=action,
        standing=standing,
        # What is mostly meant: who agreed takes it back, who refused asks again in their words.
        given=request.form.get("given", "" if standing.given else "1"),
        typed=request.form.get("wording", _(WORDING) if standing.given is None else ""),
        errors=errors or {},
    )


def _consent_again(standing: consents.Standing, refusal: Invalid) -> Answer:
    return _consent_form(request.path, standing, told_each(refusal)), 422

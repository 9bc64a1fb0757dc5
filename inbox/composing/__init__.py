"""What leaves besides texts and files: places, cards, questions to tap, reactions, what is passed
on; and that somebody is typing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, request

from flows import messages, threads
from flows.errors import Invalid, NotFound
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.composing.forms import FORMS, Asked, Form, offered
from inbox.conversations import thread, writing
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from models.conversation import Conversation
from models.types import new_id

pages = Blueprint("composing", __name__)

PAGE = 12


# --- the forms of the attach menu -----------------------------------------------------------------


@pages.get("/inbox/<uuid:conversation_id>/compose/<kind>")
@needs("inbox.reply")
def ask(conversation_id: UUID, kind: str) -> str:
    """The form of one kind of message."""
    form = _form(kind)
    conversation = writing.writable(conversation_id)
    messages.window_must_be_open(conversation)
    return _show(conversation, kind, Asked(conversation, Fields(form.filled())))


@pages.post("/inbox/<uuid:conversation_id>/compose/<kind>")
@needs("inbox.reply")
def send(conversation_id: UUID, kind: str) -> str | tuple[str, int]:
    """It is on its way, once for each `client_id`; with something wrong the form comes back."""
    form = _form(kind)
    conversation, client_id, known = writing.begun(conversation_id)
    asked = Asked(conversation, Fields(request.form), request.files.get("file"))
    reply_to = request.form.get("reply_to") or None
    try:
        message = known or form.queue(asked, client_id=client_id, reply_to=reply_to)
    except Invalid as refusal:
        life.undo()
        errors = languages.told_each(refusal)
        again = Asked(writing.writable(conversation_id), Fields(request.form))
        return _show(again.conversation, kind, again, errors=errors, client_id=client_id), 422
    htmx.close_dialog()
    bubble = thread.bubble(threads.only(message))
    return render_template("composing/_sent.html", conversation=conversation, bubble=bubble)


@pages.get("/inbox/<uuid:conversation_id>/compose/<kind>/found")
@needs("inbox.reply")
def found(conversation_id: UUID, kind: str) -> str:
    """What fits `q`: people for a card, products for a list; what is ticked stays."""
    form = _form(kind)
    if form.find is None:
        raise NotFound
    asked = Asked(threads.find(conversation_id), Fields(request.args))
    return render_template(f"composing/_{kind}_found.html", found=form.find(asked), asked=asked)


def _form(kind: str) -> Form:
    form = FORMS.get(kind)
    if form is None or not form.offered():
        raise NotFound
    return form


def _show(
    conversation: Conversation,
    kind: str,
    asked: Asked,
    *,
    errors: dict[str, str] | None = None,
    client_id: UUID | None = None,
) -> str:
    form = FORMS[kind]
    facts: dict[str, Any] = {"found": form.find(asked)} if form.find else {}
    return render_template(
        "composing/form.html",
        conversation=conversation,
        kind=kind,
        form=form,
        asked=asked,
        typed=asked.fields.posted,
        errors=errors or {},
        client_id=client_id or new_id(),
        **facts,
    )


# --- a reaction -----------------------------------------------------------------------------------


@pages.post("/messages/<uuid:message_id>/reaction")
@needs("inbox.reply")
def react(message_id: UUID) -> str:
    """The emoji is on its way (empty: taken back); the answer is the message with it."""
    message = writing.message(message_id)
    conversation = writing.writable(message.conversation_id)
    messages.react(message, request.form.get("emoji", "").strip(), by=current.member)
    bubble = thread.bubble(threads.only(message))
    return render_template("composing/_reacted.html", conversation=conversation, bubble=bubble)


# --- passing on -----------------------------------------------------------------------------------


@pages.get("/messages/<uuid:message_id>/forward")
@needs("inbox.reply")
def ask_forward(message_id: UUID) -> str:
    """To whom: the conversations that fit `q`, newest first."""
    message = writing.message(message_id)
    search = Fields(request.args).text("q")
    listed = threads.listed(search=search, limit=PAGE)
    template = "composing/_talks.html" if "q" in request.args else "composing/forward.html"
    talks = [one.conversation for one in listed if one.conversation.id != message.conversation_id]
    return render_template(
        template, message=message, talks=talks, search=search, client_id=new_id()
    )


@pages.post("/messages/<uuid:message_id>/forward")
@needs("inbox.reply")
def forward(message_id: UUID) -> str:
    """The same content is on its way to another customer."""
    message, chosen = writing.message(message_id), read_id(request.form.get("conversation"))
    conversation = writing.writable(chosen or abort(400))
    messages.pass_on(message, conversation, by=current.member, client_id=writing.client_id())
    htmx.close_dialog()
    htmx.toast(_("Passed on to %(name)s.", name=conversation.identity.name))
    return ""


# --- "typing…" ------------------------------------------------------------------------------------


@pages.post("/inbox/<uuid:conversation_id>/typing")
@needs("inbox.reply")
def typing(conversation_id: UUID) -> tuple[str, int]:
    """The customer sees that somebody writes; nothing is promised."""
    messages.show_typing(threads.find(conversation_id))
    return "", 204


pages.add_app_template_global(offered, "attach_forms")

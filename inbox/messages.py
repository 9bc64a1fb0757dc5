"""What leaves from the composer: texts, files, ready messages; and the composer itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from flask import Blueprint, Response, abort, jsonify, render_template, request

from flows import consents, messages, snippets, templates, threads
from flows.errors import N_, Invalid
from inbox import languages, media
from inbox.auth import needs
from inbox.conversations import thread, writing
from inbox.conversations.asked import read_id
from inbox.conversations.composer import (
    compose,
    estimates,
    examples,
    guessed,
    labels,
    optional,
)
from inbox.conversations.prices import expected
from inbox.current import current
from inbox.languages import gettext
from models.conversation import Conversation
from models.message import Media, Message, Origin
from models.template import MessageTemplate
from models.types import new_id

pages = Blueprint("messages", __name__)


# --- texts and files ------------------------------------------------------------------------------


@pages.post("/inbox/<uuid:conversation_id>/messages")
@needs("inbox.reply")
def send(conversation_id: UUID) -> tuple[Response, int]:
    """The text is on its way, once for each `client_id`; the answer holds its bubble."""
    conversation, client_id, known = writing.begun(conversation_id)
    message = known or messages.queue_text(
        conversation,
        request.form.get("text", ""),
        by=current.member,
        client_id=client_id,
        reply_to=request.form.get("reply_to") or None,
    )
    return _sent(conversation, message)


@pages.post("/inbox/<uuid:conversation_id>/files")
@needs("inbox.reply")
def attach(conversation_id: UUID) -> tuple[Response, int]:
    """The file is on its way with its caption, once for each `client_id`."""
    conversation, client_id, known = writing.begun(conversation_id)
    if known is not None:
        return _sent(conversation, known)
    messages.window_must_be_open(conversation)  # before the file is written
    spoken = "voice" in request.form
    stored, kind = _file(spoken=spoken)
    words = request.form.get("text", "").strip()
    silent = kind in messages.WORDLESS
    message = messages.queue_media(
        conversation,
        kind,
        media=stored,
        caption="" if silent else words,
        voice=spoken,
        by=current.member,
        client_id=client_id,
        reply_to=request.form.get("reply_to") or None,
    )
    if silent and words:
        # Nothing can stand under it: what was written follows by itself.
        beside = uuid5(client_id, "words")
        messages.queue_text(conversation, words, by=current.member, client_id=beside)
    return _sent(conversation, message)


def _file(*, spoken: bool) -> tuple[Media, str]:
    """What is attached: a file of the library, a recording, or any other file."""
    if chosen := read_id(request.form.get("snippet")):
        kept = snippets.find(chosen).media or abort(400)
        return kept, media.kind_of(kept)
    if "file" not in request.files:
        abort(400)
    return (media.keep_voice if spoken else media.keep)(request.files["file"])


@pages.post("/messages/<uuid:message_id>/again")
@needs("inbox.reply")
def again(message_id: UUID) -> str:
    """A person sends a failed or uncertain message once more, knowing it may arrive twice."""
    message = writing.message(message_id)
    writing.writable(message.conversation_id)
    messages.send_again(message)
    return render_template(
        "conversations/_again.html",
        conversation=threads.find(message.conversation_id),
        bubble=thread.bubble(threads.only(message)),
    )


def _sent(conversation: Conversation, message: Message) -> tuple[Response, int]:
    bubble = thread.bubble(threads.only(message))
    html = render_template("conversations/_sent.html", conversation=conversation, bubble=bubble)
    return jsonify(id=str(message.id), html=html), 201


# --- the composer and its ready messages ----------------------------------------------------------


@pages.get("/inbox/<uuid:conversation_id>/composer")
@needs("inbox.reply")
def composer(conversation_id: UUID) -> str:
    """What can be written now; with `ready` the ready messages, although the window is open."""
    conversation = threads.find(conversation_id)
    return render_template(
        "conversations/_composer.html",
        conversation=conversation,
        composer=compose(conversation, ready="ready" in request.args),
    )


@pages.get("/inbox/<uuid:conversation_id>/templates/<uuid:template_id>")
@needs("inbox.reply")
def template(conversation_id: UUID, template_id: UUID) -> str:
    """A field for each blank, filled where that is plain, and how the customer will read it."""
    conversation = threads.find(conversation_id)
    chosen = threads.ready_template(conversation, template_id)
    return _filled(conversation, chosen, guessed(chosen, conversation))


@pages.get("/inbox/<uuid:conversation_id>/templates/<uuid:template_id>/preview")
@needs("inbox.reply")
def preview(conversation_id: UUID, template_id: UUID) -> str:
    chosen = threads.ready_template(threads.find(conversation_id), template_id)
    rendered = templates.render(chosen, _seen(_typed(chosen)))
    file = templates.file_of(chosen)
    return render_template("conversations/_rendered.html", rendered=rendered, file=file)


@pages.post("/inbox/<uuid:conversation_id>/templates/<uuid:template_id>")
@needs("inbox.reply")
def send_template(conversation_id: UUID, template_id: UUID) -> str | tuple[str, int]:
    """The ready message is on its way; with a blank left empty the form comes back with errors."""
    conversation, client_id, known = writing.begun(conversation_id)
    if known is not None:
        return _template_sent(conversation, known)
    chosen = threads.ready_template(conversation, template_id)
    values = _typed(chosen)
    if wrong := _wrong(chosen, values):
        return _filled(conversation, chosen, values, errors=wrong, client_id=client_id), 422
    templates.check_sendable(chosen)
    consents.check_may_send(chosen, conversation.identity.customer, conversation.identity)
    message = messages.queue_template(
        conversation,
        chosen,
        _seen(_in_time(values)),
        origin=Origin.AGENT,
        by=current.member,
        client_id=client_id,
        reply_to=request.form.get("reply_to") or None,
    )
    return _template_sent(conversation, message)


def _template_sent(conversation: Conversation, message: Message) -> str:
    bubble = thread.bubble(threads.only(message))
    return render_template(
        "conversations/_template_sent.html",
        conversation=conversation,
        bubble=bubble,
        composer=compose(conversation) if conversation.window_open else None,
    )


def _filled(
    conversation: Conversation,
    chosen: MessageTemplate,
    values: dict[str, str],
    *,
    errors: dict[str, str] | None = None,
    client_id: UUID | None = None,
) -> str:
    facts: dict[str, Any] = {"price": None}
    if current.sees_money:
        found = estimates(conversation, chosen.category)
        facts["price"] = expected(found[chosen.category])
    return render_template(
        "conversations/_template.html",
        conversation=conversation,
        template=chosen,
        values=values,
        errors=errors or {},
        labels=labels(chosen),
        optional=[v.key for v in chosen.variables if optional(v)],
        examples=examples(chosen),
        client_id=client_id or new_id(),
        rendered=templates.render(chosen, _seen(values)),
        file=templates.file_of(chosen),
        **facts,
    )


def _wrong(chosen: MessageTemplate, values: dict[str, str]) -> dict[str, str]:
    """Blank → what is wrong with its value."""
    needed = [v.key for v in chosen.variables if not optional(v)]
    wrong = {key: gettext(N_("Fill this in.")) for key in needed if not values[key]}
    try:
        templates.check_values(chosen, _in_time(values))
    except Invalid as refusal:
        wrong = languages.told_each(refusal) | wrong
    return wrong


def _in_time(values: dict[str, str]) -> dict[str, str]:
    """The end of an offer, typed on the merchant's clock, as a moment that all understand."""
    typed = values.get("offer.until", "")
    try:
        ends = datetime.fromisoformat(typed)
    except ValueError:
        return values
    at = ends if ends.tzinfo else ends.replace(tzinfo=current.zone)
    return values | {"offer.until": at.isoformat()}


def _typed(chosen: MessageTemplate) -> dict[str, str]:
    return {
        variable.key: templates.clean_value(request.values.get(variable.key, ""))
        for variable in chosen.variables
    }


def _seen(values: dict[str, str]) -> dict[str, str]:
    """An empty blank stays seen as a blank."""
    return {key: value for key, value in values.items() if value}

"""What every way of writing asks first: which message, to whom, and only once."""

from __future__ import annotations

from uuid import UUID

from flask import abort, request

from flows import customers, messages, threads
from flows.errors import NotFound
from inbox.conversations.asked import read_id
from models.conversation import Conversation
from models.message import Message


def writable(conversation_id: UUID) -> Conversation:
    """The conversation, if its customer is not blocked: nobody writes to them by mistake."""
    conversation = threads.find(conversation_id)
    customers.check_not_blocked(conversation.identity.customer)
    return conversation


def begun(conversation_id: UUID) -> tuple[Conversation, UUID, Message | None]:
    """Where to, the name of what is sent, and the message that it has become already.

    Who asks again for want of an answer is told of that one, whatever has changed since: that the
    window has closed, or that the customer is blocked, is refused to what is new.
    """
    conversation, name = threads.find(conversation_id), client_id()
    known = threads.by_client_id(conversation, name)
    if known is None:
        customers.check_not_blocked(conversation.identity.customer)
    return conversation, name, known


def client_id() -> UUID:
    """The name the page gave to what it sends: without one a double click would be two messages."""
    return read_id(request.form.get("client_id")) or abort(400)


def message(message_id: UUID) -> Message:
    """The message of this merchant, or NotFound."""
    found = messages.find(message_id)
    if found is None:
        raise NotFound
    return found

"""Every kind of message WhatsApp has, made readable; a strange body is shown, never an error.

names: what they are called. bodies: reading what may be anything. files, given, questions, told:
what a body holds. Here: which macro of _kinds.html shows a message, and what that macro is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inbox.conversations.kinds import bodies
from inbox.conversations.kinds.files import File, file, header_file
from inbox.conversations.kinds.given import Card, CartLine, Spot, cards, cart, spot
from inbox.conversations.kinds.names import (
    KINDS,
    SHAPES,
    icon,
    label,
    preview,
    raw,
    target,
    words,
)
from inbox.conversations.kinds.questions import (
    Question,
    answers,
    asks_for,
    buttons,
    question,
    tapped,
)
from inbox.conversations.kinds.told import (
    Advertisement,
    advertisement,
    notice,
    product,
    unsupported,
)
from models.message import Direction, Message, Origin

__all__ = [
    "KINDS",
    "SHAPES",
    "Advertisement",
    "Card",
    "CartLine",
    "File",
    "Question",
    "Spot",
    "advertisement",
    "asks_for",
    "buttons",
    "cards",
    "cart",
    "content",
    "icon",
    "label",
    "preview",
    "product",
    "raw",
    "shape",
    "target",
    "words",
]

_INTERACTIVE = {
    "button_reply": "tap",
    "list_reply": "tap",
    "nfm_reply": "form",
    "call_permission_reply": "tap",
}

# Shape → what its macro finds in `content`.
READERS: dict[str, Callable[[Message], Any]] = {
    "media": file,
    "location": spot,
    "contacts": cards,
    "cart": cart,
    "tap": tapped,
    "buttons": question,
    "template": header_file,
    "form": answers,
    "unsupported": unsupported,
    "notice": notice,
}


def shape(message: Message) -> str:
    """Which macro shows the message: text, media, tap, …, unknown."""
    if message.kind != "interactive":
        return SHAPES.get(message.kind, "unknown")
    if message.direction is Direction.OUT and message.origin is not Origin.PHONE:
        return "buttons"
    return _INTERACTIVE.get(bodies.text(bodies.body(message).get("type")), "unknown")


def content(message: Message) -> Any:
    """What the message's macro shows besides its text; None where the text is all."""
    reader = READERS.get(shape(message))
    return reader(message) if reader else None

"""What the kinds are called, and which macro of _kinds.html shows each."""

from __future__ import annotations

import json

from inbox.languages import N_, gettext
from models.conversation import Conversation
from models.message import Message

# Kind → icon and what people call it.
KINDS: dict[str, tuple[str, str]] = {
    "image": ("image", N_("Photo")),
    "video": ("image", N_("Video")),
    "audio": ("audio", N_("Audio")),
    "voice": ("audio", N_("Voice message")),
    "document": ("file", N_("Document")),
    "sticker": ("image", N_("Sticker")),
    "location": ("pin", N_("Location")),
    "contacts": ("user", N_("Contact")),
    "order": ("cart", N_("Cart")),
    "system": ("info", N_("Notice of WhatsApp")),
    "edit": ("edit", N_("Edited message")),
    "revoke": ("trash", N_("Deleted message")),
    "unsupported": ("question", N_("Message WhatsApp does not hand over")),
    "request_welcome": ("inbox", N_("Opened the chat for the first time")),
    "media_placeholder": ("image", N_("Media from before")),
    "call": ("phone", N_("Phone call")),
    "missed_call": ("phone", N_("Missed call")),
    "form": ("note", N_("Answers to a form")),
    "template": ("template", N_("Template")),
}
# What WhatsApp says it does not hand over → what people call it.
UNSUPPORTED = {
    "poll": N_("Poll"),
    "pool": N_("Poll"),
    "poll_creation": N_("Poll"),
    "poll_update": N_("Vote in a poll"),
    "event": N_("Event"),
    "edit": N_("Edited message"),
    "button": N_("Message with buttons"),
    "view_once": N_("Photo or video to be seen once"),
    "ephemeral": N_("Disappearing message"),
    "group_invite": N_("Invitation to a group"),
    "list": N_("List"),
    "payment": N_("Payment"),
    "video_note": N_("Video note"),
}
UNKNOWN = ("question", N_("Message of a kind we do not know yet"))

# Kind → the macro of _kinds.html that shows it; the others depend on the body.
SHAPES = {
    "text": "text",
    "image": "media",
    "video": "media",
    "audio": "media",
    "document": "media",
    "sticker": "media",
    "ephemeral": "unsupported",
    "view_once": "unsupported",
    "location": "location",
    "contacts": "contacts",
    "order": "cart",
    "button": "tap",
    "system": "notice",
    "request_welcome": "notice",
    "unsupported": "unsupported",
    "edit": "edit",
    "revoke": "revoke",
    "reaction": "reaction",
    "template": "template",
}
_WORDLESS = ("text", "template", "button", "interactive")


def label(kind: str) -> str:
    return gettext(KINDS.get(kind, UNKNOWN)[1])


def icon(kind: str) -> str:
    return KINDS.get(kind, UNKNOWN)[0]


def words(kind: str, text: str) -> tuple[str, str]:
    """Icon ("" for none) and words of a message in one line, for lists and quotes."""
    if kind == "reaction":
        reacted = gettext(N_("Reacted %(emoji)s"), emoji=text)
        return "", reacted if text else gettext(N_("Took a reaction back"))
    if text and (kind in _WORDLESS or kind not in KINDS):
        return "", text
    return icon(kind), text or label(kind)


def preview(conversation: Conversation) -> tuple[str, str]:
    """Icon and words of the newest message, as the list shows it."""
    if not conversation.last_kind:
        return "", gettext(N_("No message yet"))
    return words(conversation.last_kind, conversation.last_preview)


def target(message: Message) -> str | None:
    """The wamid of the message this one reacts to, edits or takes back."""
    return message.target_wamid or message.payload.get("target_wamid")


def raw(message: Message) -> str:
    """The body as Meta sent it, for those who look after the set-up."""
    return json.dumps(message.payload, ensure_ascii=False, indent=2)

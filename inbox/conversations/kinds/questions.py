"""What we sent for the customer to tap or fill in, and what came back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from inbox.conversations.kinds import bodies
from inbox.conversations.kinds.files import File, file_above
from inbox.conversations.kinds.names import label
from inbox.languages import N_, gettext
from models.message import Message
from models.types import Json


@dataclass(frozen=True, slots=True)
class Question:
    """What we sent for the customer to tap; `action` is a table's key for what has no words."""

    header: str
    file: File | None
    footer: str
    menu: str
    sections: list[tuple[str, list[tuple[str, str]]]]
    """Title, then (words, description) of each row; of products their references."""
    url: tuple[str, str] | None
    action: str

    @property
    def rows(self) -> bool:
        return any(rows for _, rows in self.sections)


ACTIONS = {
    "location_request_message": ("pin", N_("Asks for their location")),
    "request_contact_info": ("phone", N_("Asks for their phone number")),
    "address_message": ("pin", N_("Asks for their address")),
    "catalog_message": ("cart", N_("Shows the catalogue")),
    "product": ("cart", N_("Shows a product")),
    "product_list": ("cart", N_("Shows products")),
    "flow": ("note", N_("Opens a form")),
    "carousel": ("image", N_("Shows cards")),
    "order_details": ("receipt", N_("Asks to pay")),
    "order_status": ("box", N_("Tells of an order")),
}


def question(message: Message) -> Question:
    body = bodies.body(message)
    action, header = bodies.part(body, "action"), bodies.part(body, "header")
    parameters = bodies.part(action, "parameters")
    return Question(
        header=bodies.text(header.get("text")),
        file=file_above(message, bodies.text(header.get("type"))),
        footer=bodies.text(bodies.part(body, "footer").get("text")),
        menu=bodies.text(action.get("button") or parameters.get("flow_cta")),
        sections=_sections(action),
        url=(bodies.text(parameters.get("display_text")), bodies.text(parameters.get("url")))
        if body.get("type") == "cta_url"
        else None,
        action=bodies.text(body.get("type")) if body.get("type") in ACTIONS else "",
    )


def asks_for(question: Question) -> tuple[str, str]:
    """Icon and words of what a message asks or shows."""
    icon, words = ACTIONS[question.action]
    return icon, gettext(words)


def buttons(message: Message) -> list[str]:
    """The words on the buttons that we sent with it."""
    if message.kind == "template":
        unsaid = gettext(N_("Copy the code"))  # these words are WhatsApp's own
        return [str(words) or unsaid for words in message.payload.get("buttons") or ()]
    replies = (
        bodies.part(b, "reply")
        for b in bodies.parts(bodies.part(bodies.body(message), "action"), "buttons")
    )
    return [bodies.text(reply.get("title")) for reply in replies]


def _sections(action: Json) -> list[tuple[str, list[tuple[str, str]]]]:
    found = [
        (
            bodies.text(section.get("title")),
            [
                (bodies.text(r.get("title")), bodies.text(r.get("description")))
                for r in bodies.parts(section, "rows")
            ]
            + [(_reference(item), "") for item in bodies.parts(section, "product_items")],
        )
        for section in bodies.parts(action, "sections")
    ]
    only = _reference(action)
    return found or ([("", [(only, "")])] if only else [])


def _reference(item: Json) -> str:
    return bodies.text(item.get("product_retailer_id"))


CALLS = {"accept": N_("You may call"), "reject": N_("Please do not call")}
"""What the customer says when asked whether the shop may call them on WhatsApp."""


def tapped(message: Message) -> tuple[str, str]:
    """Title and description of the button or list row the customer chose."""
    body = bodies.body(message)
    chosen = bodies.text(body.get("type")) if message.kind == "interactive" else ""
    choice = bodies.part(body, chosen)
    if chosen == "call_permission_reply":
        answer = CALLS.get(bodies.text(choice.get("response")))
        return gettext(answer) if answer else label("call"), ""
    return message.text or label(message.kind), bodies.text(choice.get("description"))


# What our own address form calls its fields (flows/forms/screens).
FILLED = {
    "name": N_("Name"),
    "phone": N_("Phone"),
    "city": N_("City"),
    "line": N_("Address"),
    "landmark": N_("Landmark"),
    "note": N_("Note for the courier"),
}


def answers(message: Message) -> list[tuple[str, str]]:
    """Question and answer of every field of a form the customer filled in."""
    reply = bodies.part(bodies.body(message), "nfm_reply")
    try:
        fields = json.loads(bodies.text(reply.get("response_json")))
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        return []
    shown = {name: value for name, value in fields.items() if name != "flow_token"}
    return [(_called(name), bodies.plain(value)) for name, value in shown.items()]


def _called(field: str) -> str:
    """A field of ours in the reader's language; of other forms its name, as words."""
    return gettext(FILLED[field]) if field in FILLED else re.sub(r"[_\s]+", " ", field).strip()

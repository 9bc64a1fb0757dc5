"""What a phone puts into a message: files, quotes, and the answers that taps make."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from bot.simulator.world import Customer, Json, World

FILES = ("image", "video", "audio", "document", "sticker")
CASABLANCA = {"latitude": 33.5731, "longitude": -7.5898, "name": "Casablanca"}


def content(world: World, kind: str, text: str | None, given: Any) -> Any:
    """The body of a message of this type as Meta words it; files are looked up by their id."""
    if kind == "text":
        return given or {"body": text or ""}
    if kind not in FILES:
        return given if given is not None else {}
    media = world.media[str(given["id"])]
    digest = base64.b64encode(bytes.fromhex(media.sha256)).decode()
    extra = {"caption": text} if text else {}
    extra |= EXTRAS[kind](media.filename) if kind in EXTRAS else {}
    return {"mime_type": media.mime_type, "sha256": digest} | extra | given | {"id": media.id}


def quote(world: World, wamid: str) -> Json:
    """The `context` of a message that answers this one."""
    bubble = world.bubbles[wamid]
    author = world.customers[bubble.customer or ""] if bubble.from_customer else None
    sender = author.wa_id if author else world.numbers[bubble.number].digits
    return {"from": sender, "id": wamid} if sender else {"id": wamid}


def answer(choice: Json, who: Customer, given: Json) -> tuple[str, Any]:
    """The type and body of the message a tap on this choice sends; ValueError for links.

    `given` is what the person filled in, where the choice asks for something.
    """
    if choice["kind"] in ANSWERS:
        return ANSWERS[choice["kind"]](choice)
    if choice["kind"] in FILLED_IN:
        return FILLED_IN[choice["kind"]](choice, who, given)
    raise ValueError(f"tapping a {choice['kind']} sends no message")


def _button(choice: Json) -> tuple[str, Json]:
    return "button", {"payload": choice["payload"], "text": choice["text"]}


def _button_reply(choice: Json) -> tuple[str, Json]:
    reply = {"id": choice["id"], "title": choice["text"]}
    return "interactive", {"type": "button_reply", "button_reply": reply}


def _list_reply(choice: Json) -> tuple[str, Json]:
    reply = {"id": choice["id"], "title": choice["text"]}
    reply |= {"description": choice["description"]} if choice.get("description") else {}
    return "interactive", {"type": "list_reply", "list_reply": reply}


EXTRAS: dict[str, Callable[[str], Json]] = {
    "document": lambda filename: {"filename": filename},
    "audio": lambda _: {"voice": True},
    "sticker": lambda _: {"animated": False},
}
ANSWERS: dict[str, Callable[[Json], tuple[str, Json]]] = {
    "reply": _button,
    "button_reply": _button_reply,
    "list_reply": _list_reply,
}


def own_card(who: Customer) -> Json:
    """A person's own contact card."""
    first = who.name.partition(" ")[0]
    phone = {"phone": who.phone, "wa_id": (who.phone or "").lstrip("+"), "type": "CELL"}
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"FN:{who.name}"]
    lines += [f"TEL;TYPE=CELL:{who.phone}"] if who.phone else []
    return {
        "name": {"formatted_name": who.name, "first_name": first},
        "phones": [phone] if who.phone else [],
        "vcard": "\n".join([*lines, "END:VCARD"]),
    }


def _place(_choice: Json, _who: Customer, given: Json) -> tuple[str, Any]:
    return "location", given or dict(CASABLANCA)


def _card(_choice: Json, who: Customer, _given: Json) -> tuple[str, Any]:
    return "contacts", [{**own_card(who), "origin": "contact_request"}]


def _form(name: str) -> Callable[[Json, Customer, Json], tuple[str, Any]]:
    def reply(choice: Json, _who: Customer, given: Json) -> tuple[str, Any]:
        fields = given | ({"flow_token": choice["token"]} if choice.get("token") else {})
        said = json.dumps(fields, ensure_ascii=False)
        body = {"name": name, "body": "Sent", "response_json": said}
        return "interactive", {"type": "nfm_reply", "nfm_reply": body}

    return reply


def _permission(_choice: Json, _who: Customer, given: Json) -> tuple[str, Any]:
    response = given.get("response", "accept")
    said: Json = {"response": response, "response_source": "user_action"}
    if response == "accept":
        said["expiration_timestamp"] = str(int(time.time()) + 7 * 86_400)
    return "interactive", {"type": "call_permission_reply", "call_permission_reply": said}


FILLED_IN: dict[str, Callable[[Json, Customer, Json], tuple[str, Any]]] = {
    "location": _place,
    "contact": _card,
    "flow": _form("flow"),
    "address": _form("address_message"),
    "call_permission": _permission,
}

"""What a phone puts into a message: files, quotes, and the answers that taps make."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from bot.simulator.world import Json, World

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


def answer(choice: Json) -> tuple[str, Json]:
    """The type and body of the message a tap on this choice sends; ValueError for links."""
    if choice["kind"] not in ANSWERS:
        raise ValueError(f"tapping a {choice['kind']} sends no message")
    return ANSWERS[choice["kind"]](choice)


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
    "location": lambda _: ("location", dict(CASABLANCA)),
}

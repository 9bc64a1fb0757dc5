"""The typed body of each kind of message, as Meta's /messages takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot import template_bodies
from flows.letters import Letter
from models.types import Json

Body = Json | list[Any]


def body(letter: Letter, uploaded: str | None, cards: Sequence[str] = ()) -> Body:
    """What goes under the message's own type; KeyError for a kind we cannot send.

    `uploaded`, `cards`: Meta's ids of its file, and of the files of its cards.
    """
    if letter.kind == "template":
        return template_bodies.template(letter.payload, uploaded, cards)
    return BODIES[letter.kind](letter, uploaded)


def _text(letter: Letter, _: str | None) -> Body:
    return {"body": letter.text, "preview_url": bool(letter.payload.get("preview_url"))}


def _media(letter: Letter, uploaded: str | None) -> Body:
    media: Json = {"id": uploaded} if uploaded else {"link": letter.payload["link"]}
    if letter.text and letter.kind not in ("audio", "sticker"):
        media["caption"] = letter.text
    if letter.kind == "document" and letter.payload.get("filename"):
        media["filename"] = letter.payload["filename"]
    if letter.kind == "audio" and letter.payload.get("body", {}).get("voice"):
        media["voice"] = True
    return media


def _as_kept(letter: Letter, _: str | None) -> Body:
    return _kept(letter)


def _contacts(letter: Letter, _: str | None) -> Body:
    cards: list[Any] = letter.payload["body"]["contacts"]
    return cards


def _interactive(letter: Letter, uploaded: str | None) -> Body:
    body = _kept(letter)
    if uploaded is None:
        return body
    kind = body["header"]["type"]
    file = {"id": uploaded} | body["header"][kind]
    return body | {"header": {"type": kind, kind: file}}


def _kept(letter: Letter) -> Json:
    kept: Json = letter.payload["body"]
    return kept


BODIES: dict[str, Callable[[Letter, str | None], Body]] = {
    "text": _text,
    "image": _media,
    "video": _media,
    "audio": _media,
    "document": _media,
    "sticker": _media,
    "location": _as_kept,
    "contacts": _contacts,
    "reaction": _as_kept,
    "interactive": _interactive,
}
KINDS = (*BODIES, "template")

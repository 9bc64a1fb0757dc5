"""The typed body of each kind of message, as Meta's /messages takes it."""

from __future__ import annotations

from collections.abc import Callable

from flows.letters import Letter
from models.types import Json

Body = Json


def body(letter: Letter, uploaded: str | None) -> Body:
    """What goes under the message's own type; KeyError for a kind we cannot send."""
    return BODIES[letter.kind](letter, uploaded)


def _text(letter: Letter, _: str | None) -> Body:
    return {"body": letter.text, "preview_url": bool(letter.payload.get("preview_url"))}


def _media(letter: Letter, uploaded: str | None) -> Body:
    media: Body = {"id": uploaded} if uploaded else {"link": letter.payload["link"]}
    if letter.text and letter.kind not in ("audio", "sticker"):
        media["caption"] = letter.text
    if letter.kind == "document" and letter.payload.get("filename"):
        media["filename"] = letter.payload["filename"]
    return media


def _interactive(letter: Letter, _: str | None) -> Body:
    buttons = [{"type": "reply", "reply": button} for button in letter.payload["buttons"]]
    return {"type": "button", "body": {"text": letter.text}, "action": {"buttons": buttons}}


def _template(letter: Letter, uploaded: str | None) -> Body:
    payload = letter.payload
    return {
        "name": payload["name"],
        "language": {"code": payload["language"]},
        "components": [
            *_media_header(payload, uploaded),
            *_text_components(payload),
            *_button_components(payload),
        ],
    }


def _media_header(payload: Json, uploaded: str | None) -> list[Body]:
    kind = payload.get("media")
    if not kind:
        return []
    if not uploaded:
        raise ValueError("the file of its header was not uploaded")
    media: Body = {"id": uploaded}
    if kind == "document" and payload.get("filename"):
        media["filename"] = payload["filename"]
    return [{"type": "header", "parameters": [{"type": kind, kind: media}]}]


def _text_components(payload: Json) -> list[Body]:
    return [
        {"type": part, "parameters": parameters}
        for part in ("header", "body")
        if (parameters := _parameters(payload, part))
    ]


def _parameters(payload: Json, part: str) -> list[Body]:
    """The values of one part; positional ones in their order, named ones with their name."""
    found = [
        (name, text)
        for key, text in payload["values"].items()
        for where, _, name in [key.rpartition(".")]
        if where == part
    ]
    if payload["named"]:
        return [{"type": "text", "parameter_name": name, "text": text} for name, text in found]
    return [{"type": "text", "text": text} for _, text in sorted(found, key=lambda f: int(f[0]))]


def _button_components(payload: Json) -> list[Body]:
    urls = [
        _button("url", key.split(":")[1].partition(".")[0], {"type": "text", "text": text})
        for key, text in payload["values"].items()
        if key.startswith("button:")
    ]
    taps = [
        _button("quick_reply", index, {"type": "payload", "payload": tap})
        for index, tap in payload["payloads"].items()
    ]
    return sorted([*urls, *taps], key=lambda component: int(component["index"]))


def _button(kind: str, index: str, parameter: Body) -> Body:
    return {"type": "button", "sub_type": kind, "index": index, "parameters": [parameter]}


BODIES: dict[str, Callable[[Letter, str | None], Body]] = {
    "text": _text,
    "image": _media,
    "video": _media,
    "audio": _media,
    "document": _media,
    "sticker": _media,
    "interactive": _interactive,
    "template": _template,
}

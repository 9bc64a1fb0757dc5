"""The two screens of the form as Flow JSON; what they say comes with each answer of the endpoint.

So that one form serves every language: a form at Meta has none, and a label is `${data.label_…}`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flows.forms import words
from models.types import Json

VERSION, DATA_API = "7.3", "3.0"
ADDRESS, SUMMARY = "ADDRESS", "SUMMARY"
CATEGORY = "OTHER"
TITLE = 30
FIELDS = ("name", "phone", "city", "line", "landmark", "note")
LIMITS = {"name": 80, "phone": 30, "city": 60, "line": 200, "landmark": 80, "note": 200}
MAY_BE_EMPTY = ("phone", "landmark", "note")
NOBODY = "-"
"""Meta takes no empty list of choices and shows no empty text: what stands where none is shown."""


def flow_json(title: str) -> str:
    """The whole form, the same text for the same title; `title` stands above both screens."""
    whole = {
        "version": VERSION,
        "data_api_version": DATA_API,
        "routing_model": {ADDRESS: [SUMMARY], SUMMARY: []},
        "screens": [_address(title[:TITLE]), _summary(title[:TITLE])],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1)


def version(text: str) -> str:
    """What tells one state of the screens from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


# --- to fill in -----------------------------------------------------------------------------------


def _address(title: str) -> Json:
    said = [f"label_{name}" for name in FIELDS]
    helped = ["help_phone", "help_city", "help_line", "help_landmark"]
    typed = {name: f"${{form.{name}}}" for name in (*FIELDS, "choice")}
    data: Json = {name: _text(name) for name in ("intro", *said, *helped, "label_choice", "next")}
    data |= {
        "ask_phone": _flag(),
        "choosing": _flag(),
        "asked": _text("asked"),
        "cities": {"type": "array", "items": _choice(), "__example__": _some_cities()},
        "init": _texts(FIELDS),
        "errors": _texts((*FIELDS, "choice")),
    }
    form = {
        "type": "Form",
        "name": "form",
        "init-values": "${data.init}",
        "error-messages": "${data.errors}",
        "children": [
            _input("name"),
            _input("phone", visible="${data.ask_phone}", required="${data.ask_phone}")
            | {"input-type": "phone", "helper-text": "${data.help_phone}"},
            _input("city") | {"helper-text": "${data.help_city}"},
            {
                "type": "RadioButtonsGroup",
                "name": "choice",
                "label": "${data.label_choice}",
                "data-source": "${data.cities}",
                "visible": "${data.choosing}",
                "required": "${data.choosing}",
            },
            _area("line", required=True) | {"helper-text": "${data.help_line}"},
            _input("landmark", required=False) | {"helper-text": "${data.help_landmark}"},
            _area("note", required=False),
            _footer("next", {"step": "check", "asked": "${data.asked}"} | typed),
        ],
    }
    children: list[Json] = [{"type": "TextBody", "text": "${data.intro}"}, form]
    return _screen(ADDRESS, title, data, children)


def _input(name: str, *, visible: str = "", required: bool | str = True) -> Json:
    field: Json = {
        "type": "TextInput",
        "name": name,
        "label": f"${{data.label_{name}}}",
        "required": required,
        "max-chars": LIMITS[name],
    }
    return field | ({"visible": visible} if visible else {})


def _area(name: str, *, required: bool) -> Json:
    return {
        "type": "TextArea",
        "name": name,
        "label": f"${{data.label_{name}}}",
        "required": required,
        "max-length": LIMITS[name],
    }


# --- to check and send ----------------------------------------------------------------------------


def _summary(title: str) -> Json:
    data: Json = {name: _text(name) for name in ("heading", "send", "label_fee", "fee")}
    children: list[Json] = [{"type": "TextHeading", "text": "${data.heading}"}]
    for name in (*FIELDS, "fee"):
        data |= {f"label_{name}": _text(name), name: _text(name)}
        hidden: Json = {}
        if name in MAY_BE_EMPTY:
            data[f"has_{name}"] = _flag()
            hidden = {"visible": f"${{data.has_{name}}}"}
        children += [
            {"type": "TextCaption", "text": f"${{data.label_{name}}}"} | hidden,
            {"type": "TextBody", "text": f"${{data.{name}}}"} | hidden,
        ]
    typed = {name: f"${{data.{name}}}" for name in FIELDS}
    children.append(_footer("send", {"step": "send"} | typed))
    return _screen(SUMMARY, title, data, children) | {"terminal": True, "success": True}


# --- parts ----------------------------------------------------------------------------------------


def _screen(name: str, title: str, data: Json, children: list[Json]) -> Json:
    layout = {"type": "SingleColumnLayout", "children": children}
    return {"id": name, "title": title, "data": data, "layout": layout}


def _footer(label: str, payload: Json) -> Json:
    action = {"name": "data_exchange", "payload": payload}
    return {"type": "Footer", "label": f"${{data.{label}}}", "on-click-action": action}


def _text(name: str) -> Json:
    known = name.removeprefix("label_")
    example = words.WORDS[known].fr if known in words.WORDS else NOBODY
    return {"type": "string", "__example__": example}


def _texts(names: tuple[str, ...]) -> Json:
    fields = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": fields, "__example__": {}}


def _flag() -> Json:
    return {"type": "boolean", "__example__": True}


def _choice() -> Json:
    names = ("id", "title", "description")
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


def _some_cities() -> list[Any]:
    return [{"id": "Rabat", "title": "Rabat", "description": NOBODY}]

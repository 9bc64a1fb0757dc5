"""What Meta finds wrong with a Flow JSON when it is uploaded, as far as forms of ours go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bot.simulator.world import Json

VERSIONS = ("5.1", "6.0", "6.1", "6.2", "6.3", "7.0", "7.1", "7.2", "7.3")
DATA_APIS = ("3.0", "4.0")
SCREEN = re.compile(r"[A-Z][A-Z_]*")
BLANK = re.compile(r"\$\{(data|form)\.(\w+)\}")
COMPONENTS = 50
TEXTS = {"text", "visible"}
FIELD = {"name", "label", "required", "visible", "enabled", "init-value"}
ENTRY = FIELD | {"helper-text", "error-message"}
PROPERTIES = {
    "TextHeading": TEXTS,
    "TextSubheading": TEXTS,
    "TextBody": TEXTS | {"font-weight", "strikethrough", "markdown"},
    "TextCaption": TEXTS | {"font-weight", "strikethrough", "markdown"},
    "TextInput": ENTRY | {"input-type", "min-chars", "max-chars", "pattern", "label-variant"},
    "TextArea": ENTRY | {"max-length", "label-variant"},
    "RadioButtonsGroup": FIELD | {"data-source", "description", "on-select-action"},
    "Dropdown": FIELD | {"data-source", "on-select-action"},
    "Footer": {"label", "on-click-action", "enabled", "left-caption", "right-caption"},
    "Form": {"name", "children", "init-values", "error-messages"},
}
LIMITS = {
    ("TextHeading", "text"): 80,
    ("TextInput", "label"): 20,
    ("TextArea", "label"): 20,
    ("TextInput", "helper-text"): 80,
    ("TextArea", "helper-text"): 80,
    ("TextInput", "error-message"): 30,
    ("RadioButtonsGroup", "label"): 30,
    ("Dropdown", "label"): 30,
    ("Footer", "label"): 35,
}
ACTIONS = ("data_exchange", "navigate", "complete", "open_url", "update_data")


def read(raw: bytes) -> tuple[Json | None, list[Json]]:
    """The form, and what is wrong with it: it is kept all the same, and cannot be published."""
    try:
        form = json.loads(raw)
    except ValueError as error:
        return None, [_error("INVALID_JSON", str(error))]
    if not isinstance(form, dict):
        return None, [_error("INVALID_PROPERTY_TYPE", "Flow JSON must be an object")]
    try:
        return form, [_error("INVALID_PROPERTY_VALUE", words) for words in _wrong(form)]
    except (AttributeError, KeyError, TypeError) as error:
        return form, [_error("INVALID_PROPERTY_TYPE", f"Unexpected shape: {error}")]


def parts(layout: Json) -> Iterator[Json]:
    """Every component of a screen, those of its form included."""
    for component in layout.get("children") or []:
        yield component
        if component.get("type") == "Form":
            yield from component.get("children") or []


def _error(kind: str, words: str) -> Json:
    return {
        "error": kind,
        "error_type": "FLOW_JSON_ERROR",
        "message": words,
        "line_start": 1,
        "line_end": 1,
        "column_start": 1,
        "column_end": 1,
        "pointers": [],
    }


def _wrong(form: Json) -> Iterator[str]:
    screens = form.get("screens") or []
    names = [screen["id"] for screen in screens]
    if form.get("version") not in VERSIONS:
        yield f"Invalid Flow JSON version {form.get('version')!r}."
    if form.get("data_api_version") not in (None, *DATA_APIS):
        yield f"Invalid data_api_version {form.get('data_api_version')!r}."
    if not names or len(set(names)) != len(names):
        yield "A Flow needs screens, each with an id of its own."
    if form.get("data_api_version") and set(form.get("routing_model") or {}) != set(names):
        yield "routing_model must name every screen."
    if not any(screen.get("terminal") for screen in screens):
        yield "A Flow needs a terminal screen."
    for screen in screens:
        yield from _wrong_screen(screen)


def _wrong_screen(screen: Json) -> Iterator[str]:
    name = screen["id"]
    components = list(parts(screen["layout"]))
    kinds = [component["type"] for component in components]
    if not SCREEN.fullmatch(name) or name == "SUCCESS":
        yield f"Invalid screen id {name!r}."
    if screen["layout"]["type"] != "SingleColumnLayout" or len(components) > COMPONENTS:
        yield f"Invalid layout of screen {name}."
    if kinds.count("Footer") > 1 or (screen.get("terminal") and "Footer" not in kinds):
        yield f"Screen {name} needs one Footer."
    for key, schema in (screen.get("data") or {}).items():
        if "type" not in schema or "__example__" not in schema:
            yield f"Data {key!r} of screen {name} needs a type and an __example__."
    known = {
        "data": set(screen.get("data") or {}),
        "form": {component.get("name") for component in components},
    }
    for place, key in BLANK.findall(json.dumps(screen["layout"])):
        if key not in known[place]:
            yield f"Missing dynamic data: ${{{place}.{key}}} of screen {name}."
    for component in components:
        yield from _wrong_component(component, name)


def _wrong_component(component: Json, screen: str) -> Iterator[str]:
    kind = component["type"]
    if kind not in PROPERTIES:
        yield f"Invalid value found for property 'type': {kind!r} on screen {screen}."
        return
    for name in component.keys() - PROPERTIES[kind] - {"type"}:
        yield f'The property "{name}" cannot be specified on {kind} of screen {screen}.'
    for name, value in component.items():
        most = LIMITS.get((kind, name))
        if most and isinstance(value, str) and "${" not in value and len(value) > most:
            yield f"{kind} {name!r} of screen {screen} is longer than {most} characters."
    action: Any = component.get("on-click-action")
    if kind == "Footer" and action.get("name") not in ACTIONS:
        yield f"Invalid action of the Footer of screen {screen}."

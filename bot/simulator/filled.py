"""A template and its parameters become the message the customer sees, or Graph's refusal."""

from __future__ import annotations

import re
from typing import Any

from bot.simulator import specials
from bot.simulator.checks import check_file
from bot.simulator.errors import GraphError
from bot.simulator.template_parts import special_choice
from bot.simulator.world import Json, Template, World

VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
UNSENDABLE = {"PAUSED": 132015, "DISABLED": 132016}
FILES = ("image", "video", "document")


def find(world: World, account: str, wanted: Json) -> Template:
    """The approved template of this name and language, or 132001, 132015, 132016."""
    name, code = wanted.get("name"), (wanted.get("language") or {}).get("code")
    if not name or not code:
        raise GraphError(131008, "template: name and language code are required")
    template = world.template(account, name, code)
    if template is None:
        raise GraphError(132001, f"template name ({name}) does not exist in {code}")
    if template.status in UNSENDABLE:
        raise GraphError(UNSENDABLE[template.status], f"template ({name}) in {code}")
    if template.status != "APPROVED":
        raise GraphError(132001, f"template name ({name}) is not approved in {code}")
    return template


def fill(world: World, template: Template, given: list[Json], now: float = 0.0) -> Json:
    """What the phone shows: {header?, body, footer?, choices}. Raises the 132xxx refusals."""
    return _filled(world, template, template.components, given, now)


def _filled(
    world: World, template: Template, components: list[Json], given: list[Json], now: float
) -> Json:
    shown: Json = {"choices": []}
    for component in components:
        kind = component["type"].lower()
        if kind == "buttons":
            shown["choices"] = _choices(component["buttons"], given)
        elif kind == "limited_time_offer":
            shown["offer"] = specials.offer(component, _parameters(given, kind), now)
        elif kind == "carousel":
            cards = specials.cards(component, given)
            drawn = [_filled(world, template, own, told, now) for own, told in cards]
            shown |= _carousel(drawn)
        elif kind == "header" and component.get("format", "TEXT") != "TEXT":
            shown["header"] = _file_header(world, component, _parameters(given, "header"))
        elif kind == "footer":
            shown["footer"] = component["text"]
        elif "text" in component:
            text = _text(template, kind, component["text"], _parameters(given, kind))
            shown[kind] = {"text": text} if kind == "header" else text
    return shown


def _carousel(drawn: list[Json]) -> Json:
    """The cards side by side; what can be tapped on them counts on from card to card."""
    choices: list[Json] = []
    cards = []
    for one in drawn:
        place = {"first": len(choices), "count": len(one["choices"])}
        cards.append({"header": one.get("header"), "body": one.get("body")} | place)
        choices += one["choices"]
    return {"cards": cards, "choices": choices}


def _parameters(given: list[Json], kind: str) -> list[Json]:
    for component in given:
        if str(component.get("type")).lower() == kind:
            return component.get("parameters") or []
    return []


def _text(template: Template, kind: str, text: str, parameters: list[Json]) -> str:
    wanted = list(dict.fromkeys(VARIABLE.findall(text)))
    if len(parameters) != len(wanted):
        details = (
            f"{kind}: number of localizable_params ({len(parameters)}) does not match the "
            f"expected number of params ({len(wanted)})"
        )
        raise GraphError(132000, details)
    if template.parameter_format == "NAMED":
        values = _by_name(kind, wanted, parameters)
    else:
        values = dict(zip(wanted, (_value(kind, p) for p in parameters), strict=True))
    full = VARIABLE.sub(lambda match: values[match[1]], text)
    if len(full) > (60 if kind == "header" else 1024):
        raise GraphError(132005, f"{kind}: the text is too long once its parameters are filled in")
    return full


def _by_name(kind: str, wanted: list[str], parameters: list[Json]) -> dict[str, str]:
    values = {str(p.get("parameter_name")): _value(kind, p) for p in parameters}
    for name in wanted:
        if name not in values:
            raise GraphError(132012, f"{kind}: Parameter name {name} is missing or empty")
    return values


def _value(kind: str, parameter: Json) -> str:
    sort = parameter.get("type")
    if sort in ("currency", "date_time"):
        return str((parameter.get(sort) or {}).get("fallback_value") or "")
    if sort != "text":
        raise GraphError(132012, f"{kind}: Format mismatch, expected TEXT, received {sort}")
    return _clean(parameter.get("text"))


def _clean(text: Any) -> str:
    if text is None or str(text) == "":
        raise GraphError(131008, "Parameter of type text is missing text value")
    if re.search(r"[\n\t]| {5,}", str(text)):
        raise GraphError(
            132018,
            "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
        )
    return str(text)


def _file_header(world: World, component: Json, parameters: list[Json]) -> Json:
    expected = component["format"].lower()
    received = parameters[0].get("type") if parameters else "UNKNOWN"
    if received != expected:
        details = f"header: Format mismatch, expected {expected.upper()}, received {received}"
        raise GraphError(132012, details)
    if expected == "location":
        return {"location": specials.place(parameters)}
    if expected in FILES:
        check_file(world, parameters[0].get(expected) or {}, expected)
    return {expected: parameters[0].get(expected)}


def _choices(buttons: list[Json], given: list[Json]) -> list[Json]:
    told = {
        int(component.get("index") or 0): component
        for component in given
        if str(component.get("type")).lower() == "button"
    }
    for index in told:
        if index >= len(buttons):
            raise GraphError(132000, f"buttons: Button at index {index} does not exist")
    return [_choice(index, button, told.get(index)) for index, button in enumerate(buttons)]


def _choice(index: int, button: Json, component: Json | None) -> Json:
    specials.check_button(index, button, component)
    value = (component.get("parameters") or [{}])[0] if component else None
    if special := special_choice(button, value):
        return special
    kind, text = button["type"], str(button.get("text") or "")
    if kind == "QUICK_REPLY":
        # Without a payload of its own a quick reply answers with its text.
        return {"kind": "reply", "text": text, "payload": (value or {}).get("payload") or text}
    if kind == "URL":
        return {"kind": "url", "text": text, "url": _url(index, button["url"], value)}
    return {"kind": kind.lower(), "text": text, "phone": button.get("phone_number")}


def _url(index: int, url: str, value: Json | None) -> str:
    if not VARIABLE.search(url):
        return url
    if value is None:
        raise GraphError(
            131008, f"buttons: Button at index {index} of type Url requires a parameter"
        )
    return VARIABLE.sub(lambda _: _clean(value.get("text")), url)

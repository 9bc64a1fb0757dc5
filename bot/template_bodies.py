"""A template and what fills it, as Meta's components: header, body, offer, carousel, buttons."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from models.template import PLACE
from models.types import Json

Values = Mapping[str, Any]


def template(payload: Json, uploaded: str | None, cards: Sequence[str] = ()) -> Json:
    """The body of a template; ValueError without the file of its header."""
    found = [
        *_header(payload, uploaded),
        *_texts(payload["values"], named=payload["named"]),
        *_offer(payload["values"]),
        *_carousel(payload, cards),
        *_buttons(payload["values"], payload["payloads"], payload.get("codes", ())),
    ]
    named: Json = {"name": payload["name"], "language": {"code": payload["language"]}}
    return named | ({"components": found} if found else {})


# --- above the text -------------------------------------------------------------------------------


def _header(payload: Json, uploaded: str | None) -> list[Json]:
    values = payload["values"]
    if kind := payload.get("media"):
        if not uploaded and not values.get("header.link"):
            raise ValueError("the file of its header was not uploaded")
        return [_file(kind, uploaded, values.get("header.link"), payload.get("filename"))]
    if "header.latitude" in values:
        return [_part("header", {"type": "location", "location": _place(values)})]
    return []


def _file(kind: str, uploaded: str | None, link: str | None, filename: str | None = None) -> Json:
    file: Json = {"id": uploaded} if uploaded else {"link": link}
    if kind == "document" and filename:
        file["filename"] = filename
    return _part("header", {"type": kind, kind: file})


def _place(values: Values) -> Json:
    place = {name: values.get(f"header.{name}") for name in PLACE}
    return {name: str(value) for name, value in place.items() if value}


# --- texts ----------------------------------------------------------------------------------------


def _texts(values: Values, *, named: bool) -> list[Json]:
    return [
        {"type": part, "parameters": parameters}
        for part in ("header", "body")
        if not (part == "header" and {"header.link", "header.latitude"} & values.keys())
        if (parameters := _parameters(values, part, named=named))
    ]


def _parameters(values: Values, part: str, *, named: bool) -> list[Json]:
    """The values of one part; positional ones in their order, named ones with their name."""
    found = [
        (name, value)
        for key, value in values.items()
        for where, _, name in [key.rpartition(".")]
        if where == part
    ]
    if named:
        return [_parameter(value) | {"parameter_name": name} for name, value in found]
    return [_parameter(value) for _, value in sorted(found, key=lambda f: int(f[0]))]


def _parameter(value: str | Json) -> Json:
    """A text, or what is one of Meta's parameters already: a currency, a date."""
    return dict(value) if isinstance(value, dict) else {"type": "text", "text": value}


# --- offers and carousels -------------------------------------------------------------------------


def _offer(values: Values) -> list[Json]:
    if "offer.until" not in values:
        return []
    ends = int(datetime.fromisoformat(values["offer.until"]).timestamp() * 1000)
    offer = {"expiration_time_ms": ends}
    return [
        _part("limited_time_offer", {"type": "limited_time_offer", "limited_time_offer": offer})
    ]


def _carousel(payload: Json, ids: Sequence[str]) -> list[Json]:
    cards: list[Json] = []
    for index, kind in enumerate(payload.get("cards") or []):
        inside = _inside(payload["values"], index)
        parts = _card(kind, inside, ids[index] if index < len(ids) else None)
        cards.append({"card_index": index, "components": parts})
    return [{"type": "carousel", "cards": cards}] if cards else []


def _inside(values: Values, index: int) -> Values:
    stem = f"card:{index}."
    return {k.removeprefix(stem): v for k, v in values.items() if k.startswith(stem)}


def _card(kind: str, values: Values, uploaded: str | None) -> list[Json]:
    if kind == "product":
        catalog, _, reference = values["header.link"].rpartition("/")
        facts = {"product_retailer_id": reference, "catalog_id": catalog}
        header = _part("header", {"type": "product", "product": facts})
    else:
        header = _file(kind, uploaded, None if uploaded else values["header.link"])
    return [header, *_texts(values, named=False), *_buttons(values, {}, ())]


# --- buttons --------------------------------------------------------------------------------------


def _buttons(values: Values, payloads: Mapping[str, str], codes: Any) -> list[Json]:
    """Every button that is told something, in their order.

    Kinds and indexes are written as Meta's examples write them, some in capitals, some as numbers.
    """
    taps = {f"button:{index}.payload": tap for index, tap in payloads.items()}
    once = {f"button:{index}.1": values["body.1"] for index in codes if "body.1" in values}
    found = []
    for key, value in (once | dict(values) | taps).items():
        if match := re.fullmatch(r"button:(\d+)\.(\w+)", key):
            index, name = match.groups()
            kind, numbered, parameter = BUTTONS.get(name, BUTTONS["1"])
            found.append(
                {
                    "type": "button",
                    "sub_type": kind,
                    "index": int(index) if numbered else index,
                    "parameters": [parameter(value)],
                }
            )
    return sorted(found, key=lambda component: int(component["index"]))


def _products(references: str) -> Json:
    names = [name for name in re.split(r"[\s,;]+", references) if name]
    items = [{"product_retailer_id": name} for name in names]
    sections = [{"product_items": items}]
    return _action({"thumbnail_product_retailer_id": names[0], "sections": sections})


def _action(action: Json) -> Json:
    return {"type": "action", "action": action}


def _part(kind: str, parameter: Json) -> Json:
    return {"type": kind, "parameters": [parameter]}


# What a button is told → its kind, whether its index is a number, its parameter.
BUTTONS: dict[str, tuple[str, bool, Callable[[Any], Json]]] = {
    "1": ("url", False, _parameter),
    "payload": ("quick_reply", False, lambda tap: {"type": "payload", "payload": tap}),
    "code": ("copy_code", False, lambda code: {"type": "coupon_code", "coupon_code": code}),
    "product": ("CATALOG", True, lambda name: _action({"thumbnail_product_retailer_id": name})),
    "products": ("mpm", True, _products),
    "action": ("flow", False, _action),
}

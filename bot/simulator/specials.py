"""Parts of a template beyond words: special buttons, places, offers, carousels, as Graph checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.simulator.errors import GraphError
from bot.simulator.world import Json

CODE = 20
PRODUCTS = 30
CARDS = (2, 10)
# Type of a button → how a parameter for it is called; "" where Graph takes none.
SUB_TYPES = {
    "QUICK_REPLY": "quick_reply",
    "URL": "url",
    "OTP": "url",
    "COPY_CODE": "copy_code",
    "CATALOG": "catalog",
    "MPM": "mpm",
    "SPM": "spm",
    "FLOW": "flow",
    "PHONE_NUMBER": "",
    "REQUEST_CONTACT_INFO": "",
    "VOICE_CALL": "voice_call",
}
NEEDED = ("COPY_CODE", "MPM", "OTP")


def check_button(index: int, button: Json, component: Json | None) -> None:
    """GraphError where a button is told something of another kind, too little or too much."""
    kind = str(button["type"]).upper()
    wanted = SUB_TYPES.get(kind, "")
    if component is None:
        if kind in NEEDED:
            raise GraphError(131008, f"buttons: Button at index {index} of type {kind} requires a "
                             "parameter")  # fmt: skip
        return
    if not wanted:
        details = f"buttons: Button at index {index} is of type {kind.title()} and does not "
        raise GraphError(100, details + "support parameters")
    if str(component.get("sub_type", "")).lower() != wanted:
        raise GraphError(132012, f"buttons: Button at index {index} is of type {kind}")
    parameter = (component.get("parameters") or [{}])[0]
    if rule := PARAMETERS.get(kind):
        rule(index, parameter)


def _coupon(index: int, parameter: Json) -> None:
    code = str(parameter.get("coupon_code") or "")
    if parameter.get("type") != "coupon_code" or not 1 <= len(code) <= CODE:
        raise GraphError(132012, f"buttons: Button at index {index} needs a coupon_code")


def _products(index: int, parameter: Json) -> None:
    sections = (parameter.get("action") or {}).get("sections") or []
    items = [item for section in sections for item in section.get("product_items") or []]
    if parameter.get("type") != "action" or not 1 <= len(items) <= PRODUCTS:
        raise GraphError(132012, f"buttons: Button at index {index} needs 1 to {PRODUCTS} products")


def _action(index: int, parameter: Json) -> None:
    if parameter.get("type") != "action" or not isinstance(parameter.get("action"), dict):
        raise GraphError(132012, f"buttons: Button at index {index} needs an action")


PARAMETERS: dict[str, Callable[[int, Json], None]] = {
    "COPY_CODE": _coupon,
    "MPM": _products,
    "CATALOG": _action,
    "FLOW": _action,
}


def place(parameters: list[Json]) -> Json:
    """The place above a text."""
    location: Any = parameters[0].get("location") if parameters else None
    try:
        fits = abs(float(location["latitude"])) <= 90 and abs(float(location["longitude"])) <= 180
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise GraphError(132012, "header: location needs a latitude and a longitude")
    found: Json = location
    return found


def offer(component: Json, parameters: list[Json], now: float) -> Json:
    """A limited-time offer, {text, ends}: milliseconds since 1970 and after now, or None."""
    facts, ends = component.get("limited_time_offer") or {}, None
    if facts.get("has_expiration"):
        told = (parameters[0] if parameters else {}).get("limited_time_offer") or {}
        if not isinstance(told.get("expiration_time_ms"), int):
            raise GraphError(131008, "limited_time_offer: expiration_time_ms is required")
        if told["expiration_time_ms"] <= now * 1000:
            raise GraphError(131009, "limited_time_offer: expiration_time_ms is in the past")
        ends = told["expiration_time_ms"]
    return {"text": str(facts.get("text") or ""), "ends": ends}


def cards(component: Json, given: list[Json]) -> list[tuple[list[Json], list[Json]]]:
    """(components, parameters) of each card; as many parameters as the template has cards."""
    known = component.get("cards") or []
    told = next((g.get("cards") or [] for g in given if g.get("type") == "carousel"), [])
    if len(told) != len(known):
        raise GraphError(132000, f"carousel: {len(told)} cards, expected {len(known)}")
    by_index = {int(card.get("card_index", -1)): card.get("components") or [] for card in told}
    if set(by_index) != set(range(len(known))):
        raise GraphError(132012, "carousel: card_index must count from 0")
    return [(card.get("components") or [], by_index[index]) for index, card in enumerate(known)]

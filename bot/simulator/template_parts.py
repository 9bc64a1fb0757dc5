"""The parts of templates beyond header, body and plain buttons: codes, flows, offers, carousels."""

from __future__ import annotations

from bot.simulator.errors import GraphError
from bot.simulator.world import Json

NAMES = {
    "COPY_CODE": "Copy code",
    "OTP": "Copy code",
    "CATALOG": "View catalog",
    "MPM": "View items",
    "SPM": "View",
    "FLOW": "Start",
    "VOICE_CALL": "Call",
    "REQUEST_CONTACT_INFO": "Share contact info",
}


def special_choice(index: int, button: Json, value: Json | None) -> Json | None:
    """The choice of a button that is neither reply, link nor phone; None for those.

    131008 when a code is missing.
    """
    kind = str(button["type"]).upper()
    if kind not in NAMES:
        return None
    text = button.get("text") or NAMES[kind]
    given = value or {}
    if kind in ("COPY_CODE", "OTP"):
        code = given.get("coupon_code") or given.get("text") or button.get("example")
        if kind == "COPY_CODE" and value is None:
            details = f"buttons: Button at index {index} of type CopyCode requires a parameter"
            raise GraphError(131008, details)
        return {"kind": "copy_code", "text": text, "code": code}
    if kind == "FLOW":
        action = given.get("action") or {}
        return {"kind": "flow", "text": text, "token": action.get("flow_token")}
    kinds = {"VOICE_CALL": "call", "REQUEST_CONTACT_INFO": "contact"}
    return {"kind": kinds.get(kind, "cart"), "text": text}


def offer(component: Json, parameters: list[Json]) -> Json:
    """A limited-time offer: {text, ends} (milliseconds since 1970, None: it has no end)."""
    said = component.get("limited_time_offer") or {}
    ends = None
    if said.get("has_expiration"):
        given = parameters[0].get("limited_time_offer") if parameters else None
        if not given or "expiration_time_ms" not in given:
            raise GraphError(131008, "limited_time_offer: expiration_time_ms is required")
        ends = given["expiration_time_ms"]
    return {"text": said.get("text") or "", "ends": ends}


def cards_given(given: list[Json]) -> list[list[Json]]:
    """The components of every card of a send, in the cards' order."""
    for component in given:
        if str(component.get("type")).lower() == "carousel":
            cards = sorted(component.get("cards") or [], key=lambda card: card.get("card_index", 0))
            return [card.get("components") or [] for card in cards]
    return []

"""What a message lets its reader do, where its body says so: flows, carts, cards, permissions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.simulator.world import Bubble, Json


def choices_of(bubble: Bubble) -> list[Json]:
    """The choices of a message, as drawn when it was sent or else as its body names them."""
    drawn: list[Json] = bubble.shown.get("choices") or []
    content = bubble.content if isinstance(bubble.content, dict) else {}
    kind = str(content.get("type"))
    if drawn or bubble.from_customer or bubble.type != "interactive" or kind not in OFFERS:
        return drawn
    return OFFERS[kind](content.get("action") or {})


def cards_of(bubble: Bubble) -> list[Json]:
    """The cards of a carousel: {header?, body?, first, count} where its choices stand."""
    drawn: list[Json] = bubble.shown.get("cards") or []
    content = bubble.content if isinstance(bubble.content, dict) else {}
    if drawn or bubble.type != "interactive" or content.get("type") != "carousel":
        return drawn
    cards = (content.get("action") or {}).get("cards") or []
    return [
        {
            "header": _file_of(card.get("header") or {}),
            "body": (card.get("body") or {}).get("text"),
            "first": first,
            "count": 1,
        }
        for first, card in enumerate(cards)
    ]


def products_of(bubble: Bubble) -> list[str] | None:
    """The products a message is about; [] is the whole catalogue, None no product at all."""
    content = bubble.content if isinstance(bubble.content, dict) else {}
    action = content.get("action") or {}
    kind = content.get("type") if bubble.type == "interactive" else None
    if kind == "product":
        return [str(action.get("product_retailer_id"))]
    if kind == "product_list":
        items = [i for s in action.get("sections") or [] for i in s.get("product_items") or []]
        return [str(item.get("product_retailer_id")) for item in items]
    return [] if kind == "catalog_message" else None


def _file_of(header: Json) -> Json | None:
    kind = str(header.get("type"))
    return {kind: header.get(kind)} if header else None


def _flow(action: Json) -> list[Json]:
    parameters = action.get("parameters") or {}
    text = parameters.get("flow_cta") or ""
    choice = {"kind": "flow", "text": text, "token": parameters.get("flow_token")}
    # Without an endpoint the phone asks its own questions: nobody uploaded screens for them.
    return [choice | {"asks": parameters.get("flow_action") == "data_exchange"}]


def _cards(action: Json) -> list[Json]:
    return [_card(card.get("action") or {}) for card in action.get("cards") or []]


def _card(action: Json) -> Json:
    parameters = action.get("parameters") or {}
    if action.get("product_retailer_id"):
        return {"kind": "cart", "text": ""}
    return {
        "kind": "url",
        "text": parameters.get("display_text") or "",
        "url": parameters.get("url") or "",
    }


def _one(kind: str) -> Callable[[Any], list[Json]]:
    return lambda _action: [{"kind": kind, "text": ""}]


OFFERS: dict[str, Callable[[Json], list[Json]]] = {
    "flow": _flow,
    "carousel": _cards,
    "address_message": _one("address"),
    "request_contact_info": _one("contact"),
    "location_request_message": _one("location"),
    "call_permission_request": _one("call_permission"),
    **dict.fromkeys(("product", "product_list", "catalog_message"), _one("cart")),
}

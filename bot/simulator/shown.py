"""What a phone draws of a business message: one shape for every type."""

from __future__ import annotations

from bot.simulator.world import Json


def shown(kind: str, body: Json) -> Json:
    """{header?, body?, footer?, choices} of a message that is not a template."""
    if kind == "text":
        return {"body": body["body"], "choices": []}
    if kind != "interactive":
        return {"choices": []}
    return {
        "header": _header(body.get("header")),
        "body": (body.get("body") or {}).get("text", ""),
        "footer": (body.get("footer") or {}).get("text"),
        "menu": (body.get("action") or {}).get("button"),
        "choices": _choices(body),
    }


def _header(header: Json | None) -> Json | None:
    if not header:
        return None
    return {header["type"]: header.get(header["type"])}


def _choices(interactive: Json) -> list[Json]:
    action = interactive.get("action") or {}
    parameters = action.get("parameters") or {}
    if interactive["type"] == "cta_url":
        return [{"kind": "url", "text": parameters["display_text"], "url": parameters["url"]}]
    if interactive["type"] == "button":
        return [
            {"kind": "button_reply", "text": b["reply"]["title"], "id": b["reply"]["id"]}
            for b in action["buttons"]
        ]
    if interactive["type"] == "list":
        return [_row(s, row) for s in action["sections"] for row in s["rows"]]
    if interactive["type"] == "location_request_message":
        return [{"kind": "location", "text": ""}]
    return [{"kind": SHOWN[interactive["type"]], "text": _words(action)}]


# What is drawn as one button that answers nothing here.
SHOWN = {
    "request_contact_info": "contact",
    "product": "catalog",
    "product_list": "catalog",
    "catalog_message": "catalog",
    "flow": "flow",
    "carousel": "catalog",
    "order_details": "catalog",
    "order_status": "catalog",
    "address_message": "flow",
    "call_permission_request": "voice_call",
}


def _words(action: Json) -> str:
    """What stands on the button, or the products it shows."""
    parameters = action.get("parameters") or {}
    sections = action.get("sections") or []
    items = [item for section in sections for item in section.get("product_items") or []]
    names = [str(item.get("product_retailer_id")) for item in [*items, action]]
    return str(parameters.get("flow_cta") or ", ".join(n for n in names if n != "None"))


def _row(section: Json, row: Json) -> Json:
    return {
        "kind": "list_reply",
        "text": row["title"],
        "id": row["id"],
        "description": row.get("description"),
        "section": section.get("title"),
    }

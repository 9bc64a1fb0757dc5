"""What Graph refuses in the body of a send, as Meta's reference states the limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bot.simulator.errors import GraphError, missing
from bot.simulator.world import Json, World

PHONE = re.compile(r"\+?[\d\s().-]{5,24}")
USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
LINK = re.compile(r"https?://\S+")
EMOJI_LENGTH = 16


def check(world: World, body: Any) -> None:
    """Raises GraphError when Graph would refuse this send at once (templates: see `filled`)."""
    if not isinstance(body, dict) or body.get("messaging_product") != "whatsapp":
        raise missing("messaging_product")
    _check_recipient(body)
    kind = body.get("type", "text")
    if kind not in TYPES:
        known = ", ".join(sorted(TYPES)).upper()
        raise _param(f'Param type must be one of {{{known}}} - got "{kind}".')
    if not isinstance(body.get(kind), (dict, list)):
        raise missing(kind)
    if len(str(body.get("biz_opaque_callback_data") or "")) > 512:
        raise _param("Param biz_opaque_callback_data must be at most 512 characters long.")
    TYPES[kind](world, body[kind])


def _check_recipient(body: Json) -> None:
    to, user_id = body.get("to"), body.get("recipient")
    if not to and not user_id:
        raise missing("to")
    if to and not PHONE.fullmatch(str(to)):
        raise invalid("Recipient is not a valid phone number")
    if not to and not USER_ID.fullmatch(str(user_id)):
        raise invalid("Recipient is not a valid business-scoped user id")


def invalid(details: str) -> GraphError:
    return GraphError(131009, details)


def _param(message: str) -> GraphError:
    return GraphError(100, message=f"(#100) {message}")


def _sized(value: Any, what: str, most: int, least: int = 1) -> None:
    length = len(value) if isinstance(value, str) else 0
    if not least <= length <= most:
        raise invalid(f"{what} length invalid. Min length: {least}, Max length: {most}")


def _text(_: World, text: Json) -> None:
    if not isinstance(text.get("body"), str) or not text["body"].strip():
        raise missing("text['body']")
    if len(text["body"]) > 4096:
        raise _param("Param text['body'] must be at most 4096 characters long.")


def _media(kind: str, *, caption: bool) -> Callable[[World, Json], None]:
    def check_media(world: World, media: Json) -> None:
        check_file(world, media, kind)
        if not caption and "caption" in media:
            raise _param(f'Unexpected key "caption" on param "{kind}".')
        if len(media.get("caption") or "") > 1024:
            raise _param(f"Param {kind}['caption'] must be at most 1024 characters long.")

    return check_media


def check_file(world: World, media: Json, kind: str) -> None:
    """Refused unless it names a file that was uploaded, or a link that looks like one."""
    if media.get("id"):
        if str(media["id"]) not in world.media:
            raise invalid(f"Media ID {media['id']} is not valid or has expired")
    elif not media.get("link"):
        raise GraphError(131008, f"{kind}: either id or link is required")
    elif not LINK.fullmatch(str(media["link"])):
        raise _param(f"Param {kind}['link'] is not a valid URL.")


def _location(_: World, location: Json) -> None:
    for axis, most in (("latitude", 90), ("longitude", 180)):
        try:
            fits = abs(float(location[axis])) <= most
        except KeyError:
            raise missing(f"location['{axis}']") from None
        except (TypeError, ValueError):
            fits = False
        if not fits:
            raise invalid(f"location: {axis} is out of range")


def _contacts(_: World, contacts: Any) -> None:
    if not isinstance(contacts, list) or not contacts:
        raise missing("contacts")
    for contact in contacts:
        if not (contact.get("name") or {}).get("formatted_name"):
            raise missing("contacts[0]['name']['formatted_name']")


def _reaction(world: World, reaction: Json) -> None:
    if reaction.get("message_id") not in world.bubbles:
        raise invalid("reaction: message_id does not name a message of this conversation")
    if len(reaction.get("emoji") or "") > EMOJI_LENGTH:
        raise invalid("reaction: emoji is not a single emoji")


def _interactive(world: World, interactive: Json) -> None:
    kind = interactive.get("type")
    if kind not in INTERACTIVE:
        raise invalid(f"interactive: type {kind!r} is not supported")
    action = interactive.get("action")
    if not isinstance(action, dict) and kind not in ("call_permission_request",):
        raise GraphError(131008, "interactive: action is required")
    _check_frame(world, interactive, body_length=4096 if kind == "list" else 1024)
    INTERACTIVE[kind](action or {})
    if kind == "flow":
        _published(world, action or {})


def _check_frame(world: World, interactive: Json, body_length: int) -> None:
    if "body" in interactive or interactive["type"] in ("button", "list", "cta_url"):
        _sized((interactive.get("body") or {}).get("text"), "Body text", body_length)
    if interactive.get("footer"):
        _sized(interactive["footer"].get("text"), "Footer text", 60)
    header = interactive.get("header") or {}
    kind = header.get("type")
    if kind == "text":
        _sized(header.get("text"), "Header text", 60)
    elif kind in ("image", "video", "document") and interactive["type"] != "list":
        check_file(world, header.get(kind) or {}, kind)
    elif header:
        raise invalid(f"Header type {kind!r} is not supported for {interactive['type']} messages")


def _buttons(action: Json) -> None:
    buttons = action.get("buttons") or []
    if not 1 <= len(buttons) <= 3:
        raise invalid("Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
    for button in buttons:
        _sized((button.get("reply") or {}).get("title"), "Button title", 20)
        _sized(button["reply"].get("id"), "Button id", 256)
    _distinct([button["reply"]["id"] for button in buttons], "button ids")


def _list(action: Json) -> None:
    _sized(action.get("button"), "Button label", 20)
    sections = action.get("sections") or []
    rows = [row for section in sections for row in section.get("rows") or []]
    if not 1 <= len(sections) <= 10 or not 1 <= len(rows) <= 10:
        raise invalid("Total row count exceed max allowed count: 10")
    for section in sections:
        _sized(section.get("title") or "", "Section title", 24, 1 if len(sections) > 1 else 0)
    for row in rows:
        _sized(row.get("id"), "Row id", 200)
        _sized(row.get("title"), "Row title", 24)
        _sized(row.get("description") or "", "Row description", 72, 0)
    _distinct([row["id"] for row in rows], "row ids")


def _link_button(action: Json) -> None:
    parameters = action.get("parameters") or {}
    _sized(parameters.get("display_text"), "Button text", 20)
    if not LINK.fullmatch(str(parameters.get("url") or "")):
        raise invalid("URL is invalid")


def _product(action: Json) -> None:
    if not action.get("catalog_id") or not action.get("product_retailer_id"):
        raise GraphError(131008, "interactive: catalog_id and product_retailer_id are required")


def _products(action: Json) -> None:
    sections = action.get("sections") or []
    items = [item for section in sections for item in section.get("product_items") or []]
    if not action.get("catalog_id"):
        raise GraphError(131008, "interactive: catalog_id is required")
    if not 1 <= len(sections) <= 10 or not 1 <= len(items) <= 30:
        raise invalid("Products count. Min allowed: 1, Max allowed: 30")


def _flow(action: Json) -> None:
    parameters = action.get("parameters") or {}
    if not (parameters.get("flow_id") or parameters.get("flow_name")):
        raise GraphError(131008, "interactive: flow_id or flow_name is required")
    _sized(parameters.get("flow_cta"), "Flow CTA", 30)


def _published(world: World, action: Json) -> None:
    parameters = action.get("parameters") or {}
    flow = world.flows.get(str(parameters.get("flow_id")))
    if flow is None and parameters.get("flow_action") == "data_exchange":
        raise invalid("Flow ID is not valid for this WhatsApp Business Account")
    draft = parameters.get("mode") == "draft"
    if (
        flow
        and flow.status not in ("PUBLISHED", "THROTTLED")
        and not (draft and flow.status == "DRAFT")
    ):
        raise invalid(f"The Flow cannot be sent: it is {flow.status.lower()}")


def _cards(action: Json) -> None:
    if not 2 <= len(action.get("cards") or []) <= 10:
        raise invalid("Cards count. Min allowed: 2, Max allowed: 10")


def _named(name: str) -> Callable[[Json], None]:
    def check_name(action: Json) -> None:
        if action.get("name") != name:
            raise GraphError(131008, f"interactive: action name must be {name}")

    return check_name


def _distinct(values: list[str], what: str) -> None:
    if len(set(values)) != len(values):
        raise invalid(f"Duplicated {what}")


def _taken(*_: Any) -> None:
    """Accepted as it is: checked elsewhere, or Meta states no limit worth playing."""


INTERACTIVE: dict[str, Callable[[Json], None]] = {
    "button": _buttons,
    "list": _list,
    "cta_url": _link_button,
    "location_request_message": _named("send_location"),
    "request_contact_info": _named("request_contact_info"),
    "catalog_message": _named("catalog_message"),
    "product": _product,
    "product_list": _products,
    "flow": _flow,
    "carousel": _cards,
    **dict.fromkeys(
        (
            "order_details",
            "order_status",
            "address_message",
            "call_permission_request",
        ),
        _taken,
    ),
}
TYPES: dict[str, Callable[[World, Any], None]] = {
    "text": _text,
    "image": _media("image", caption=True),
    "video": _media("video", caption=True),
    "document": _media("document", caption=True),
    "audio": _media("audio", caption=False),
    "sticker": _media("sticker", caption=False),
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "interactive": _interactive,
    "template": _taken,
}

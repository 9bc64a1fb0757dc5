"""What a customer can tap: Meta's interactive bodies, made of plain words and checked.

Each maker returns the body as Meta takes it. `header` is a text, or {"type": "image", "image":
{"link": …}}; a file of our own is the message's media, and its header stays empty until it leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.messages import limits
from flows.messages.limits import Wrong, counted, distinct, linked, no, sized
from models.types import Json, clean

FILES = ("image", "video", "document")
ADDRESSES = ("IN", "SG")
Header = str | Json


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of a list, or references of products, under a title."""

    title: str
    rows: Sequence[Row] = ()
    products: Sequence[str] = ()


# --- makers ---------------------------------------------------------------------------------------


def reply_buttons(
    text: str, buttons: Mapping[str, str], *, header: Header = "", footer: str = ""
) -> Json:
    """A question with up to three answers ({payload: title})."""
    replies = [{"type": "reply", "reply": {"id": k, "title": v}} for k, v in buttons.items()]
    return _framed("button", text, {"buttons": replies}, header, footer)


def menu(
    text: str, button: str, sections: Sequence[Section], *, header: str = "", footer: str = ""
) -> Json:
    """A list that opens under one button; ten rows in all."""
    listed = [_titled(s.title, rows=[_row(row) for row in s.rows]) for s in sections]
    return _framed("list", text, {"button": button, "sections": listed}, header, footer)


def link(text: str, label: str, url: str, *, header: Header = "", footer: str = "") -> Json:
    parameters = {"display_text": label, "url": url}
    action = {"name": "cta_url", "parameters": parameters}
    return _framed("cta_url", text, action, header, footer)


def product(catalog: str, reference: str, *, text: str = "", footer: str = "") -> Json:
    """One product of the catalogue that Meta keeps."""
    action = {"catalog_id": catalog, "product_retailer_id": reference}
    return _framed("product", text, action, "", footer)


def products(
    catalog: str, sections: Sequence[Section], *, header: str, text: str, footer: str = ""
) -> Json:
    listed = [
        _titled(s.title, product_items=[{"product_retailer_id": name} for name in s.products])
        for s in sections
    ]
    action = {"catalog_id": catalog, "sections": listed}
    return _framed("product_list", text, action, header, footer)


def catalogue(text: str, *, thumbnail: str = "", footer: str = "") -> Json:
    """The whole catalogue, behind one button."""
    action: Json = {"name": "catalog_message"}
    if thumbnail:
        action["parameters"] = {"thumbnail_product_retailer_id": thumbnail}
    return _framed("catalog_message", text, action, "", footer)


def ask_location(text: str) -> Json:
    return _framed("location_request_message", text, {"name": "send_location"})


def ask_contact(text: str) -> Json:
    """Asks for the phone of who writes under a username (not verified: see config)."""
    return _framed("request_contact_info", text, {"name": "request_contact_info"})


def ask_address(text: str, country: str, values: Json | None = None) -> Json:
    parameters: Json = {"country": country} | ({"values": values} if values else {})
    return _framed("address_message", text, {"name": "address_message", "parameters": parameters})


def flow(text: str, label: str, parameters: Json, *, header: Header = "", footer: str = "") -> Json:
    """A form of Meta's Flows; `parameters` name it (flow_id or flow_name) and its first screen."""
    whole = {"flow_message_version": "3"} | parameters | {"flow_cta": label}
    return _framed("flow", text, {"name": "flow", "parameters": whole}, header, footer)


def carousel(text: str, cards: Sequence[Json]) -> Json:
    """Two to ten pictures or films with a text and a button each, side by side."""
    listed = [{"card_index": index} | card for index, card in enumerate(cards)]
    return _framed("carousel", text, {"cards": listed})


def order_details(text: str, parameters: Json, *, header: Header = "", footer: str = "") -> Json:
    """Asks to review and pay inside WhatsApp, where Meta offers that (India, Brazil, Singapore)."""
    action = {"name": "review_and_pay", "parameters": parameters}
    return _framed("order_details", text, action, header, footer)


def order_status(text: str, reference: str, order: Json) -> Json:
    parameters = {"reference_id": reference, "order": order}
    return _framed("order_status", text, {"name": "review_order", "parameters": parameters})


def _framed(kind: str, text: str, action: Json, header: Header = "", footer: str = "") -> Json:
    body: Json = {"type": kind, "action": action}
    if header:
        body["header"] = {"type": "text", "text": header} if isinstance(header, str) else header
    if text := clean(text).strip():
        body["body"] = {"text": text}
    if footer:
        body["footer"] = {"text": footer}
    return body


def _titled(title: str, **holds: Any) -> Json:
    return ({"title": title} if title else {}) | holds


def _row(row: Row) -> Json:
    facts = {"id": row.id, "title": row.title}
    return facts | ({"description": row.description} if row.description else {})


# --- what Meta refuses ----------------------------------------------------------------------------


def check(body: Json) -> None:
    """Refuse (Invalid) what Meta would; its fields are named as the composer's forms name them."""
    kind = body["type"]
    rule, longest, headers = RULES[kind]
    limits.refuse([*_frame(body, longest, headers), *rule(body["action"])])


def _frame(body: Json, longest: int, headers: tuple[str, ...]) -> Wrong:
    # A single product explains itself: only there the text may be missing.
    needed = body["type"] not in ("product",)
    yield from sized("text", body.get("body", {}).get("text"), longest, needed=needed)
    yield from sized("footer", body.get("footer", {}).get("text"), limits.SMALL, needed=False)
    header = body.get("header") or {}
    if header and header.get("type") not in headers:
        yield no("header", "header")
    if header.get("type") == "text":
        yield from sized("header", header.get("text"), limits.SMALL)
    elif body["type"] == "product_list" and not header:
        yield no("header", "empty")


def _buttons(action: Json) -> Wrong:
    replies = [button["reply"] for button in action["buttons"]]
    if not replies:
        yield no("buttons[0].title", "empty")
    yield from counted("buttons", replies, limits.BUTTONS, least=0)
    for index, reply in enumerate(replies):
        yield from sized(f"buttons[{index}].title", reply["title"], limits.BUTTON)
        yield from sized(f"buttons[{index}].id", reply["id"], limits.BUTTON_ID)
    yield from distinct("buttons", "title", [reply["title"].strip() for reply in replies])


def _list(action: Json) -> Wrong:
    sections = action["sections"]
    rows = [row for section in sections for row in section["rows"]]
    yield from sized("button", action["button"], limits.BUTTON)
    yield from counted("sections", sections, limits.SECTIONS)
    if not rows:
        yield no("rows[0].title", "empty")
    yield from counted("rows", rows, limits.ROWS, least=0)
    for index, section in enumerate(sections):
        needed = len(sections) > 1
        title = section.get("title")
        yield from sized(f"sections[{index}].title", title, limits.ROW, needed=needed)
    for index, row in enumerate(rows):
        detail = row.get("description")
        yield from sized(f"rows[{index}].title", row["title"], limits.ROW)
        yield from sized(f"rows[{index}].id", row["id"], limits.ROW_ID)
        yield from sized(f"rows[{index}].description", detail, limits.ROW_DETAIL, needed=False)
    yield from distinct("rows", "id", [row["id"] for row in rows])


def _link(action: Json) -> Wrong:
    yield from sized("button", action["parameters"]["display_text"], limits.BUTTON)
    yield from linked("url", action["parameters"]["url"])


def _product(action: Json) -> Wrong:
    yield from sized("catalog", action["catalog_id"], limits.BUTTON_ID)
    yield from sized("product", action["product_retailer_id"], limits.BUTTON_ID)


def _products(action: Json) -> Wrong:
    sections = action["sections"]
    wanted = [item for section in sections for item in section["product_items"]]
    yield from sized("catalog", action["catalog_id"], limits.BUTTON_ID)
    yield from counted("sections", sections, limits.SECTIONS)
    yield from counted("products", wanted, limits.PRODUCTS)
    for index, section in enumerate(sections):
        needed = len(sections) > 1
        title = section.get("title")
        yield from sized(f"sections[{index}].title", title, limits.ROW, needed=needed)


def _flow(action: Json) -> Wrong:
    parameters = action["parameters"]
    yield from sized("button", parameters["flow_cta"], limits.ROW)
    if not (parameters.get("flow_id") or parameters.get("flow_name")):
        yield no("flow", "empty")


def _address(action: Json) -> Wrong:
    if action["parameters"]["country"] not in ADDRESSES:
        yield no("country", "country")


def _carousel(action: Json) -> Wrong:
    cards = action["cards"]
    least, most = limits.CARDS
    yield from counted("cards", cards, most, least)
    shapes = {(card.get("type"), (card.get("header") or {}).get("type")) for card in cards}
    if len(shapes) > 1:
        yield no("cards", "together")


def _free(_: Json) -> Wrong:
    yield from ()


Rule = tuple[Callable[[Json], Wrong], int, tuple[str, ...]]
"""How its action is checked, how long its text may be, what may stand above it."""

RULES: dict[str, Rule] = {
    "button": (_buttons, limits.BODY, ("text", *FILES)),
    "list": (_list, limits.TEXT, ("text",)),
    "cta_url": (_link, limits.BODY, ("text", *FILES)),
    "product": (_product, limits.BODY, ()),
    "product_list": (_products, limits.BODY, ("text",)),
    "catalog_message": (_free, limits.BODY, ()),
    "location_request_message": (_free, limits.BODY, ()),
    "request_contact_info": (_free, limits.BODY, ()),
    "address_message": (_address, limits.BODY, ()),
    "flow": (_flow, limits.BODY, ("text", *FILES)),
    "carousel": (_carousel, limits.BODY, ()),
    "order_details": (_free, limits.BODY, ("text", *FILES)),
    "order_status": (_free, limits.BODY, ()),
}

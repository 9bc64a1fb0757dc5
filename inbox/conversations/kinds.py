"""Every kind of message WhatsApp has, made readable; a strange body is shown, never an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inbox.languages import N_, gettext
from models.conversation import Conversation
from models.message import Direction, Media, Message, Origin
from models.types import Json, Money

# Kind → icon and what people call it.
KINDS: dict[str, tuple[str, str]] = {
    "image": ("image", N_("Photo")),
    "video": ("image", N_("Video")),
    "audio": ("audio", N_("Audio")),
    "voice": ("audio", N_("Voice message")),
    "document": ("file", N_("Document")),
    "sticker": ("image", N_("Sticker")),
    "location": ("pin", N_("Location")),
    "contacts": ("user", N_("Contact")),
    "order": ("cart", N_("Cart")),
    "system": ("info", N_("Notice of WhatsApp")),
    "edit": ("edit", N_("Edited message")),
    "revoke": ("trash", N_("Deleted message")),
    "unsupported": ("question", N_("Message WhatsApp does not hand over")),
    "request_welcome": ("inbox", N_("Opened the chat for the first time")),
    "media_placeholder": ("image", N_("Media from before")),
    "form": ("note", N_("Answers to a form")),
    "template": ("template", N_("Template")),
}
PICTURES = ("image/jpeg", "image/png", "image/webp")
UNKNOWN = ("question", N_("Message of a kind we do not know yet"))

# Kind → the macro of _kinds.html that shows it; the others depend on the body.
SHAPES = {
    "text": "text",
    "image": "media",
    "video": "media",
    "audio": "media",
    "document": "media",
    "sticker": "media",
    "location": "location",
    "contacts": "contacts",
    "order": "cart",
    "button": "tap",
    "system": "notice",
    "request_welcome": "notice",
    "unsupported": "unsupported",
    "edit": "edit",
    "revoke": "revoke",
    "reaction": "reaction",
    "template": "template",
}
_INTERACTIVE = {"button_reply": "tap", "list_reply": "tap", "nfm_reply": "form"}
_WORDLESS = ("text", "template", "button", "interactive")


def shape(message: Message) -> str:
    """Which macro shows the message: text, media, tap, …, unknown."""
    if message.kind != "interactive":
        return SHAPES.get(message.kind, "unknown")
    if message.direction is Direction.OUT and message.origin is not Origin.PHONE:
        return "buttons"
    return _INTERACTIVE.get(_text(_body(message).get("type")), "unknown")


def content(message: Message) -> Any:
    """What the message's macro shows besides its text; None where the text is all."""
    reader = READERS.get(shape(message))
    return reader(message) if reader else None


def label(kind: str) -> str:
    return gettext(KINDS.get(kind, UNKNOWN)[1])


def icon(kind: str) -> str:
    return KINDS.get(kind, UNKNOWN)[0]


def words(kind: str, text: str) -> tuple[str, str]:
    """Icon ("" for none) and words of a message in one line, for lists and quotes."""
    if kind == "reaction":
        reacted = gettext(N_("Reacted %(emoji)s"), emoji=text)
        return "", reacted if text else gettext(N_("Took a reaction back"))
    if text and (kind in _WORDLESS or kind not in KINDS):
        return "", text
    return icon(kind), text or label(kind)


def preview(conversation: Conversation) -> tuple[str, str]:
    """Icon and words of the newest message, as the list shows it."""
    if not conversation.last_kind:
        return "", gettext(N_("No message yet"))
    return words(conversation.last_kind, conversation.last_preview)


def target(message: Message) -> str | None:
    """The wamid of the message this one reacts to, edits or takes back."""
    return message.payload.get("target_wamid")


def raw(message: Message) -> str:
    """The body as Meta sent it, for those who look after the set-up."""
    return json.dumps(message.payload, ensure_ascii=False, indent=2)


# --- what a body holds ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class File:
    """A picture, film, sound or document; `stored` is ours to show, else only its card is."""

    icon: str
    label: str
    name: str
    mime_type: str
    caption: str
    stored: Media | None

    @property
    def picture(self) -> bool:
        return self.stored is not None and self.stored.mime_type in PICTURES


def file(message: Message) -> File:
    body, stored = _body(message), message.media
    kind = "voice" if message.kind == "audio" and body.get("voice") is True else message.kind
    ours = message.direction is Direction.OUT and message.origin is not Origin.PHONE
    return File(
        icon=icon(kind),
        label=label(kind),
        name=stored.filename if stored else _text(body.get("filename")),
        mime_type=stored.mime_type if stored else _text(body.get("mime_type")).partition(";")[0],
        caption=message.text if ours else _text(body.get("caption")),
        stored=stored,
    )


def header_file(message: Message) -> File | None:
    """What stands above a template's text."""
    return _header_file(message, _text(message.payload.get("media")))


@dataclass(frozen=True, slots=True)
class Spot:
    """A location: names as the sender's phone gave them, a link to a map when it can be found."""

    name: str
    address: str
    coordinates: str
    map_url: str | None


def spot(message: Message) -> Spot:
    body = _body(message)
    where = [body.get("latitude"), body.get("longitude")]
    known = all(isinstance(x, int | float) and not isinstance(x, bool) for x in where)
    coordinates = ", ".join(f"{x:.6f}".rstrip("0").rstrip(".") for x in where) if known else ""
    link = f"https://www.google.com/maps?q={coordinates.replace(' ', '')}" if known else None
    return Spot(_text(body.get("name")), _text(body.get("address")), coordinates, link)


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    organisation: str
    phones: list[str]
    emails: list[str]


def cards(message: Message) -> list[Card]:
    """The contacts somebody shared."""
    return [
        Card(
            name=_text(_part(card, "name").get("formatted_name"))
            or _text(_part(card, "name").get("first_name")),
            organisation=_text(_part(card, "org").get("company")),
            phones=[_text(p.get("phone") or p.get("wa_id")) for p in _parts(card, "phones")],
            emails=[_text(e.get("email")) for e in _parts(card, "emails")],
        )
        for card in _parts(_body(message), "contacts")
    ]


@dataclass(frozen=True, slots=True)
class CartLine:
    reference: str
    quantity: str
    price: Money | None
    """Of all pieces of the line."""


def cart(message: Message) -> tuple[list[CartLine], Money | None]:
    """The lines of a WhatsApp cart and their sum; None when a price or a currency is strange."""
    lines = [_cart_line(item) for item in _parts(_body(message), "product_items")]
    prices = [line.price for line in lines if line.price]
    known = len(prices) == len(lines) and len({price.currency for price in prices}) == 1
    return lines, Money(sum(p.minor for p in prices), prices[0].currency) if known else None


def _cart_line(item: Json) -> CartLine:
    quantity = item.get("quantity")
    try:
        pieces = int(str(quantity))
        each = Money.parse(str(item.get("item_price")), _text(item.get("currency")))
        price = Money(each.minor * pieces, each.currency) if each.currency else None
    except ValueError:
        price = None
    return CartLine(_text(item.get("product_retailer_id")), _text(quantity), price)


@dataclass(frozen=True, slots=True)
class Question:
    """What we sent for the customer to tap; `action` is a table's key for what has no words."""

    header: str
    file: File | None
    footer: str
    menu: str
    sections: list[tuple[str, list[tuple[str, str]]]]
    """Title, then (words, description) of each row; of products their references."""
    url: tuple[str, str] | None
    action: str

    @property
    def rows(self) -> bool:
        return any(rows for _, rows in self.sections)


ACTIONS = {
    "location_request_message": ("pin", N_("Asks for their location")),
    "request_contact_info": ("phone", N_("Asks for their phone number")),
    "address_message": ("pin", N_("Asks for their address")),
    "catalog_message": ("cart", N_("Shows the catalogue")),
    "product": ("cart", N_("Shows a product")),
    "product_list": ("cart", N_("Shows products")),
    "flow": ("note", N_("Opens a form")),
    "carousel": ("image", N_("Shows cards")),
    "order_details": ("receipt", N_("Asks to pay")),
    "order_status": ("box", N_("Tells of an order")),
}


def question(message: Message) -> Question:
    body = _body(message)
    action, header = _part(body, "action"), _part(body, "header")
    parameters = _part(action, "parameters")
    return Question(
        header=_text(header.get("text")),
        file=_header_file(message, _text(header.get("type"))),
        footer=_text(_part(body, "footer").get("text")),
        menu=_text(action.get("button") or parameters.get("flow_cta")),
        sections=_sections(action),
        url=(_text(parameters.get("display_text")), _text(parameters.get("url")))
        if body.get("type") == "cta_url"
        else None,
        action=_text(body.get("type")) if body.get("type") in ACTIONS else "",
    )


def asks_for(question: Question) -> tuple[str, str]:
    """Icon and words of what a message asks or shows."""
    icon, words = ACTIONS[question.action]
    return icon, gettext(words)


def buttons(message: Message) -> list[str]:
    """The words on the buttons that we sent with it."""
    if message.kind == "template":
        unsaid = gettext(N_("Copy the code"))  # these words are WhatsApp's own
        return [str(words) or unsaid for words in message.payload.get("buttons") or ()]
    replies = (_part(b, "reply") for b in _parts(_part(_body(message), "action"), "buttons"))
    return [_text(reply.get("title")) for reply in replies]


def _sections(action: Json) -> list[tuple[str, list[tuple[str, str]]]]:
    found = [
        (
            _text(section.get("title")),
            [(_text(r.get("title")), _text(r.get("description"))) for r in _parts(section, "rows")]
            + [(_reference(item), "") for item in _parts(section, "product_items")],
        )
        for section in _parts(action, "sections")
    ]
    only = _reference(action)
    return found or ([("", [(only, "")])] if only else [])


def _reference(item: Json) -> str:
    return _text(item.get("product_retailer_id"))


def _header_file(message: Message, kind: str) -> File | None:
    stored = message.media
    if stored is None or kind not in SHAPES:
        return None
    return File(icon(kind), label(kind), stored.filename, stored.mime_type, "", stored)


def tapped(message: Message) -> tuple[str, str]:
    """Title and description of the button or list row the customer chose."""
    body = _body(message)
    choice = _part(body, _text(body.get("type"))) if message.kind == "interactive" else {}
    return message.text or label(message.kind), _text(choice.get("description"))


def answers(message: Message) -> list[tuple[str, str]]:
    """Question and answer of every field of a form the customer filled in."""
    reply = _part(_body(message), "nfm_reply")
    try:
        fields = json.loads(_text(reply.get("response_json")))
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        return []
    shown = {name: value for name, value in fields.items() if name != "flow_token"}
    return [(re.sub(r"[_\s]+", " ", name).strip(), _plain(v)) for name, v in shown.items()]


def complaints(message: Message) -> list[str]:
    """What Meta says of a message it does not hand over, in Meta's words."""
    errors = message.payload.get("errors")
    found = [_complaint(error) for error in errors or () if isinstance(error, dict)]
    return [text for text in found if text]


def _complaint(error: Json) -> str:
    said = [error.get("title"), _part(error, "error_data").get("details")]
    code = _text(error.get("code"))
    text = ": ".join(dict.fromkeys(filter(None, map(_text, said))))
    return f"{text} ({code})" if text and code else text or code


def advertisement(message: Message) -> tuple[str, str, str] | None:
    """Headline, text and address of the advertisement or post they came from."""
    referral = message.payload.get("referral")
    if not isinstance(referral, dict):
        return None
    return (
        _text(referral.get("headline")),
        _text(referral.get("body")),
        _text(referral.get("source_url")),
    )


def product(message: Message) -> str:
    """The reference of the catalogue product a message asks about."""
    return _text(_part(message.payload, "product").get("product_retailer_id"))


# Shape → what its macro finds in `content`.
READERS: dict[str, Callable[[Message], Any]] = {
    "media": file,
    "location": spot,
    "contacts": cards,
    "cart": cart,
    "tap": tapped,
    "buttons": question,
    "template": header_file,
    "form": answers,
    "unsupported": complaints,
    "unknown": raw,
}


# --- bodies are foreign: nothing in them is sure to be what it should -----------------------------


def _body(message: Message) -> Json:
    return _part(message.payload, "body")


def _part(holder: Mapping[str, Any], name: str) -> Json:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _parts(holder: Mapping[str, Any], name: str) -> Iterator[Json]:
    values = holder.get(name)
    found: Iterable[Any] = values if isinstance(values, list) else ()
    return (value for value in found if isinstance(value, dict))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)

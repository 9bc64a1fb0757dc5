"""Every kind of message WhatsApp has, made readable; a strange body is shown, never an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.customers import Number, read_phone
from flows.media import REASONS
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
    "call": ("phone", N_("Call")),
    "missed_call": ("phone", N_("Missed call")),
    "form": ("note", N_("Answers to a form")),
    "template": ("template", N_("Template")),
}
# What WhatsApp says it does not hand over → what people call it.
UNSUPPORTED = {
    "poll": N_("Poll"),
    "pool": N_("Poll"),
    "poll_creation": N_("Poll"),
    "poll_update": N_("Vote in a poll"),
    "event": N_("Event"),
    "edit": N_("Edited message"),
    "button": N_("Message with buttons"),
    "view_once": N_("Photo or video to be seen once"),
    "ephemeral": N_("Disappearing message"),
    "group_invite": N_("Invitation to a group"),
    "list": N_("List"),
    "payment": N_("Payment"),
    "video_note": N_("Video note"),
}
UNKNOWN = ("question", N_("Message of a kind we do not know yet"))

# Kind → the macro of _kinds.html that shows it; the others depend on the body.
SHAPES = {
    "text": "text",
    "image": "media",
    "video": "media",
    "audio": "media",
    "document": "media",
    "sticker": "media",
    "ephemeral": "unsupported",
    "view_once": "unsupported",
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
_INTERACTIVE = {
    "button_reply": "tap",
    "list_reply": "tap",
    "nfm_reply": "form",
    "call_permission_reply": "tap",
}
CALLS = {"accept": N_("You may call"), "reject": N_("Please do not call")}
"""What the customer says when asked whether the shop may call them on WhatsApp."""
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
    return message.target_wamid or message.payload.get("target_wamid")


def raw(message: Message) -> str:
    """The body as Meta sent it, for those who look after the set-up."""
    return json.dumps(message.payload, ensure_ascii=False, indent=2)


# --- what a body holds ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class File:
    """A picture, film, sound or document; `stored` is ours to show once it is here."""

    icon: str
    label: str
    name: str
    mime_type: str
    caption: str
    stored: Media | None
    shown_as: str = ""
    """Meta's type: the same picture may be sent as a picture, a sticker or a document."""

    @property
    def picture(self) -> bool:
        return self.look == "picture"

    @property
    def here(self) -> bool:
        return self.stored is not None and self.stored.here

    @property
    def look(self) -> str:
        """How it is shown: picture, sticker, video, audio, card; absent while it is not here."""
        if self.stored is not None and not self.stored.here:
            return "absent"
        family = self.mime_type.partition("/")[0] if self.stored is not None else ""
        if family == "image" and self.shown_as == "sticker":
            return "sticker"
        playable = {"image": "picture", "video": "video", "audio": "audio"}
        return "card" if self.shown_as == "document" else playable.get(family, "card")

    @property
    def trouble(self) -> str:
        """Why it is not here, as a sentence; "" when it is only on its way."""
        if self.stored is None or self.stored.reason is None:
            return ""
        return gettext(REASONS.get(self.stored.reason, REASONS["no_answer"]))


def file(message: Message) -> File:
    body, stored = _body(message), message.media
    kind = "voice" if message.kind == "audio" and body.get("voice") is True else message.kind
    ours = message.direction is Direction.OUT and message.origin is not Origin.PHONE
    named = stored.filename if stored and (ours or message.kind == "document") else ""
    return File(
        icon=icon(kind),
        label=label(kind),
        name=named or _text(body.get("filename")),
        mime_type=stored.mime_type if stored else _text(body.get("mime_type")).partition(";")[0],
        caption=message.text if ours else _text(body.get("caption")),
        stored=stored,
        shown_as=message.kind,
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
    numbers: list[Number]
    emails: list[str]
    on_whatsapp: str
    """Meta's digits of one of the numbers, where it says that somebody answers there."""
    asked_for: bool
    """They answer a request for their own number."""

    @property
    def e164(self) -> str | None:
        return next((number.e164 for number in self.numbers if number.e164), None)


def cards(message: Message) -> list[Card]:
    """The contacts somebody shared; without a list of phones those of the vCard count."""
    return [_card(card, message.channel.country) for card in _parts(_body(message), "contacts")]


def _card(card: Json, region: str) -> Card:
    phones = list(_parts(card, "phones"))
    written = [_text(p.get("phone")) or _text(p.get("wa_id")) for p in phones]
    written = written or _VCARD_PHONE.findall(_text(card.get("vcard")))
    return Card(
        name=_text(_part(card, "name").get("formatted_name"))
        or _text(_part(card, "name").get("first_name")),
        organisation=_text(_part(card, "org").get("company")),
        numbers=[read_phone(number, region) for number in written if number],
        emails=[_text(e.get("email")) for e in _parts(card, "emails") if _text(e.get("email"))],
        on_whatsapp=next((digits for p in phones if (digits := _text(p.get("wa_id")))), ""),
        asked_for=card.get("origin") == "contact_request",
    )


_VCARD_PHONE = re.compile(
    r"^(?:item\d+\.)?TEL[^:\n]{0,200}:\s*([+\d][\d ().\-]{3,24})", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class CartLine:
    reference: str
    quantity: str
    """As it was sent; `pieces` where that is a number."""
    pieces: int | None
    each: Money | None

    @property
    def price(self) -> Money | None:
        """Of all pieces of the line."""
        if self.each is None or self.pieces is None:
            return None
        return Money(self.each.minor * self.pieces, self.each.currency)


def cart(message: Message) -> tuple[list[CartLine], Money | None]:
    """The lines of a WhatsApp cart and their sum; None when a price or a currency is strange."""
    lines = [_cart_line(item) for item in _parts(_body(message), "product_items")]
    prices = [line.price for line in lines if line.price]
    known = len(prices) == len(lines) and len({price.currency for price in prices}) == 1
    return lines, Money(sum(p.minor for p in prices), prices[0].currency) if known else None


def _cart_line(item: Json) -> CartLine:
    quantity = _text(item.get("quantity"))
    return CartLine(
        reference=_text(item.get("product_retailer_id")),
        quantity=quantity,
        pieces=int(quantity) if re.fullmatch(r"[0-9]{1,6}", quantity) else None,
        each=_price(item.get("item_price"), _text(item.get("currency"))),
    )


def _price(amount: Any, currency: str) -> Money | None:
    try:
        return Money.parse(str(amount), currency) if currency else None
    except ValueError:
        return None


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
    return File(icon(kind), label(kind), stored.filename, stored.mime_type, "", stored, kind)


def tapped(message: Message) -> tuple[str, str]:
    """Title and description of the button or list row the customer chose."""
    body = _body(message)
    choice = _part(body, _text(body.get("type"))) if message.kind == "interactive" else {}
    if body.get("type") == "call_permission_reply":
        answer = CALLS.get(_text(choice.get("response")))
        return gettext(answer) if answer else label("call"), ""
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


def unsupported(message: Message) -> tuple[str, list[str]]:
    """What it is, as far as Meta tells, and what Meta says of it."""
    said = _text(_body(message).get("type")) or message.kind
    known = UNSUPPORTED.get(said)
    return gettext(known) if known else label("unsupported"), complaints(message)


def notice(message: Message) -> str:
    """What WhatsApp itself says in the conversation; Meta's own words where we have none."""
    body = _body(message)
    said = _text(body.get("type"))
    number = _text(body.get("wa_id")) or _text(body.get("new_wa_id"))
    if said in ("user_changed_number", "customer_changed_number") and number:
        changed = N_("The customer's number is now %(number)s.")
        return gettext(changed, number=f"\u2066+{number.lstrip('+')}\u2069")
    known = NOTICES.get(said)
    return gettext(known) if known else message.text or label(message.kind)


NOTICES = {
    "user_changed_user_id": N_("WhatsApp gave the customer a new identity: they are the same."),
    "customer_identity_changed": N_("The customer has WhatsApp on a new device."),
}


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


@dataclass(frozen=True, slots=True)
class Advertisement:
    """Where somebody came from: an advertisement, or a post."""

    headline: str
    body: str
    url: str
    post: bool
    film: bool


def advertisement(message: Message) -> Advertisement | None:
    referral = message.payload.get("referral")
    if not isinstance(referral, dict):
        return None
    return Advertisement(
        headline=_text(referral.get("headline")),
        body=_text(referral.get("body")),
        url=_text(referral.get("source_url")),
        post=_text(referral.get("source_type")) == "post",
        film=_text(referral.get("media_type")) == "video",
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
    "unsupported": unsupported,
    "notice": notice,
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

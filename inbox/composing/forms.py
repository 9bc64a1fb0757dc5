"""The forms of the attach menu: what each asks, and the message it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from werkzeug.datastructures import FileStorage

from config import settings
from flows import catalog, customers, messages, rules
from flows.catalog import Offer
from flows.errors import Invalid, Refused
from flows.messages import interactives, limits
from flows.messages.interactives import Row, Section
from inbox import media
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.filters import money
from inbox.forms import Fields
from inbox.languages import N_, gettext
from models.conversation import Conversation
from models.message import Media, Message
from models.types import Json

BUTTONS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A form as it was filled in, for one conversation."""

    conversation: Conversation
    fields: Fields
    file: FileStorage | None = None

    def text(self, name: str) -> str:
        return self.fields.text(name)

    @property
    def words(self) -> str:
        return self.fields.lines("text")

    @property
    def above(self) -> Media | None:
        """The picture, film or document above the text."""
        if self.file is None or not self.file.filename:
            return None
        stored, kind = media.keep(self.file)
        if kind not in interactives.FILES:
            sentence = N_("A picture, a film or a document can stand here.")
            raise Invalid({"file": Refused("file_type", sentence)})
        return stored

    @property
    def ticked(self) -> list[str]:
        """The identifiers of what was ticked in a list of found things."""
        posted: Any = self.fields.posted
        return list(posted.getlist("chosen")) if hasattr(posted, "getlist") else []


Queue = Callable[..., Message]


@dataclass(frozen=True, slots=True)
class Form:
    title: str
    icon: str
    make: Callable[[Asked, dict[str, Any]], Message]
    words: str = ""
    """What stands in its text at first."""
    find: Callable[[Asked], Any] | None = None
    offered: Callable[[], bool] = lambda: True

    def filled(self) -> Mapping[str, str]:
        return {"text": gettext(self.words)} if self.words else {}

    def queue(self, asked: Asked, *, client_id: UUID, reply_to: str | None) -> Message:
        given = {"by": current.member, "client_id": client_id, "reply_to": reply_to}
        return self.make(asked, given)


# --- places and cards -----------------------------------------------------------------------------


def _location(asked: Asked, given: dict[str, Any]) -> Message:
    latitude, longitude = messages.read_place(asked.text("place"))
    name, address = asked.text("name"), asked.text("address")
    if asked.text("keep") and current.may("settings.edit"):
        rules.keep_place(current.merchant, latitude, longitude, name=name, address=address)
    return messages.queue_location(
        asked.conversation, latitude, longitude, name=name, address=address, **given
    )


def _contact(asked: Asked, given: dict[str, Any]) -> Message:
    number = asked.fields.phone("phone", current.merchant.country)
    wrong = dict(asked.fields.wrong)
    if number is None and "phone" not in wrong:
        wrong["phone"] = Refused("empty", N_("Fill this in."))
    if not asked.text("name"):
        wrong["name"] = Refused("empty", N_("Fill this in."))
    if wrong or number is None or number.e164 is None:
        raise Invalid(wrong)
    company = asked.text("organisation")
    card = messages.contact(asked.text("name"), number.e164, organisation=company)
    return messages.queue_contacts(asked.conversation, [card], **given)


def _find_people(asked: Asked) -> list[tuple[str, str, str]]:
    return customers.reachable(asked.text("q"))


# --- what can be tapped ---------------------------------------------------------------------------


def _send(asked: Asked, body: Json, given: dict[str, Any], above: Media | None = None) -> Message:
    return messages.queue_interactive(asked.conversation, body, media=above, **given)


def _framed(asked: Asked) -> dict[str, str]:
    return {"header": asked.text("header"), "footer": asked.text("footer")}


def _buttons(asked: Asked, given: dict[str, Any]) -> Message:
    titles = [row.text("title") for row in asked.fields.rows("buttons")]
    titles = [title for title in titles if title]
    replies = {str(number): title for number, title in enumerate(titles, 1)}
    body = interactives.reply_buttons(asked.words, replies, **_framed(asked))
    return _send(asked, body, given, asked.above)


def _list(asked: Asked, given: dict[str, Any]) -> Message:
    rows = [
        Row(str(number), row.text("title"), row.text("description"))
        for number, row in enumerate(asked.fields.rows("rows"), 1)
        if row.text("title") or row.text("description")
    ]
    sections = [Section("", rows)]
    body = interactives.menu(asked.words, asked.text("button"), sections, **_framed(asked))
    return _send(asked, body, given)


def _link(asked: Asked, given: dict[str, Any]) -> Message:
    body = interactives.link(asked.words, asked.text("button"), asked.text("url"), **_framed(asked))
    return _send(asked, body, given, asked.above)


def _products(asked: Asked, given: dict[str, Any]) -> Message:
    chosen = _chosen(asked)
    if not chosen:
        raise Invalid({"chosen": Refused("empty", N_("Choose one product at least."))})
    if asked.text("shown_as") == "buttons" and len(chosen) <= BUTTONS:
        replies = {_reference(o): _titled(o) for o in chosen}
        priced = [f"• {o.variant.name}: {_price(o)}" for o in chosen]
        text = "\n".join([asked.words, *priced])
        return _send(asked, interactives.reply_buttons(text, replies), given)
    rows = [
        Row(
            _reference(offer),
            _cut(offer.variant.product.name, limits.ROW),
            _cut(
                " · ".join(filter(None, (_price(offer), offer.variant.label))),
                limits.ROW_DETAIL,
            ),
        )
        for offer in chosen
    ]
    label = asked.text("button") or gettext(N_("See the products"))
    return _send(asked, interactives.menu(asked.words, label, [Section("", rows)]), given)


def _chosen(asked: Asked) -> list[Offer]:
    """The offers that were ticked, in the order of the list."""
    wished = {text for text in asked.ticked if text}
    ids = [id_ for text in wished if (id_ := read_id(text.partition(":")[0]))]
    offers = [o for found in catalog.offered(ids).values() for o in found.offers]
    return [o for o in offers if name_of(o) in wished]


def name_of(offer: Offer) -> str:
    """How the form names an offer: its product, then itself."""
    return f"{offer.variant.product_id}:{offer.variant.id}"


@dataclass(frozen=True, slots=True)
class Found:
    name: str
    offer: Offer
    price: str
    ticked: bool


def _find_products(asked: Asked) -> list[Found]:
    """What is ticked first, then what fits `q`."""
    ticked = _chosen(asked)
    known = {name_of(offer) for offer in ticked}
    fitting = [o for f in catalog.search(asked.text("q"), limit=20) for o in f.offers]
    more = [offer for offer in fitting if name_of(offer) not in known]
    return [
        Found(name_of(offer), offer, _price(offer), name_of(offer) in known)
        for offer in [*ticked, *more]
    ]


def _reference(offer: Offer) -> str:
    return f"sku:{offer.variant.sku}"[: limits.ROW_ID]


def _price(offer: Offer) -> str:
    return money(current.merchant.money(offer.variant.unit_price)).striptags()


def _titled(offer: Offer) -> str:
    """What a button says: the product cut short rather than what tells two variants apart."""
    label = offer.variant.label if offer.variant.options else ""
    tail = f" ({label})" if label else ""
    room = limits.BUTTON - len(tail)
    name = offer.variant.product.name
    return f"{_cut(name, room)}{tail}" if room >= 4 else _cut(label, limits.BUTTON)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _location_request(asked: Asked, given: dict[str, Any]) -> Message:
    return _send(asked, interactives.ask_location(asked.words), given)


def _contact_request(asked: Asked, given: dict[str, Any]) -> Message:
    return _send(asked, interactives.ask_contact(asked.words), given)


FORMS: dict[str, Form] = {
    "location": Form(N_("Send a place"), "pin", _location),
    "contact": Form(N_("Send a contact"), "user", _contact, find=_find_people),
    "products": Form(
        N_("Show products"),
        "cart",
        _products,
        words=N_("Here are some of our products. Tap to choose."),
        find=_find_products,
    ),
    "buttons": Form(N_("Ask with buttons"), "check", _buttons),
    "list": Form(N_("Send a list of choices"), "filter", _list),
    "link": Form(N_("Send a link as a button"), "link", _link),
    "location_request": Form(
        N_("Ask where they are"),
        "pin",
        _location_request,
        words=N_("Where should we deliver? Tap the button to send your location."),
    ),
    "contact_request": Form(
        N_("Ask for their phone number"),
        "phone",
        _contact_request,
        words=N_("May we have your phone number, for the delivery?"),
        offered=lambda: settings().contact_request,
    ),
}


def offered() -> Sequence[tuple[str, Form]]:
    """The forms of the attach menu, in its order."""
    return [(kind, form) for kind, form in FORMS.items() if form.offered()]

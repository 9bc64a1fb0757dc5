"""What people hand over: places, contacts, carts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flows.customers import Number, read_phone
from inbox.conversations.kinds import bodies
from models.message import Message
from models.types import Json, Money


@dataclass(frozen=True, slots=True)
class Spot:
    """A location: names as the sender's phone gave them, a link to a map when it can be found."""

    name: str
    address: str
    coordinates: str
    map_url: str | None


def spot(message: Message) -> Spot:
    body = bodies.body(message)
    where = [body.get("latitude"), body.get("longitude")]
    known = all(isinstance(x, int | float) and not isinstance(x, bool) for x in where)
    coordinates = ", ".join(f"{x:.6f}".rstrip("0").rstrip(".") for x in where) if known else ""
    link = f"https://www.google.com/maps?q={coordinates.replace(' ', '')}" if known else None
    return Spot(bodies.text(body.get("name")), bodies.text(body.get("address")), coordinates, link)


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
    return [
        _card(card, message.channel.country)
        for card in bodies.parts(bodies.body(message), "contacts")
    ]


def _card(card: Json, region: str) -> Card:
    phones = list(bodies.parts(card, "phones"))
    written = [bodies.text(p.get("phone")) or bodies.text(p.get("wa_id")) for p in phones]
    written = written or _VCARD_PHONE.findall(bodies.text(card.get("vcard")))
    return Card(
        name=bodies.text(bodies.part(card, "name").get("formatted_name"))
        or bodies.text(bodies.part(card, "name").get("first_name")),
        organisation=bodies.text(bodies.part(card, "org").get("company")),
        numbers=[read_phone(number, region) for number in written if number],
        emails=[
            bodies.text(e.get("email"))
            for e in bodies.parts(card, "emails")
            if bodies.text(e.get("email"))
        ],
        on_whatsapp=next((digits for p in phones if (digits := bodies.text(p.get("wa_id")))), ""),
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
    lines = [_cart_line(item) for item in bodies.parts(bodies.body(message), "product_items")]
    prices = [line.price for line in lines if line.price]
    known = len(prices) == len(lines) and len({price.currency for price in prices}) == 1
    return lines, Money(sum(p.minor for p in prices), prices[0].currency) if known else None


def _cart_line(item: Json) -> CartLine:
    quantity = bodies.text(item.get("quantity"))
    return CartLine(
        reference=bodies.text(item.get("product_retailer_id")),
        quantity=quantity,
        pieces=int(quantity) if re.fullmatch(r"[0-9]{1,6}", quantity) else None,
        each=_price(item.get("item_price"), bodies.text(item.get("currency"))),
    )


def _price(amount: Any, currency: str) -> Money | None:
    try:
        return Money.parse(str(amount), currency) if currency else None
    except ValueError:
        return None

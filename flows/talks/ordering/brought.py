"""What WhatsApp itself brings to an order: a cart, a place, a contact card, a form."""

from __future__ import annotations

from flows import catalog, customers, forms, places
from flows.talks.cart import Source
from flows.talks.leaving import leave
from flows.talks.ordering.missing import go_on
from flows.talks.scene import Scene
from models.message import Message
from models.types import exponent

MOST_PRICE = 1e9


def take_cart(scene: Scene, message: Message) -> None:
    """A cart of WhatsApp: its items at the prices it showed; what is not sold is said."""
    unknown = put_items(scene, message)
    if unknown:
        scene.note("unknown_items", items=", ".join(unknown[:5]))
    if scene.bot.order_rule == "none":
        leave(scene, "order")
        return
    go_on(scene)


def put_items(scene: Scene, message: Message) -> list[str]:
    """What a cart of WhatsApp holds is in ours; the references of what is not sold."""
    items = (message.payload.get("body") or {}).get("product_items") or []
    items = [item for item in items if isinstance(item, dict)]
    references = [str(item.get("product_retailer_id", "")) for item in items]
    known = catalog.by_reference(references)
    unknown = []
    for item, reference in zip(items, references, strict=True):
        variant = known.get(reference.strip().lower())
        if variant is None or not variant.product.active:
            unknown.append(reference or "?")
            continue
        source = Source(str(message.id), 0, 0, "")
        line = scene.cart.put(variant.id, _count(item.get("quantity")), source)
        line.price = _minor(scene, item)
    return unknown


def _count(value: object) -> int:
    try:
        return max(1, int(float(str(value))))
    except (ValueError, OverflowError):
        return 1


def _minor(scene: Scene, item: dict[str, object]) -> int | None:
    """The price the cart showed, when it is in the merchant's currency."""
    if item.get("currency") != scene.merchant.currency:
        return None
    try:
        price = float(str(item.get("item_price")))
    except ValueError:
        return None
    units: int = 10 ** exponent(scene.merchant.currency)
    return round(price * units) if abs(price) < MOST_PRICE else None


def take_place(scene: Scene, message: Message) -> bool:
    """A shared location is the address, while an address is asked for."""
    if scene.talk.step not in ("address", "known_address", "city", "summary", "changing"):
        return False
    put_place(scene, message)
    go_on(scene)
    return True


def put_place(scene: Scene, message: Message) -> None:
    """The place is the address of the cart, and its city the city where none was said."""
    body = message.payload.get("body") or {}
    told = [str(body.get(name) or "") for name in ("name", "address")]
    pin = f"{body.get('latitude')}, {body.get('longitude')}"
    line = ", ".join(dict.fromkeys(part for part in told if part)) or "📍"
    scene.cart.tell("address", f"{line} ({pin})"[:300], Source(str(message.id), 0, 0, pin))
    scene.cart.known = "no"
    place = next((p for p in map(_city_in, told) if p), None)
    if place and not scene.cart.city:
        scene.cart.tell("city", place)


def _city_in(text: str) -> str | None:
    for part in reversed(text.split(",")):
        for country in places.COUNTRIES:
            if place := places.find(part.strip(), country):
                return place.name
    return None


def take_contact(scene: Scene, message: Message) -> None:
    """A contact card is the phone number, while one is asked for."""
    cards = (message.payload.get("body") or {}).get("contacts") or []
    phones = [p for card in cards if isinstance(card, dict) for p in card.get("phones") or ()]
    numbers = [str(p.get("phone") or p.get("wa_id") or "") for p in phones if isinstance(p, dict)]
    read = [customers.read_phone(number, scene.channel.country).e164 for number in numbers]
    number = next(filter(None, read), None)
    if scene.talk.step != "phone" or number is None:
        leave(scene, "contact")
        return
    scene.cart.tell("phone", number, Source(str(message.id), 0, 0, number))
    go_on(scene)


def take_form(scene: Scene, message: Message) -> None:
    """The address form was filled in: what it says is in the cart."""
    filled = forms.read(message)
    if filled is None:
        return
    where = Source(str(message.id), 0, 0, filled.address)
    scene.cart.tell("name", filled.name, where)
    scene.cart.tell("city", filled.city, where)
    scene.cart.tell("address", filled.address, where)
    if filled.phone:
        scene.cart.tell("phone", filled.phone, where)
    scene.cart.note = filled.note or scene.cart.note
    scene.cart.known = "no"
    scene.turn.rule = "form"
    go_on(scene)

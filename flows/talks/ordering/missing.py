"""What is missing of an order is asked, one by one; when nothing is, it is shown whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select

from flows import catalog, delivery, forms, orders, places
from flows.catalog import Found
from flows.talks import browsing
from flows.talks.asking import city_name
from flows.talks.cart import Line, Open
from flows.talks.scene import BUTTONS, ROWS, Scene, payload
from models import db
from models.catalog import Variant
from models.customer import Address
from models.types import new_id


def go_on(scene: Scene) -> None:
    """The next thing that is missing is asked; when nothing is, the order is shown whole."""
    check_goods(scene)
    if not _choose_open(scene) and not _ask_product(scene) and not _ask_person(scene):
        show_summary(scene)
    scene.keep_cart()


def check_goods(scene: Scene) -> None:
    """What is not sold any more, or not there in that number, is said and taken out."""
    found = on_sale(line.variant for line in scene.cart.lines)
    kept: list[Line] = []
    for line in scene.cart.lines:
        variant, left = found.get(line.variant, (None, None))
        if variant is None:
            continue
        if left is not None and left < line.quantity and not scene.merchant.allow_negative_stock:
            if left < 1:
                scene.note("out_of_stock", name=variant.name)
                continue
            scene.note("only_left", name=variant.name, left=left)
            line.quantity = left
        if line.price is not None and line.price != variant.unit_price:
            now, then = scene.amount(variant.unit_price), scene.amount(line.price)
            scene.note("price_changed", name=variant.name, price=now, old=then)
        line.price = None
        kept.append(line)
    scene.cart.lines = kept


def on_sale(ids: Iterable[str]) -> dict[str, tuple[Variant, int | None]]:
    """Versions on sale by id, with what is left; None where stock is not counted."""
    wanted = [UUID(id_) for id_ in ids]
    if not wanted:
        return {}
    products = select(Variant.product_id).where(Variant.id.in_(wanted))
    offered = catalog.offered(set(db.session().scalars(products)))
    return {
        str(offer.variant.id): (offer.variant, offer.left)
        for found in offered.values()
        if found.product.active
        for offer in found.offers
        if offer.variant.id in wanted
    }


def _choose_open(scene: Scene) -> bool:
    """Of the first product whose version is open: the versions that fit; True when one must be
    chosen."""
    while scene.cart.open:
        first = scene.cart.open[0]
        found = catalog.offered([UUID(first.product)]).get(UUID(first.product))
        fits = fitting(found, first) if found and found.product.active else []
        there = [o for o in fits if browsing.has_some(o) or scene.merchant.allow_negative_stock]
        if found is not None and not there:
            scene.note("out_of_stock", name=found.product.name)
        if len(there) == 1 and not first.asks_quantity:
            chosen = there[0].variant.id
            scene.cart.put(chosen, first.quantity, first.source, more=first.more)
        elif there and found is not None:
            _ask_version(scene, first, found, there)
            return True
        scene.cart.open.pop(0)
    return False


def fitting(found: Found, wanted: Open) -> list[catalog.Offer]:
    """The versions that what was said of this product leaves open."""
    return [
        offer
        for offer in found.offers
        if all(str(offer.variant.options.get(n)) == value for n, value in wanted.options.items())
    ]


def _ask_version(scene: Scene, wanted: Open, found: Found, there: Sequence[catalog.Offer]) -> None:
    name = found.product.name
    if len(there) == 1:
        reply = scene.ask("quantity", "ask_quantity", name=there[0].variant.name)
        reply.buttons = {payload("quantity", n): str(n) for n in range(1, BUTTONS + 1)}
        scene.did("asked_quantity", product=name)
        return
    reply = scene.ask("variant", "ask_variant", name=name)
    reply.opens = scene.words("variant_button")
    scene.did("asked_variant", product=name)
    if len(there) <= ROWS:
        reply.buttons = {payload("variant", o.variant.id): o.variant.label for o in there}
        if len({offer.variant.unit_price for offer in there}) > 1 or len(there) > BUTTONS:
            reply.details = {
                payload("variant", o.variant.id): scene.amount(o.variant.unit_price) for o in there
            }
        return
    option = next(n for n in there[0].variant.options if n not in wanted.options)
    values = list(dict.fromkeys(str(offer.variant.options[option]) for offer in there))[:ROWS]
    reply.buttons = {payload("option", f"{option}={value}"): value for value in values}
    reply.details = dict.fromkeys(reply.buttons, option)


def _ask_product(scene: Scene) -> bool:
    if scene.cart.lines:
        return False
    if scene.notes:
        scene.note("cart_empty")
    browsing.show_products(scene, "ask_product")
    scene.talk.step = "product"
    scene.did("asked_product")
    return True


def _ask_person(scene: Scene) -> bool:
    _know_person(scene)
    cart = scene.cart
    ships = orders.pipeline().ships
    if ships and _ask_known_address(scene):
        scene.did("asked_known_address")
    elif ships and _ask_form(scene):
        scene.did("asked_form")
    elif ships and cart.city and _is_abroad(scene, cart.city):
        scene.ask("city", "city_abroad", city=city_name(scene, cart.city))
        cart.tell("city", "")
        scene.did("asked_city", abroad=True)
    elif ships and not cart.city:
        scene.ask("city", "ask_city")
        scene.did("asked_city")
    elif ships and not cart.address:
        reply = scene.ask("address", "ask_address")
        reply.wants = "location"
        scene.did("asked_address")
    elif not cart.name:
        scene.ask("name", "ask_name")
        scene.did("asked_name")
    elif not cart.phone:
        scene.ask("phone", "ask_phone")
        scene.did("asked_phone")
    else:
        return False
    return True


def _is_abroad(scene: Scene, city: str) -> bool:
    """A city of another country that no zone of the merchant's names."""
    here = scene.merchant.country
    known = [country for country in places.COUNTRIES if places.find(city, country)]
    return bool(known) and here not in known and not delivery.quote(city).known


def _know_person(scene: Scene) -> None:
    """What the card and WhatsApp tell need not be asked."""
    cart, identity, card = scene.cart, scene.conversation.identity, scene.card
    if not cart.phone:
        first = next((p.e164 for p in card.phones if p.e164), None) if card else None
        cart.phone = identity.phone or first or ""
    if not cart.name:
        name = card.name if card else identity.profile_name
        cart.name = name if is_name(name) else ""


def is_name(text: str) -> bool:
    """Whether a profile's name can stand on a parcel: two letters at least, and no number."""
    letters = sum(character.isalpha() for character in text)
    return letters >= 2 and letters * 2 > len(text.replace(" ", ""))


def _ask_known_address(scene: Scene) -> bool:
    """Whoever has had a parcel is asked whether the next goes there too."""
    cart = scene.cart
    known = last_address(scene)
    if known is None or cart.address or cart.known in ("no", "form"):
        return False
    cart.known = "asked"
    reply = scene.ask("known_address", "known_address", address=known.line, city=known.city)
    reply.buttons = {
        payload("same"): scene.words("yes_same"),
        payload("other"): scene.words("other_address"),
    }
    return True


def last_address(scene: Scene) -> Address | None:
    """The customer's address that was used last; of those in the city they named, if they did."""
    city = scene.cart.city
    addresses = [a for a in orders.last_used_first(scene.card) if a.line and a.city]
    return next((a for a in addresses if not city or same_city(scene, a.city, city)), None)


def same_city(scene: Scene, one: str, other: str) -> bool:
    """Whether both name the same city, in whichever letters."""
    country = scene.merchant.country
    return places.known_as(one, country)[0] == places.known_as(other, country)[0]


def _ask_form(scene: Scene) -> bool:
    """The form that Meta shows in the chat, where this number has one; asked once."""
    cart = scene.cart
    if not scene.bot.forms or cart.known == "form" or (cart.city and cart.address):
        return False
    if not forms.available(scene.conversation):
        return False
    cart.known = "form"
    reply = scene.ask("form", "form_address")
    reply.opens = scene.words("form_button")
    reply.form = forms.Known(
        name=cart.name,
        phone=cart.phone,
        city=cart.city,
        line=cart.address,
        total=int(scene.talk.facts.get("total", 0)),
    )
    return True


def show_summary(scene: Scene) -> None:
    cart = scene.cart
    found = on_sale(line.variant for line in cart.lines)
    told, total = [], 0
    for line in cart.lines:
        variant, _left = found[line.variant]
        total += variant.unit_price * line.quantity
        amount = scene.amount(variant.unit_price * line.quantity)
        facts = {"quantity": line.quantity, "name": variant.name, "amount": amount}
        told.append(scene.words("line", **facts))
    quote = delivery.quote(cart.city, applied_total=total)
    key = "delivery_line" if quote.fee else "delivery_free"
    reply = scene.ask(
        "summary",
        "summary",
        lines="\n".join(told),
        delivery=scene.words(key, amount=scene.amount(quote.fee)),
        total=scene.amount(total + quote.fee),
        name=cart.name,
        phone=cart.phone,
        address=cart.address,
        city=city_name(scene, cart.city),
    )
    reply.buttons = {
        payload("confirm", stamp(scene)): scene.words("confirm"),
        payload("change"): scene.words("change"),
        payload("cancel"): scene.words("cancel"),
    }
    scene.keep(total=total + quote.fee, key=scene.talk.facts.get("key") or str(new_id()))
    scene.did("summary", total=total + quote.fee)


def stamp(scene: Scene) -> str:
    """What the customer saw: a button of another summary confirms nothing."""
    cart = scene.cart
    seen = [[(line.variant, line.quantity) for line in cart.lines], cart.city, cart.address]
    seen += [cart.name, cart.phone]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:12]

"""An order is put together: what was said goes into the cart, what is missing is asked, one by one,
and the customer sees it whole before anything is ordered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from flows import catalog, customers, delivery, orders, places
from flows.catalog import Found
from flows.errors import Refused
from flows.talks import browsing, drafts
from flows.talks.asking import city_name
from flows.talks.cart import Line, Open, Source
from flows.talks.leaving import leave
from flows.talks.scene import BUTTONS, ROWS, Scene, payload
from flows.understanding import Understood
from models import db
from models.catalog import Product, Variant
from models.customer import Address
from models.message import Message
from models.pipeline import Pipeline
from models.types import exponent, new_id

CART_STEPS = (
    *("product", "variant", "quantity", "name", "phone", "known_address", "city", "address"),
    *("summary", "changing"),
)
EXAMPLES = {"MA": "0612345678", "DZ": "0551234567"}
LEAST_ADDRESS = 4
"""Letters of an address; less is a slip of the thumb."""


# --- what was said --------------------------------------------------------------------------------


def order(scene: Scene, said: Understood) -> None:
    """A sentence that orders: what is clear is in the cart, what is not is asked."""
    if scene.bot.order_rule == "none":
        take_in(scene, said)
        leave(scene, "order")
        return
    take_in(scene, said)
    go_on(scene)


def take_in(scene: Scene, said: Understood) -> bool:
    """Everything the sentence says of an order is in the cart; whether there was anything."""
    told = _take_lines(scene, said)
    told |= _take_open(scene, said)
    return _take_person(scene, said) or told


def _take_lines(scene: Scene, said: Understood) -> bool:
    variants = browsing.variants_of([line.sku for line in said.lines])
    swapped = said.intent == "change_order" or scene.talk.step in ("summary", "changing")
    for line in said.lines:
        variant = variants.get(line.sku)
        if variant is None:
            continue
        if swapped:
            _swap(scene, variant, {one.sku for one in said.lines})
        scene.cart.put(variant.id, line.quantity, _where(scene, said, line.name))
        product = str(variant.product_id)
        scene.cart.open = [one for one in scene.cart.open if one.product != product]
    return bool(said.lines)


def _swap(scene: Scene, wanted: Variant, kept: set[str]) -> None:
    """Another version of the same product was meant instead of the one that was there."""
    others = select(Variant).where(
        Variant.product_id == wanted.product_id, Variant.id != wanted.id, Variant.sku.not_in(kept)
    )
    gone = {str(other.id) for other in db.session().scalars(others)}
    there = [line for line in scene.cart.lines if line.variant in gone]
    if len(there) == 1:
        scene.cart.drop(gone)


def _take_open(scene: Scene, said: Understood) -> bool:
    """Products whose version is not clear yet wait for the answer to a question."""
    found = browsing.named([name for name in said.products if said.missing.get(name)])
    ordered = {line.name for line in said.lines}
    taken = False
    for name, one in found.items():
        if name in ordered or any(
            open_.product == str(one.product.id) for open_ in scene.cart.open
        ):
            continue
        quantity = said.quantities.get(name, 1)
        options = _chosen(said, one)
        scene.cart.open.append(
            Open(str(one.product.id), quantity, options, source=_where(scene, said, name))
        )
        taken = True
    return taken


def _chosen(said: Understood, found: Found) -> dict[str, str]:
    """The options that were named, where the product has them."""
    known = {
        (name, str(value))
        for offer in found.offers
        for name, value in offer.variant.options.items()
    }
    named = [
        (entity.value.partition("=")[0], entity.value.partition("=")[2])
        for entity in said.entities
        if entity.kind == "variant"
    ]
    return {name: value for name, value in named if (name, value) in known}


def _where(scene: Scene, said: Understood, product: str) -> Source | None:
    """Where the product was named; over the number before it, when there is one."""
    for entity in said.entities:
        if entity.kind == "product" and entity.value == product:
            return scene.source(entity.start, entity.end)
    return None


def _take_person(scene: Scene, said: Understood) -> bool:
    told = False
    for entity in said.entities:
        if entity.kind in ("phone", "address") and entity.value:
            source = scene.source(entity.start, entity.end)
            scene.cart.tell(entity.kind, entity.value, source)
            scene.cart.known = "no" if entity.kind == "address" else scene.cart.known
            told = True
    if said.city:
        where = next((e for e in said.entities if e.kind == "city"), None)
        source = scene.source(where.start, where.end) if where else None
        if scene.cart.city and places.key(scene.cart.city) != places.key(said.city):
            scene.cart.known = "no"
        scene.cart.tell("city", said.city, source)
        told = True
    return told


# --- what is missing ------------------------------------------------------------------------------


def go_on(scene: Scene) -> None:
    """The next thing that is missing is asked; when nothing is, the order is shown whole."""
    _check_goods(scene)
    if not _choose_open(scene) and not _ask_product(scene) and not _ask_person(scene):
        show_summary(scene)
    scene.keep_cart()


def _check_goods(scene: Scene) -> None:
    """What is not sold any more, or not there in that number, is said and taken out."""
    found = _found(line.variant for line in scene.cart.lines)
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


def _found(ids: Iterable[str]) -> dict[str, tuple[Variant, int | None]]:
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
        fitting = _fitting(found, first) if found and found.product.active else []
        there = [o for o in fitting if browsing.has_some(o) or scene.merchant.allow_negative_stock]
        if found is not None and not there:
            scene.note("out_of_stock", name=found.product.name)
        if len(there) == 1 and not first.asks_quantity:
            scene.cart.put(there[0].variant.id, first.quantity, first.source)
        elif there and found is not None:
            _ask_version(scene, first, found, there)
            return True
        scene.cart.open.pop(0)
    return False


def _fitting(found: Found, wanted: Open) -> list[catalog.Offer]:
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
    ships = _pipeline().ships
    if not cart.phone:
        scene.ask("phone", "ask_phone")
        scene.did("asked_phone")
    elif not cart.name:
        scene.ask("name", "ask_name")
        scene.did("asked_name")
    elif not ships:
        return False
    elif _ask_known_address(scene):
        scene.did("asked_known_address")
    elif _ask_form(scene):
        scene.did("asked_form")
    elif not cart.city:
        scene.ask("city", "ask_city")
        scene.did("asked_city")
    elif not cart.address:
        reply = scene.ask("address", "ask_address")
        reply.wants = "location"
        scene.did("asked_address")
    else:
        return False
    return True


def _pipeline() -> Pipeline:
    return orders.pipeline()


def _know_person(scene: Scene) -> None:
    """What the card and WhatsApp tell need not be asked."""
    cart, identity, card = scene.cart, scene.conversation.identity, scene.card
    if not cart.phone:
        first = next((p.e164 for p in card.phones if p.e164), None) if card else None
        cart.phone = identity.phone or first or ""
    if not cart.name:
        name = card.name if card else identity.profile_name
        cart.name = name if _is_name(name) else ""


def _is_name(text: str) -> bool:
    """Whether a profile's name can stand on a parcel: two letters at least, and no number."""
    letters = sum(character.isalpha() for character in text)
    return letters >= 2 and letters * 2 > len(text.replace(" ", ""))


def _ask_known_address(scene: Scene) -> bool:
    """Whoever has had a parcel is asked whether the next goes there too."""
    cart = scene.cart
    known = _last_address(scene)
    if known is None or cart.address or cart.known == "no":
        return False
    if cart.city and places.key(cart.city) != places.key(known.city):
        return False
    cart.known = "asked"
    reply = scene.ask("known_address", "known_address", address=known.line, city=known.city)
    reply.buttons = {
        payload("same"): scene.words("yes_same"),
        payload("other"): scene.words("other_address"),
    }
    return True


def _last_address(scene: Scene) -> Address | None:
    addresses = orders.last_used_first(scene.card)
    return next((a for a in addresses if a.line and a.city), None)


def _ask_form(scene: Scene) -> bool:
    """The form that Meta shows in the chat, where this number has one."""
    return False


def show_summary(scene: Scene) -> None:
    cart = scene.cart
    found = _found(line.variant for line in cart.lines)
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


# --- answers to what was asked --------------------------------------------------------------------


def answer_product(scene: Scene, said: Understood) -> bool:
    return _more(scene, said)


def answer_variant(scene: Scene, said: Understood) -> bool:
    """ "le noir", "taille M": options of the product that is asked about."""
    cart = scene.cart
    if not cart.open:
        return False
    first = cart.open[0]
    found = catalog.offered([UUID(first.product)]).get(UUID(first.product))
    if found is None:
        return False
    lines = {line.sku: line.quantity for line in said.lines}
    exact = [o for o in found.offers if o.variant.sku in lines]
    if exact:
        return _more(scene, said)
    chosen = _chosen(said, found) or _said_options(scene.turn.heard, found)
    if not chosen:
        return False
    first.options |= chosen
    if said.quantity:
        first.quantity = said.quantity
    _take_person(scene, said)
    go_on(scene)
    return True


def _said_options(text: str, found: Found) -> dict[str, str]:
    """Options whose value is the whole of what was typed."""
    offer = found.meant(text)
    return {n: str(v) for n, v in offer.variant.options.items()} if offer else {}


def answer_quantity(scene: Scene, said: Understood) -> bool:
    cart = scene.cart
    if not cart.open or not said.quantity:
        return False
    cart.open[0].quantity, cart.open[0].asks_quantity = said.quantity, False
    go_on(scene)
    return True


def answer_name(scene: Scene, said: Understood) -> bool:
    text = scene.turn.heard.strip()
    if said.intent not in ("other", "greeting", "thanks") or not _is_name(text) or len(text) > 60:
        return _more(scene, said)
    scene.cart.tell("name", " ".join(text.split()), scene.source(0, len(scene.turn.heard)))
    go_on(scene)
    return True


def answer_phone(scene: Scene, said: Understood) -> bool:
    if any(entity.kind == "phone" for entity in said.entities):
        return _more(scene, said)
    typed = "".join(c for c in scene.turn.heard if c.isdigit())
    if len(typed) >= 8:
        number = customers.read_phone(scene.turn.heard, scene.channel.country)
        if number.e164:
            scene.cart.tell("phone", number.e164, scene.source(0, len(scene.turn.heard)))
            go_on(scene)
            return True
    if typed or said.intent == "other":
        example = EXAMPLES.get(scene.channel.country, EXAMPLES["MA"])
        scene.ask("phone", "bad_phone", example=example)
        scene.did("asked_phone", again=True)
        return True
    return False


def answer_city(scene: Scene, said: Understood) -> bool:
    if said.city:
        return _more(scene, said)
    text = scene.turn.heard.strip()
    # A place no list of ours has is a place all the same.
    if said.intent == "other" and 2 < len(text) <= 40 and len(text.split()) <= 4:
        scene.cart.tell("city", text, scene.source(0, len(scene.turn.heard)))
        go_on(scene)
        return True
    return False


def answer_address(scene: Scene, said: Understood) -> bool:
    """Whatever is typed now is where the parcel goes, unless it plainly is something else."""
    text = " ".join(scene.turn.heard.split())
    plainly = ("human", "complaint", "cancel", "refuse", "where_is_my_order", "change_order")
    if said.intent in plainly or len(text) < LEAST_ADDRESS:
        return False
    if said.intent in ("price", "delivery_cost", "delivery_time", "availability"):
        return False
    scene.cart.tell("address", text[:300], scene.source(0, len(scene.turn.heard)))
    scene.cart.known = "no"
    if said.city and not scene.cart.city:
        scene.cart.tell("city", said.city)
    go_on(scene)
    return True


def answer_known_address(scene: Scene, said: Understood) -> bool:
    if said.intent == "confirm" or _is_yes(said):
        same_address(scene)
        return True
    if said.intent in ("refuse", "cancel") and not said.lines:
        other_address(scene)
        return True
    if any(entity.kind == "address" for entity in said.entities) or said.city:
        return _more(scene, said)
    if said.intent == "other" and len(scene.turn.heard.split()) >= 3:
        return answer_address(scene, said)
    return False


def _is_yes(said: Understood) -> bool:
    return said.rule.startswith("yes")


def answer_summary(scene: Scene, said: Understood) -> bool:
    """The whole order was shown: yes, no, or what shall be different."""
    if said.intent == "confirm":
        confirm(scene)
    elif said.intent in ("refuse", "cancel"):
        drop(scene)
    elif said.intent == "later":
        postpone(scene)
    elif _change(scene, said):
        go_on(scene)
    else:
        return False
    return True


def _change(scene: Scene, said: Understood) -> bool:
    """ "3 au lieu de 2", "sans la ceinture", "le noir", another city: the cart follows."""
    cart = scene.cart
    changed = _remove(scene, said)
    if said.lines or said.missing:
        changed |= take_in(scene, said)
    elif said.quantity and len(cart.lines) == 1:
        cart.lines[0].quantity = said.quantity
        changed = True
    elif _change_option(scene, said):
        changed = True
    return _take_person(scene, said) or changed


def _remove(scene: Scene, said: Understood) -> bool:
    found = browsing.named(said.removed)
    changed = False
    for name, one in found.items():
        ids = {str(offer.variant.id) for offer in one.offers}
        if scene.cart.drop(ids):
            scene.note("removed", name=name)
            changed = True
        scene.cart.open = [o for o in scene.cart.open if o.product != str(one.product.id)]
    return changed


def _change_option(scene: Scene, said: Understood) -> bool:
    """ "en noir": of the only line, the version that differs in just that."""
    if len(scene.cart.lines) != 1:
        return False
    line = scene.cart.lines[0]
    current = (
        db.session()
        .scalars(
            select(Variant)
            .join(Variant.product)
            .options(contains_eager(Variant.product))
            .where(Variant.id == UUID(line.variant))
        )
        .first()
    )
    if current is None:
        return False
    found = catalog.offered([current.product_id])[current.product_id]
    chosen = _chosen(said, found)
    wanted = {name: str(value) for name, value in current.options.items()} | chosen
    fits = [o for o in found.offers if {n: str(v) for n, v in o.variant.options.items()} == wanted]
    if not chosen or len(fits) != 1:
        return False
    line.variant = str(fits[0].variant.id)
    if said.quantity:
        line.quantity = said.quantity
    return True


def _more(scene: Scene, said: Understood) -> bool:
    """Whatever the sentence says of the order, asked or not."""
    if said.intent == "change_order" or said.removed:
        if _change(scene, said):
            go_on(scene)
            return True
        return False
    if said.intent in ("price", "availability", "delivery_cost", "delivery_time"):
        return False
    if take_in(scene, said):
        go_on(scene)
        return True
    return False


# --- taps -----------------------------------------------------------------------------------------


def begin_with(scene: Scene, product_id: UUID) -> None:
    """A product was chosen from a list: which version, and how many?"""
    product = (
        db.session()
        .scalars(select(Product).where(Product.id == product_id, Product.active))
        .first()
    )
    if product is None:
        browsing.show_products(scene, "not_sold")
        return
    cart = scene.cart
    cart.open = [one for one in cart.open if one.product != str(product_id)]
    cart.open.insert(0, Open(str(product_id), 1, asks_quantity=True))
    go_on(scene)


def choose_variant(scene: Scene, variant_id: UUID) -> None:
    cart = scene.cart
    found = _found([str(variant_id)]).get(str(variant_id))
    if found is None:
        go_on(scene)
        return
    variant = found[0]
    own = next((one for one in cart.open if one.product == str(variant.product_id)), None)
    if own is None:
        own = Open(str(variant.product_id), 1, asks_quantity=True)
        cart.open.insert(0, own)
    own.options = {name: str(value) for name, value in variant.options.items()}
    go_on(scene)


def choose_option(scene: Scene, argument: str) -> None:
    name, _, value = argument.partition("=")
    if scene.cart.open:
        scene.cart.open[0].options[name] = value
    go_on(scene)


def choose_quantity(scene: Scene, argument: str) -> None:
    if scene.cart.open and argument.isdecimal() and 1 <= int(argument) <= BUTTONS:
        scene.cart.open[0].quantity = int(argument)
        scene.cart.open[0].asks_quantity = False
    go_on(scene)


def same_address(scene: Scene) -> None:
    known = _last_address(scene)
    if known is not None:
        scene.cart.tell("address", known.line)
        scene.cart.tell("city", known.city)
    scene.cart.known = "no"
    go_on(scene)


def other_address(scene: Scene) -> None:
    scene.cart.known = "no"
    scene.cart.tell("city", "")
    scene.cart.tell("address", "")
    go_on(scene)


def change(scene: Scene) -> None:
    scene.ask("changing", "what_to_change")
    scene.did("asked_change")


def take_up_draft(scene: Scene) -> bool:
    """What waits for an agent is the customer's to change until somebody looked; whether any."""
    draft = drafts.waiting(scene.conversation) if scene.cart.empty else None
    if draft is None:
        return False
    scene.keep(cart=draft.cart)
    scene.__dict__.pop("cart", None)
    return True


def drop(scene: Scene) -> None:
    scene.drop_cart()
    drafts.withdraw(scene.conversation)
    scene.tell("cart_dropped")
    scene.did("dropped")


def postpone(scene: Scene) -> None:
    """Not now: the order stays as it is for a day, and a colleague knows when to call."""
    leave(scene, "later", key="later_call")


def tapped_confirm(scene: Scene, argument: str) -> None:
    """The button below a summary: only of the one that is still true."""
    if scene.talk.step != "summary" or argument != stamp(scene):
        if scene.cart.empty:
            browsing.show_menu(scene)
        else:
            go_on(scene)
        return
    confirm(scene)


def confirm(scene: Scene) -> None:
    """What was shown is ordered, or waits for an agent; what changed meanwhile is shown again."""
    _check_goods(scene)
    if scene.notes:
        go_on(scene)
        return
    if scene.bot.order_rule == "order":
        _place(scene)
    else:
        _draft(scene)


def _draft(scene: Scene) -> None:
    total = scene.amount(int(scene.talk.facts.get("total", 0)))
    drafts.keep(scene.conversation, scene.cart)
    name = scene.cart.name
    scene.drop_cart()
    scene.tell("drafted", name=name, total=total)
    scene.calls = "draft"
    scene.did("drafted")


def _place(scene: Scene) -> None:
    # The same cart confirmed twice is one order.
    form = drafts.form_of(scene.cart, UUID(scene.talk.facts["key"]), scene.channel.country)
    try:
        with db.savepoint():
            made = orders.create(form, by=None, conversation=scene.conversation)
    except Refused as no:
        drafts.keep(scene.conversation, scene.cart)
        scene.drop_cart()
        leave(scene, "refused", key="not_orderable")
        scene.did("handed_over", why="refused", code=no.code)
        return
    scene.drop_cart()
    due = scene.amount(made.amount_due.minor)
    scene.tell("ordered", name=scene.first_name or made.ship_name, number=made.number, total=due)
    scene.turn.order_id = made.id
    scene.did("ordered", number=made.number)


# --- what WhatsApp itself brings ------------------------------------------------------------------


def take_cart(scene: Scene, message: Message) -> None:
    """A cart of WhatsApp: its items at the prices it showed; what is not sold is said."""
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
        scene.cart.put(variant.id, _count(item.get("quantity")), Source(str(message.id), 0, 0, ""))
        scene.cart.lines[-1].price = _minor(scene, item)
    if unknown:
        scene.note("unknown_items", items=", ".join(unknown[:5]))
    if scene.bot.order_rule == "none":
        leave(scene, "order")
        return
    go_on(scene)


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
        return round(float(str(item.get("item_price"))) * 10 ** exponent(scene.merchant.currency))
    except (ValueError, OverflowError):
        return None


def take_place(scene: Scene, message: Message) -> bool:
    """A shared location is the address, while an address is asked for."""
    if scene.talk.step not in ("address", "known_address", "city", "summary", "changing"):
        return False
    body = message.payload.get("body") or {}
    told = [str(body.get(name) or "") for name in ("name", "address")]
    pin = f"{body.get('latitude')}, {body.get('longitude')}"
    line = ", ".join(dict.fromkeys(part for part in told if part)) or "📍"
    scene.cart.tell("address", f"{line} ({pin})"[:300], Source(str(message.id), 0, 0, pin))
    scene.cart.known = "no"
    place = next((p for p in map(_city_in, told) if p), None)
    if place and not scene.cart.city:
        scene.cart.tell("city", place)
    go_on(scene)
    return True


def _city_in(text: str) -> str | None:
    for part in reversed(text.split(",")):
        for country in places.COUNTRIES:
            if place := places.find(part.strip(), country):
                return place.name
    return None


def ended_by_time(scene: Scene) -> None:
    """An order that was not finished for a day is put aside, and said to be."""
    scene.drop_cart()
    scene.note("cart_over")


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

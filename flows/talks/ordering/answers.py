"""Answers to what was asked of an order; False: it was none, the sentence stands by itself."""

from __future__ import annotations

from uuid import UUID

from flows import catalog, customers
from flows.catalog import Found
from flows.talks.ordering.missing import go_on, is_name
from flows.talks.ordering.placing import confirm, drop, postpone
from flows.talks.ordering.said import change_cart, chosen_options, take_in, take_person
from flows.talks.ordering.taps import other_address, same_address
from flows.talks.scene import Scene
from flows.understanding import Understood

EXAMPLES = {"MA": "0612345678", "DZ": "0551234567"}
LEAST_ADDRESS = 4
"""Letters of an address; less is a slip of the thumb."""


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
    chosen = chosen_options(said, found) or _said_options(scene.turn.heard, found)
    if not chosen:
        return False
    first.options |= chosen
    if said.quantity:
        first.quantity = said.quantity
    take_person(scene, said)
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
    if said.intent not in ("other", "greeting", "thanks") or not is_name(text) or len(text) > 60:
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
    elif change_cart(scene, said):
        go_on(scene)
    else:
        return False
    return True


def _more(scene: Scene, said: Understood) -> bool:
    """Whatever the sentence says of the order, asked or not."""
    if said.intent == "change_order" or said.removed:
        if change_cart(scene, said):
            go_on(scene)
            return True
        return False
    if said.intent in ("price", "availability", "delivery_cost", "delivery_time"):
        return False
    if take_in(scene, said):
        go_on(scene)
        return True
    return False

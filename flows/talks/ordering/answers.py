"""Answers to what was asked of an order; False: it was none, the sentence stands by itself."""

from __future__ import annotations

from uuid import UUID

from flows import catalog, customers
from flows.catalog import Found
from flows.talks.ordering.missing import go_on, is_name
from flows.talks.ordering.placing import confirm, drop, postpone
from flows.talks.ordering.said import change_cart, chosen_options, take_in, take_name, take_person
from flows.talks.ordering.taps import (
    begin_with,
    choose_variant,
    other_address,
    same_address,
)
from flows.talks.scene import Scene
from flows.understanding import Understood
from models.search import words

EXAMPLES = {"MA": "0612345678", "DZ": "0551234567"}
NO_ADDRESS = (
    *("human", "complaint", "confirm", "refuse", "cancel", "greeting", "thanks"),
    *("where_is_my_order", "change_order", "price", "availability"),
    *("delivery_cost", "delivery_time"),
)
"""Whoever says this while an address is asked says something else."""
DIGITS = 5
"""From so many on what is typed was meant to be a phone number."""
UNKNOWING = frozenset(
    words("sais connais know ma3rftch ma3reftch 3raft 3aref 3afak اعرف عارف عرفت")
)
"""Whoever says one of these tells no address."""
LEAST_ADDRESS = 4
"""Letters of an address; less is a slip of the thumb."""


def answer_offer(scene: Scene, said: Understood) -> bool:
    """ "Souhaitez-vous le commander ?": yes, or so many of it."""
    yes = said.intent == "confirm" or _is_yes(said)
    if not yes and not (said.intent in ("order", "other") and said.quantity):
        return False
    if said.lines or said.missing:
        return False
    offered, meant = (scene.talk.facts.get(name) for name in ("offered", "meant"))
    if meant:
        choose_variant(scene, UUID(meant), quantity=said.quantity)
    elif offered:
        begin_with(scene, UUID(offered), quantity=said.quantity)
    else:
        go_on(scene)
    return True


def answer_product(scene: Scene, said: Understood) -> bool:
    return _more(scene, said)


def answer_variant(scene: Scene, said: Understood) -> bool:
    """ "le noir", "taille M", "42": options of the product that is asked about; or what else is
    told of the order meanwhile."""
    if not scene.cart.open:
        return False
    first = scene.cart.open[0]
    found = catalog.offered([UUID(first.product)]).get(UUID(first.product))
    skus = {line.sku for line in said.lines}
    if found is None or any(offer.variant.sku in skus for offer in found.offers):
        return _more(scene, said)
    chosen = chosen_options(said, found) | options_typed(scene.turn.heard, found)
    if not chosen and not said.quantity:
        return _more(scene, said)
    first.options |= chosen
    if said.quantity and str(said.quantity) not in chosen.values():
        first.quantity, first.asks_quantity = said.quantity, False
    take_person(scene, said)
    go_on(scene)
    return True


def options_typed(text: str, found: Found) -> dict[str, str]:
    """Options of which exactly one value was typed, letter by letter."""
    typed = f" {' '.join(words(text))} "
    values: dict[str, set[str]] = {}
    for offer in found.offers:
        for name, value in offer.variant.options.items():
            if f" {' '.join(words(str(value)))} " in typed:
                values.setdefault(name, set()).add(str(value))
    return {name: said.pop() for name, said in values.items() if len(said) == 1}


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
    typed = sum(c.isdigit() for c in scene.turn.heard)
    number = customers.read_phone(scene.turn.heard, scene.channel.country)
    if typed >= 8 and number.e164:
        scene.cart.tell("phone", number.e164, scene.source(0, len(scene.turn.heard)))
        go_on(scene)
        return True
    if typed < DIGITS:
        return _more(scene, said)
    example = EXAMPLES.get(scene.channel.country, EXAMPLES["MA"])
    scene.ask("phone", "bad_phone", example=example)
    scene.did("asked_phone", again=True)
    return True


def answer_city(scene: Scene, said: Understood) -> bool:
    if said.city or said.products:
        return _more(scene, said)
    if said.quantity and len(scene.cart.lines) == 1:
        scene.cart.lines[0].quantity = said.quantity
        go_on(scene)
        return True
    text = scene.turn.heard.strip()
    if any(c.isdigit() for c in text) and _is_place(text, said):
        return answer_address(scene, said)  # the street first; the city is asked again
    # A place no list of ours has is a place all the same.
    if said.intent == "other" and 2 < len(text) <= 40 and len(text.split()) <= 4:
        scene.cart.tell("city", text, scene.source(0, len(scene.turn.heard)))
        go_on(scene)
        return True
    return False


def answer_address(scene: Scene, said: Understood) -> bool:
    """Whatever is typed now is where the parcel goes, unless it plainly is something else."""
    text = " ".join(scene.turn.heard.split())
    if said.intent in NO_ADDRESS or _is_yes(said) or len(text) < LEAST_ADDRESS:
        return False
    if text.endswith(("?", "؟")) or not _is_place(text, said):
        return False
    scene.cart.tell("address", text[:300], scene.source(0, len(scene.turn.heard)))
    scene.cart.known = "no"
    if said.city and not scene.cart.city:
        scene.cart.tell("city", said.city)
    go_on(scene)
    return True


def _is_place(text: str, said: Understood) -> bool:
    """Whether this can be where somebody lives: not "je sais pas", not "demain je vous dis"."""
    kinds = {entity.kind for entity in said.entities}
    if "address" in kinds or any(character.isdigit() for character in text):
        return True
    return "time" not in kinds and not UNKNOWING & set(words(text)) and len(text.split()) >= 2


def answer_known_address(scene: Scene, said: Understood) -> bool:
    if said.intent == "confirm" or _is_yes(said):
        same_address(scene)
        return True
    refused = said.intent == "refuse" and not said.lines
    if any(entity.kind == "address" for entity in said.entities) or said.city:
        scene.cart.known = "no" if refused else scene.cart.known
        return _more(scene, said)
    if refused:
        other_address(scene)
        return True
    if said.intent == "other" and len(scene.turn.heard.split()) >= 3:
        return answer_address(scene, said)
    return False


def _is_yes(said: Understood) -> bool:
    return said.rule == "yes"


def answer_summary(scene: Scene, said: Understood) -> bool:
    """The whole order was shown: yes, no, or what shall be different."""
    if not said.products and take_name(scene):
        go_on(scene)
    elif said.intent == "confirm" and scene.talk.step == "changing":
        go_on(scene)  # nothing was changed yet: shown again, not ordered
    elif said.intent == "confirm":
        confirm(scene)
    elif said.intent in ("refuse", "cancel"):
        refuse(scene, said)
    elif said.intent == "later":
        postpone(scene)
    elif change_cart(scene, said):
        go_on(scene)
    else:
        return False
    return True


def refuse(scene: Scene, said: Understood) -> None:
    """The order is dropped; of one that holds more than they name only that is taken out."""
    if not said.products or len(scene.cart.lines) + len(scene.cart.open) < 2:
        drop(scene)
        return
    if not change_cart(scene, said):
        scene.note("sorry")
    go_on(scene)


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

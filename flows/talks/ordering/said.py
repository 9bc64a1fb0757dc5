"""What a sentence says of an order goes into the cart, or changes what is there."""

from __future__ import annotations

import re
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from flows import catalog
from flows.catalog import Found
from flows.talks import browsing
from flows.talks.cart import Open, Source
from flows.talks.ordering.missing import same_city
from flows.talks.ordering.names import name_in
from flows.talks.scene import Scene
from flows.understanding import Understood
from models import db
from models.catalog import Variant
from models.search import words

BESIDE = ("quantity", "variant")
ADDING = frozenset(
    words(
        "aussi ajoute ajoutez ajouter rajoute rajoutez encore zid zidni zidou zido 7ta kaman"
        " also add another أضف زيد زيدني زيدو كذلك ايضا كمان حتى"
    )
)
"""Words by which something comes on top, not in the place of what is there."""
ON_TOP = re.compile(r"(?<!rien )\b(?:de|en) plus\b|\btoo$")
"""The same in two words, or at the end: "2 de plus"; not "rien de plus", not "too many"."""


def take_in(scene: Scene, said: Understood) -> bool:
    """Everything the sentence says of an order is in the cart; whether there was anything."""
    told = _take_lines(scene, said)
    told |= _take_open(scene, said)
    return take_person(scene, said) or told


def _take_lines(scene: Scene, said: Understood) -> bool:
    variants = browsing.variants_of([line.sku for line in said.lines])
    swapped = said.intent == "change_order" or scene.talk.step in ("summary", "changing")
    adds = _adds(scene)
    for line in said.lines:
        variant = variants.get(line.sku)
        if variant is None:
            continue
        if swapped and not adds:
            _swap(scene, variant, {one.sku for one in said.lines})
        source = _where(scene, said, line.name)
        scene.cart.put(variant.id, line.quantity, source, more=adds)
        product = str(variant.product_id)
        scene.cart.open = [one for one in scene.cart.open if one.product != product]
    return bool(said.lines)


def _adds(scene: Scene) -> bool:
    """Whether what they name is wanted on top of what the cart holds."""
    told = words(scene.turn.heard)
    return bool(ADDING & set(told) or ON_TOP.search(" ".join(told)))


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
    taken, adds = False, _adds(scene)
    for name, one in found.items():
        if not adds and _is_in_cart(scene, said, one):
            taken = True
            continue
        if name in ordered or any(
            open_.product == str(one.product.id) for open_ in scene.cart.open
        ):
            continue
        quantity = said.quantities.get(name, 1)
        options = chosen_options(said, one)
        scene.cart.open.append(
            Open(
                str(one.product.id),
                quantity,
                options,
                more=adds,
                source=_where(scene, said, name),
            )
        )
        taken = True
    return taken


def _is_in_cart(scene: Scene, said: Understood, found: Found) -> bool:
    """ "3 ceintures": of the one version that is in the cart already, which then are so many."""
    ids = {str(offer.variant.id) for offer in found.offers}
    there = [line for line in scene.cart.lines if line.variant in ids]
    if len(there) != 1 or chosen_options(said, found):
        return False
    if any(entity.kind == "quantity" for entity in said.entities):  # not "un sac"
        there[0].quantity = said.quantities.get(found.product.name, there[0].quantity)
    return True


def chosen_options(said: Understood, found: Found) -> dict[str, str]:
    """The options that were named, where the product has them."""
    return dict(named_options(said, found))


def named_options(said: Understood, found: Found) -> list[tuple[str, str]]:
    """Each option of the product that was named, wanted or not."""
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
    return [pair for pair in named if pair in known]


def _where(scene: Scene, said: Understood, product: str) -> Source | None:
    """Where the product was named, with the number before it and the version right beside it."""
    found = sorted(said.entities, key=lambda entity: entity.start)
    named = next((e for e in found if (e.kind, e.value) == ("product", product)), None)
    if named is None:
        return None
    start, end = named.start, named.end
    for before in reversed([e for e in found if e.end <= start and e.kind in BESIDE]):
        if not _touch(scene, before.end, start):
            break
        start = before.start
        if before.kind == "quantity":
            break
    for after in [e for e in found if e.start >= end and e.kind == "variant"]:
        if _touch(scene, end, after.start):
            end = after.end
    return scene.source(start, end)


def _touch(scene: Scene, end: int, start: int) -> bool:
    return scene.turn.heard[end:start] in ("", " ")


def take_name(scene: Scene) -> bool:
    """Whether somebody said whose name stands on the parcel."""
    found = name_in(scene.turn.heard)
    if found is not None:
        scene.cart.tell("name", found[0], scene.source(found[1], found[2]))
    return found is not None


def take_person(scene: Scene, said: Understood) -> bool:
    told = take_name(scene)
    for entity in said.entities:
        if entity.kind in ("phone", "address") and entity.value:
            source = scene.source(entity.start, entity.end)
            scene.cart.tell(entity.kind, entity.value, source)
            scene.cart.known = "no" if entity.kind == "address" else scene.cart.known
            told = True
    if said.city:
        where = next((e for e in said.entities if e.kind == "city"), None)
        source = scene.source(where.start, where.end) if where else None
        if scene.cart.city and not same_city(scene, scene.cart.city, said.city):
            scene.cart.known = ""
            if not any(entity.kind == "address" for entity in said.entities):
                scene.cart.tell("address", "")  # it was in the other city
        scene.cart.tell("city", said.city, source)
        told = True
    return told


# --- changes --------------------------------------------------------------------------------------


def change_cart(scene: Scene, said: Understood) -> bool:
    """ "3 au lieu de 2", "sans la ceinture", "le noir", another city: the cart follows."""
    cart = scene.cart
    changed = _remove(scene, said)
    if said.lines or said.missing:
        changed |= take_in(scene, said)
    elif _change_option(scene, said):
        changed = True
    elif said.quantity and len(cart.lines) == 1:
        line = cart.lines[0]
        cart.put(UUID(line.variant), said.quantity, more=_adds(scene))
        changed = True
    return take_person(scene, said) or changed


def _remove(scene: Scene, said: Understood) -> bool:
    found = browsing.named(said.removed)
    changed = False
    for name, one in found.items():
        ids = {str(offer.variant.id) for offer in one.offers}
        kept = [o for o in scene.cart.open if o.product != str(one.product.id)]
        if scene.cart.drop(ids) or len(kept) < len(scene.cart.open):
            scene.note("removed", name=name)
            changed = True
        scene.cart.open = kept
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
    there = {name: str(value) for name, value in current.options.items()}
    # "le noir, pas le rouge": what it is already is not what is wanted.
    chosen = dict(pair for pair in named_options(said, found) if there.get(pair[0]) != pair[1])
    wanted = there | chosen
    fits = [o for o in found.offers if {n: str(v) for n, v in o.variant.options.items()} == wanted]
    if not chosen or len(fits) != 1:
        return False
    line.variant = str(fits[0].variant.id)
    if said.quantity and said.quantity > 1:  # "the black one"
        line.quantity = said.quantity
    return True

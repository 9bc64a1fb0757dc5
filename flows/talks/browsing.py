"""The catalogue on a phone: lists with prices, a picture, what can be chosen of a product."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from flows import catalog
from flows.catalog import Found, Offer
from flows.messages import interactives
from flows.talks.scene import ROWS, Scene, payload
from models import db
from models.catalog import Product, Variant
from models.message import Media

MENU = ("order", "catalogue", "parcel", "questions", "human")
"""What the menu may hold, in the order it is usually in."""
PAGE = ROWS - 1
"""The last row of a full list leads on."""


def greet(scene: Scene) -> None:
    if scene.notes or scene.turn.step:
        show_menu(scene, "menu_again")
        return
    show_menu(scene, "greeting", name=scene.first_name, shop=scene.merchant.name)


def show_menu(scene: Scene, key: str = "menu_again", **facts: str) -> None:
    shown = [item for item in scene.bot.menu or MENU if item in MENU]
    if scene.bot.order_rule == "none":
        shown = [item for item in shown if item != "order"]
    reply = scene.tell(key, **facts)
    reply.buttons = {payload("menu", item): scene.words(f"menu_{item}") for item in shown}
    reply.opens = scene.words("menu_button")
    scene.did("menu")


def show_products(scene: Scene, key: str = "catalogue", *, start: int = 0) -> None:
    """Products with their prices; `start` is the place of the first one."""
    found = _products(start, ROWS + 1)
    if not found:
        scene.tell("catalogue_empty")
        scene.did("catalogue")
        return
    more = len(found) > ROWS
    shown = found[:PAGE] if more else found
    reply = scene.tell(key)
    reply.buttons = {payload("product", product.id): product.name for product in shown}
    reply.details = {payload("product", p.id): price_range(scene, p) for p in shown}
    if more:
        reply.buttons |= {payload("more", start + PAGE): scene.words("catalogue_more")}
    reply.opens = scene.words("catalogue_button")
    scene.did("catalogue", start=start)


def _products(start: int, count: int) -> Sequence[Product]:
    wanted = select(Product).where(Product.active).order_by(Product.name, Product.id)
    wanted = wanted.offset(start).limit(count).options(selectinload(Product.variants))
    return db.session().scalars(wanted).all()


def price_range(scene: Scene, product: Product) -> str:
    prices = sorted({variant.unit_price for variant in product.variants} or {product.price})
    return " – ".join(scene.amount(price) for price in dict.fromkeys((prices[0], prices[-1])))


def show_product(scene: Scene, product_id: UUID) -> None:
    """A product with its picture, its price, and a button that orders it."""
    found = catalog.offered([product_id]).get(product_id)
    if found is None or not found.product.active:
        show_products(scene, "not_sold")
        return
    product = found.product
    reply = scene.tell("product", name=product.name, price=price_range(scene, product))
    told = told_options(found.offers)
    if told:
        reply.text += "\n" + scene.words("product_options", options=told)
    scene.did("product", product=product.name)
    if not any(has_some(offer) for offer in found.offers):
        scene.note("not_available", name=product.name)
    if scene.bot.catalogue_id:
        reply.body = interactives.product(scene.bot.catalogue_id, product.sku)
        return
    if product.picture_id is not None:
        reply.picture = db.session().get_one(Media, (product.merchant_id, product.picture_id))
    orders = scene.bot.order_rule != "none"
    reply.buttons = {payload("order", product.id): scene.words("order_this")} if orders else {}
    reply.buttons = dict(reply.buttons) | {
        payload("menu", "catalogue"): scene.words("menu_catalogue")
    }


def told_options(offers: Sequence[Offer]) -> str:
    """ "couleur : Noir, Marron · taille : M, L": what there is, of what is there."""
    values: dict[str, dict[str, None]] = {}
    for offer in offers:
        for name, value in offer.variant.options.items():
            values.setdefault(name, {}).setdefault(str(value))
    return " · ".join(f"{name} : {', '.join(said)}" for name, said in values.items())


def has_some(offer: Offer, quantity: int = 1) -> bool:
    return offer.left is None or offer.left >= quantity


def variants_of(skus: Sequence[str]) -> dict[str, Variant]:
    """By the reference as it is written."""
    wanted = select(Variant).join(Variant.product).where(Variant.sku.in_(skus), Product.active)
    return {variant.sku: variant for variant in db.session().scalars(wanted)} if skus else {}


def named(names: Sequence[str]) -> dict[str, Found]:
    """The products on sale with these names, with what is left of each version."""
    if not names:
        return {}
    ids = db.session().scalars(select(Product.id).where(Product.name.in_(names), Product.active))
    return {found.product.name: found for found in catalog.offered(ids.all()).values()}


def by_product(variants: Sequence[Variant]) -> list[list[Variant]]:
    return [list(some) for _, some in groupby(variants, key=lambda variant: variant.product_id)]

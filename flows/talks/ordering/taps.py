"""What was tapped while an order is put together."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from flows.talks import browsing
from flows.talks.cart import Open
from flows.talks.leaving import leave
from flows.talks.ordering.missing import go_on, last_address, on_sale, stamp
from flows.talks.ordering.placing import confirm, take_up_draft
from flows.talks.scene import BUTTONS, Scene
from models import db
from models.catalog import Product


def begin_with(scene: Scene, product_id: UUID, quantity: int | None = None) -> None:
    """A product was chosen from a list: which version, and how many, unless that was said?"""
    product = (
        db.session()
        .scalars(select(Product).where(Product.id == product_id, Product.active))
        .first()
    )
    if product is None:
        browsing.show_products(scene, "not_sold")
        return
    if scene.bot.order_rule == "none":
        leave(scene, "order")
        return
    take_up_draft(scene)
    cart = scene.cart
    cart.open = [one for one in cart.open if one.product != str(product_id)]
    cart.open.insert(0, Open(str(product_id), quantity or 1, asks_quantity=quantity is None))
    go_on(scene)


def choose_variant(scene: Scene, variant_id: UUID, quantity: int | None = None) -> None:
    cart = scene.cart
    found = on_sale([str(variant_id)]).get(str(variant_id))
    if found is None:
        go_on(scene)
        return
    variant = found[0]
    own = next((one for one in cart.open if one.product == str(variant.product_id)), None)
    if own is None:
        own = Open(str(variant.product_id), 1, asks_quantity=True)
        cart.open.insert(0, own)
    if quantity is not None:
        own.quantity, own.asks_quantity = quantity, False
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
    known = last_address(scene)
    if known is not None:
        scene.cart.tell("address", known.line)
        scene.cart.tell("city", known.city)
    scene.cart.known = "no"
    go_on(scene)


def other_address(scene: Scene) -> None:
    scene.cart.known = "no"
    if "city" not in scene.cart.sources:  # one they named themselves stays
        scene.cart.tell("city", "")
    scene.cart.tell("address", "")
    go_on(scene)


def change(scene: Scene) -> None:
    if scene.cart.empty and not take_up_draft(scene):
        browsing.show_menu(scene)
        return
    scene.ask("changing", "what_to_change")
    scene.did("asked_change")


def asked_what(scene: Scene) -> bool:
    """Something shall be different and it is not clear what: asked, unless it just was."""
    if scene.talk.step == "changing":
        return False
    change(scene)
    return True


def tapped_confirm(scene: Scene, argument: str) -> None:
    """The button below a summary: only of the one that is still true."""
    if scene.turn.did in ("ordered", "drafted"):
        return  # by what was heard just before
    if scene.talk.step != "summary" or argument != stamp(scene):
        if scene.cart.empty:
            browsing.show_menu(scene)
        else:
            go_on(scene)
        return
    confirm(scene)

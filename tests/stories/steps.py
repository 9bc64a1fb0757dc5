"""Steps of the stories: what customers, agents and time do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from bot.simulator import Simulator
from flows import invariants, orders
from flows.customers import Number
from flows.orders import NewLine, NewOrder
from models import db
from models.catalog import Product
from models.conversation import Conversation
from models.merchant import Merchant
from tests import factories

Work = Callable[[], None]


def settle(simulator: Simulator, work: Work) -> None:
    """Webhooks and workers until nothing moves any more."""
    for _ in range(20):
        work()
        if not simulator.deliver():
            return
    raise AssertionError("it never gets quiet")


def broken() -> list[str]:
    return [check.name for check in invariants.check() if not check.holds]


def only(kind: type[Any]) -> Any:
    return db.session().scalars(select(kind)).one()


def take_order(shop: Merchant, *, quantity: int = 2, by: str = "confirmation_agent") -> int:
    """The agent makes an order of bags from the only conversation; returns its number."""
    agent = factories.member(shop, by)
    with db.merchant(shop.id):
        bag = db.session().scalars(select(Product).where(Product.sku == "SAC")).one()
        form = NewOrder(
            client_id=uuid4(),
            name="Fatima Zahra El Idrissi",
            phone=Number("0661234567", "+212661234567"),
            address="12 rue Ibn Aïcha, Guéliz",
            city="Marrakech",
            lines=(NewLine(product_id=bag.id, variant_id=bag.variants[0].id, quantity=quantity),),
        )
        return orders.create(form, by=agent, conversation=only(Conversation)).number


def confirmation(simulator: Simulator) -> str:
    """The wamid of the template that has reached Fatima's phone."""
    return simulator.seen(simulator.customer("fatima"))[-1].wamid

"""A lived-in shop: orders of the last weeks, made by the same flows and moved back in time."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from flows import customers, orders, pipeline
from flows.delivery import NewZone, keep
from flows.demo.shops import PAST, ZONES, Shop
from flows.orders import NewLine, NewOrder
from models import db
from models.catalog import Product
from models.order import Order
from models.pipeline import Stage, SystemState
from models.stock import Movement
from models.timeline import By, Entry
from models.types import new_id, utcnow
from models.user import Membership, Role

STEP = timedelta(hours=5)
"""Between two moves of an order."""


def live(shop: Shop, merchant_id: UUID) -> None:
    """The shop has zones, and orders on every stage, the oldest some weeks old."""
    with db.merchant(merchant_id):
        _zones(shop)
        team = {member.role: member for member in db.session().scalars(select(Membership))}
        agent, owner = team.get(Role.AGENT, team[Role.OWNER]), team[Role.OWNER]
        past = PAST.get(shop.name, ())
        made = [_order(shop, *one, agent=agent, owner=owner) for one in past]
        if Role.COURIER in team:
            _hand_to(team[Role.COURIER])
    for order_id, days, hours in made:
        _date_back(merchant_id, order_id, utcnow() - timedelta(days=days, hours=hours))


def _hand_to(courier: Membership) -> None:
    """What has left is the courier's."""
    gone = update(Order).where(Order.shipped_at.is_not(None))
    db.session().execute(gone.values(assignee_id=courier.id))


def _zones(shop: Shop) -> None:
    for name, home, desk, cities in ZONES.get(shop.name, ()):
        keep(NewZone(name=name, home=home, desk=desk, free_above=None, cities=cities, unread={}))


def _order(
    shop: Shop,
    days: float,
    name: str,
    phone: str,
    place: tuple[str, str],
    bought: tuple[tuple[str, int], ...],
    path: str,
    *,
    agent: Membership,
    owner: Membership,
) -> tuple[UUID, int, int]:
    """One order taken by the agent and moved along its path; its id and age (days, hours)."""
    form = NewOrder(
        client_id=new_id(),
        name=name,
        phone=customers.read_phone(phone, shop.country),
        address=place[0],
        city=place[1],
        lines=tuple(_line(reference, quantity) for reference, quantity in bought),
        source="phone",
    )
    order = orders.create(form, by=agent)
    for step in path.split():
        wanted = select(Stage).where(Stage.state == SystemState(step))
        pipeline.move(order, db.session().scalars(wanted).one(), by=By.user(owner))
    db.session().flush()
    return order.id, int(days), int(days % 1 * 24)


def _line(reference: str, quantity: int) -> NewLine:
    product = db.session().scalars(select(Product).where(Product.sku == reference)).one()
    return NewLine(product_id=product.id, variant_id=product.variants[0].id, quantity=quantity)


def _date_back(merchant_id: UUID, order_id: UUID, created: datetime) -> None:
    """Everything about the order happened from `created` on, a step apart."""
    of_order = (Entry.merchant_id == merchant_id) & (Entry.order_id == order_id)
    with db.house() as house:
        entries = house.scalars(select(Entry.id).where(of_order).order_by(Entry.seq)).all()
        moments = [created + STEP * place for place in range(len(entries))]
        for entry_id, at in zip(entries, moments, strict=True):
            house.execute(update(Entry).where(of_order, Entry.id == entry_id).values(at=at))
            house.execute(
                update(Movement)
                .where(Movement.merchant_id == merchant_id, Movement.entry_id == entry_id)
                .values(at=at)
            )
        order = house.get_one(Order, (merchant_id, order_id))
        order.created_at, order.stage_entered_at = created, moments[-1]
        for milestone in ("confirmed_at", "shipped_at", "delivered_at", "call_due_at"):
            if getattr(order, milestone) is not None:
                setattr(order, milestone, moments[-1])

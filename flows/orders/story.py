"""One order and all that happened to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from flows.errors import NotFound
from models import db
from models.message import Message
from models.order import Order, PriceAdjustment
from models.timeline import Entry


def find(number: int) -> Order:
    """The merchant's order of this number with its lines, or NotFound."""
    # Not joined: whoever moves the order locks its row, and PostgreSQL locks no outer join.
    wanted = select(Order).where(Order.number == number).options(selectinload(Order.lines))
    order = db.session().scalars(wanted).first()
    if order is None:
        raise NotFound
    return order


def versions(numbers: Collection[int]) -> dict[int, int]:
    """How often each of these orders has changed, by number."""
    found = select(Order.number, Order.version).where(Order.number.in_(numbers))
    return dict(db.session().execute(found).all())


def timeline(order: Order) -> Sequence[Entry]:
    """Everything that happened to the order, newest first, with who did it."""
    entries = select(Entry).where(Entry.order_id == order.id).order_by(Entry.seq.desc())
    return db.session().scalars(entries.options(joinedload(Entry.member))).all()


def adjustments(order: Order) -> Sequence[PriceAdjustment]:
    """Who changed what the products cost together, oldest first."""
    given = select(PriceAdjustment).where(PriceAdjustment.order_id == order.id)
    given = given.order_by(PriceAdjustment.at).options(joinedload(PriceAdjustment.by))
    return db.session().scalars(given).all()


def said(order: Order) -> Sequence[Message]:
    """The messages about the order, newest first, with who wrote them."""
    messages = select(Message).where(Message.order_id == order.id)
    messages = messages.order_by(Message.at.desc(), Message.seq.desc())
    return db.session().scalars(messages.options(joinedload(Message.sender))).all()

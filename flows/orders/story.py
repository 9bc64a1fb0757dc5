"""One order and all that happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from flows.errors import NotFound
from models import db
from models.cost import Charge
from models.message import Message
from models.order import Order, PriceAdjustment
from models.timeline import Entry


def find(number: int) -> Order:
    """The merchant's order of this number, its customer, stage and lines with it; or NotFound."""
    wanted = (
        select(Order)
        .where(Order.number == number)
        .options(
            joinedload(Order.customer),
            joinedload(Order.stage),
            joinedload(Order.assignee),
            joinedload(Order.conversation),
            selectinload(Order.lines),
        )
    )
    order = db.session().scalars(wanted).first()
    if order is None:
        raise NotFound
    return order


def timeline(order: Order) -> Sequence[Entry]:
    """Everything that happened to the order, newest first, with who did it."""
    entries = select(Entry).where(Entry.order_id == order.id).order_by(Entry.seq.desc())
    return db.session().scalars(entries.options(joinedload(Entry.member))).all()


def adjustments(order: Order) -> Sequence[PriceAdjustment]:
    """Who changed what the products cost together, oldest first."""
    given = select(PriceAdjustment).where(PriceAdjustment.order_id == order.id)
    given = given.order_by(PriceAdjustment.at).options(joinedload(PriceAdjustment.by))
    return db.session().scalars(given).all()


@dataclass(frozen=True, slots=True)
class Said:
    """A message about the order; `charge` is what Meta took for it, once that is known."""

    message: Message
    charge: Charge | None


def said(order: Order) -> Sequence[Said]:
    """The messages that were sent about the order, newest first."""
    messages = (
        select(Message, Charge)
        .outerjoin(Charge, Charge.message_id == Message.id)
        .where(Message.order_id == order.id)
        .order_by(Message.at.desc(), Message.seq.desc())
    )
    return [Said(message, charge) for message, charge in db.session().execute(messages)]

"""Orders and automations under a clock that the test holds; every step in its own transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import time_machine
from sqlalchemy import func, select

from flows import pipeline, runs
from models import db
from models.automation import Run
from models.merchant import Merchant
from models.message import Message, Origin
from models.notification import Notification
from models.order import Order
from models.pipeline import SystemState
from models.timeline import By
from tests.flows import meta, shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 10:00 in Casablanca
HOUR, DAY = 3600, 86_400

Clock = time_machine.Traveller


def enter(merchant: Merchant, *, on: SystemState = TO_CONFIRM, **values: Any) -> UUID:
    """An order of somebody who has just written enters the stage."""
    with db.merchant(merchant.id):
        return shop.order(on=on, talk=shop.conversation(), **values).id


def move(merchant: Merchant, order_id: UUID, to: SystemState, by: By) -> None:
    with db.merchant(merchant.id) as session:
        pipeline.move(session.get_one(Order, (merchant.id, order_id)), shop.stage(to), by=by)


def sent(merchant: Merchant) -> int:
    """How many messages automations have queued, whatever became of them."""
    with db.merchant(merchant.id) as session:
        mine = select(func.count()).where(Message.origin == Origin.AUTOMATION)
        return session.scalar(mine) or 0


def told(merchant: Merchant, order_id: UUID) -> list[str]:
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, order_id))
        return [entry.kind for entry in shop.entries_of(order)]


def facts_of(merchant: Merchant, order_id: UUID, kind: str) -> dict[str, Any]:
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, order_id))
        return shop.entries_of(order, kind)[-1].facts


def rung(merchant: Merchant) -> list[str]:
    with db.merchant(merchant.id) as session:
        return list(session.scalars(select(Notification.kind).order_by(Notification.id)))


def run_now(order_id: UUID) -> Run:
    """The only run about the order, in the session that is open."""
    return db.session().scalars(select(Run).where(Run.order_id == order_id)).one()


def refused(merchant: Merchant, code: int, **values: Any) -> UUID:
    """An order whose question Meta refuses for good."""
    order = enter(merchant, **values)
    meta.refuse(merchant, code)
    runs.go_off(merchant.id)
    return order

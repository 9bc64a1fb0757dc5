"""What stands around an order: its neighbours, its calls, its conversation, what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from flows import live, pipeline
from flows.errors import N_, Refused
from models import db
from models.message import Message
from models.order import CallAttempt, Order
from models.pipeline import Stage
from models.timeline import By, Entry
from models.user import Membership

NEIGHBOURS = 8
LATEST = 5
SETTLED_BY_LOOKING = ("late_tap", "review", "action_failed")
"""Flags that say "look"; the others fall when what they tell of is done."""


def neighbours(order: Order) -> Sequence[Order]:
    """The customer's other orders, newest first."""
    others = select(Order).where(Order.customer_id == order.customer_id, Order.id != order.id)
    others = others.order_by(Order.number.desc()).limit(NEIGHBOURS)
    loaded = others.options(joinedload(Order.stage), selectinload(Order.lines))
    return db.session().scalars(loaded).all()


def calls(order: Order) -> Sequence[CallAttempt]:
    """Who called about the order and how it ended, newest first."""
    attempts = select(CallAttempt).where(CallAttempt.order_id == order.id)
    attempts = attempts.order_by(CallAttempt.at.desc()).options(joinedload(CallAttempt.by))
    return db.session().scalars(attempts).all()


def latest(order: Order) -> list[Message]:
    """The last messages of its conversation, oldest first; of one without, those about it."""
    talk = order.conversation_id
    mine = Message.conversation_id == talk if talk else Message.order_id == order.id
    newest = select(Message).where(mine).order_by(Message.at.desc(), Message.seq.desc())
    loaded = newest.limit(LATEST).options(joinedload(Message.sender))
    return list(reversed(db.session().scalars(loaded).all()))


def wanted_stage(order: Order) -> Stage | None:
    """Where the customer's tap would have taken the order, had there been stock."""
    if "stock_blocked" not in order.flags:
        return None
    facts = _newest_facts(order, "stock_blocked")
    stages = order.stage.pipeline.stages
    return next((stage for stage in stages if stage.name == facts.get("to")), None)


def settle(order: Order, flag: str, *, by: Membership) -> None:
    """Somebody has looked: the flag falls, and the timeline says who saw it.

    Refuses a flag that falls by itself once what it tells of is done.
    """
    if flag not in SETTLED_BY_LOOKING:
        raise Refused("flag", N_("This mark goes by itself once the matter is settled."))
    pipeline.hold(order)
    if flag not in order.flags:
        return
    order.lower_flag(flag)
    who = By.user(by)
    facts = {"flag": flag}
    entry = Entry(order_id=order.id, kind="seen", actor=who.actor, actor_id=by.id, facts=facts)
    db.session().add(entry)
    live.changed(f"order:{order.number}", f"stage:{order.stage_id}")


def _newest_facts(order: Order, kind: str) -> dict[str, Any]:
    newest = select(Entry.facts).where(Entry.order_id == order.id, Entry.kind == kind)
    return db.session().scalar(newest.order_by(Entry.seq.desc()).limit(1)) or {}

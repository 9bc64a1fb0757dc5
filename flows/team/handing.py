"""Somebody goes, their work stays: all their open orders and conversations to one colleague (R14).

However many they are, it takes the same few statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from flows import audit, live
from flows.errors import N_, Refused
from models import db
from models.conversation import Activity, Conversation
from models.order import Order
from models.timeline import Actor, Entry
from models.types import new_id, utcnow
from models.user import Membership

# In the words of ix_orders_open.
_OPEN = text("orders.state NOT IN ('delivered', 'returned', 'cancelled')")


@dataclass(frozen=True, slots=True)
class Holdings:
    """What somebody looks after: open orders, and conversations."""

    orders: int
    conversations: int

    def __bool__(self) -> bool:
        return bool(self.orders or self.conversations)


def holdings(member: Membership) -> Holdings:
    orders = select(func.count()).select_from(Order).where(Order.assignee_id == member.id, _OPEN)
    talks = select(func.count()).select_from(Conversation)
    session = db.session()
    return Holdings(
        session.scalar(orders) or 0,
        session.scalar(talks.where(Conversation.assignee_id == member.id)) or 0,
    )


def hand_over(member: Membership, to: Membership | None, *, by: Membership) -> Holdings:
    """All of it is `to`'s, or nobody's; each order and each conversation says so once.

    Refused when `to` is the same person or cannot come in. What was handed over is answered.
    """
    if to is not None and (to.id == member.id or not to.active):
        raise Refused("no_colleague", N_("Choose a colleague who can sign in."))
    orders = _orders(member, to, by)
    talks = _conversations(member, to, by)
    _stop_calling(member)
    if orders or talks:
        told = {"to_whom": to.name if to else None, "open_orders": orders, "conversations": talks}
        audit.note("team.handed_over", on=member.name, on_id=member.id, after=told)
        live.changed("*")  # too many to name: every screen looks again
    return Holdings(orders, talks)


def _orders(member: Membership, to: Membership | None, by: Membership) -> int:
    """Locked in one order first: a bulk that moves them does the same (pipeline.hold_all)."""
    session = db.session()
    mine = select(Order.id).where(Order.assignee_id == member.id, _OPEN).order_by(Order.id)
    ids = session.scalars(mine.with_for_update(key_share=True)).all()
    if ids:
        those = update(Order).where(Order.id.in_(ids)).values(assignee_id=to.id if to else None)
        session.execute(those.execution_options(synchronize_session=False))
        change: dict[str, Any] = {"field": "assignee", "from": member.name}
        change |= {"to": to.name if to else None}
        change |= {"ids": [str(member.id), str(to.id) if to else ""]}
        _say(Entry, "order_id", ids, "edited", {"changes": [change]}, by, actor=Actor.USER)
    return len(ids)


def _conversations(member: Membership, to: Membership | None, by: Membership) -> int:
    session = db.session()
    mine = select(Conversation.id).where(Conversation.assignee_id == member.id)
    locked = mine.order_by(Conversation.id).with_for_update(key_share=True)
    ids = session.scalars(locked).all()
    if ids:
        those = update(Conversation).where(Conversation.id.in_(ids))
        given = those.values(assignee_id=to.id if to else None)
        session.execute(given.execution_options(synchronize_session=False))
        facts = {"to": to.name if to else None}
        _say(Activity, "conversation_id", ids, "assigned", facts, by)
    return len(ids)


def _say(
    table: type[Entry] | type[Activity],
    column: str,
    ids: Any,
    kind: str,
    facts: dict[str, Any],
    by: Membership,
    **more: Any,
) -> None:
    """One line for each of these rows, in one statement."""
    session = db.session()
    session.execute(
        insert(table),
        [
            {
                "merchant_id": session.merchant_id,
                "id": new_id(),
                column: id_,
                "kind": kind,
                "facts": facts,
                "actor_id": by.id,
                "at": utcnow(),
                **more,
            }
            for id_ in ids
        ],
    )


def _stop_calling(member: Membership) -> None:
    """An order they were about to call is anybody's to call."""
    calling = update(Order).where(Order.caller_id == member.id)
    freed = calling.values(caller_id=None, caller_until=None)
    db.session().execute(freed.execution_options(synchronize_session=False))

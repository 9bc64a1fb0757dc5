"""One person in several merchants: which ones, and where a browser is now."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from flows import audit
from flows.errors import NotFound
from models import db
from models.merchant import Merchant
from models.user import LoginSession, Membership


def merchants_of(user_id: UUID) -> list[tuple[Membership, Merchant]]:
    """Where this person may go in, by the merchant's name."""
    places = (
        select(Membership, Merchant)
        .join(Merchant, Merchant.id == Membership.merchant_id)
        .where(Membership.user_id == user_id, Membership.disabled_at.is_(None))
        .order_by(Merchant.name, Merchant.id)
    )
    with db.house() as house:
        return [(member, merchant) for member, merchant in house.execute(places)]


def switch(session_id: bytes, user_id: UUID, merchant_id: UUID) -> None:
    """From the next request on this browser is in that merchant; NotFound where they are not in."""
    with db.house() as house:
        inside = select(Membership.id).where(
            Membership.user_id == user_id,
            Membership.merchant_id == merchant_id,
            Membership.disabled_at.is_(None),
        )
        if house.scalar(inside) is None:
            raise NotFound
        session = house.get_one(LoginSession, session_id)
        if session.merchant_id != merchant_id:
            session.merchant_id = merchant_id
            audit.note_of(house, user_id, "door.came_over", only=merchant_id)

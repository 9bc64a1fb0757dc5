"""Which roles must have a second step, who has one, and taking it from somebody who lost it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Text, and_, cast, delete, exists, func, select

from flows import audit, turns
from flows.errors import N_, Refused
from flows.security import browsers, second_step
from models import db
from models.security import SecondStepRule, Totp
from models.user import LoginSession, Membership, User


@dataclass(frozen=True, slots=True)
class Guard:
    """How well one member's door is kept."""

    member: Membership
    email: str
    second_step: bool
    browsers: int
    last_seen: datetime | None


def required() -> set[str]:
    """The roles of the current merchant that must have a second step."""
    return set(db.session().scalars(select(SecondStepRule.role)))


def require(roles: Collection[str], *, by: Membership) -> None:
    """Who has one of these roles, and no second step, is led to set one up before anything else;
    on their next request."""
    turns.take()
    session, before = db.session(), required()
    wanted = set(roles)
    session.execute(delete(SecondStepRule).where(SecondStepRule.role.in_(before - wanted)))
    session.add_all(SecondStepRule(role=role, by_id=by.id) for role in wanted - before)
    audit.changed("security.required", {"roles": sorted(before)}, {"roles": sorted(wanted)})


def owes() -> ColumnElement[bool]:
    """Of a query over Membership: the role must have a second step, and this person has none."""
    rule = exists().where(
        SecondStepRule.merchant_id == Membership.merchant_id,
        SecondStepRule.role == cast(Membership.role, Text),
    )
    has = exists().where(Totp.user_id == Membership.user_id, Totp.confirmed_at.isnot(None))
    return and_(rule, ~has)


def guards() -> list[Guard]:
    """The current merchant's team by name, each with what guards them; one query."""
    merchant_id = db.session().merchant_id
    has = exists().where(Totp.user_id == Membership.user_id, Totp.confirmed_at.isnot(None))
    seen = (
        select(
            LoginSession.user_id,
            func.count().label("count"),
            func.max(LoginSession.last_seen_at).label("last"),
        )
        .where(LoginSession.merchant_id == merchant_id, browsers.still_open())
        .group_by(LoginSession.user_id)
        .subquery()
    )
    team = (
        select(Membership, User.email, has, func.coalesce(seen.c.count, 0), seen.c.last)
        .join(User, User.id == Membership.user_id)
        .outerjoin(seen, seen.c.user_id == Membership.user_id)
        .where(Membership.merchant_id == merchant_id, Membership.disabled_at.is_(None))
        .order_by(Membership.name, Membership.id)
    )
    with db.house() as house:
        return [Guard(*row) for row in house.execute(team)]


def reset(member: Membership) -> None:
    """Who lost phone and recovery codes signs in by password again; they are signed out.

    Refused where they work for another merchant as well: no owner opens somebody else's door.
    """
    with db.house() as house:
        elsewhere = select(Membership.id).where(
            Membership.user_id == member.user_id, Membership.merchant_id != member.merchant_id
        )
        if house.scalar(elsewhere.where(Membership.disabled_at.is_(None)).limit(1)):
            raise Refused(
                "works_elsewhere",
                N_("{name} works for others too: only a recovery code helps here."),
                name=member.name,
            )
        second_step.forget(house, member.user_id)
        browsers.end_all(house, member.user_id)
        audit.note_in(house, member, "team.second_step_reset")


def reset_for(email: str) -> None:
    """The same by whoever runs this install, also for an owner; every merchant of theirs reads it.

    Refused for an address that is nobody's.
    """
    with db.house() as house:
        same = func.lower(User.email) == email.strip().lower()
        user_id = house.scalar(select(User.id).where(same))
        if user_id is None:
            raise Refused("email", N_("Nobody signs in with {email}."), email=email)
        second_step.forget(house, user_id)
        browsers.end_all(house, user_id)
        audit.note_of(house, user_id, "team.second_step_reset", myself=False)

"""Plans: how many people and shops a merchant may have. Never how many orders or messages (R6)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from flows import audit, turns
from flows.errors import N_, Refused
from models import db
from models.merchant import Merchant
from models.team import Invitation
from models.types import utcnow
from models.user import Membership


@dataclass(frozen=True, slots=True)
class Plan:
    """None is as many as they like."""

    name: str
    members: int | None
    stores: int | None


PLANS = {
    "free": Plan(N_("Free"), members=2, stores=1),
    # What is said of shops (spec R5) is "from 1 on Free to unlimited on Plus"; between is ours.
    "mini": Plan(N_("Mini"), members=5, stores=2),
    "pro": Plan(N_("Pro"), members=15, stores=5),
    "plus": Plan(N_("Plus"), members=None, stores=None),
}
SMALLEST = "free"


def find(name: str) -> Plan:
    """The plan of this name, or Refused."""
    if name not in PLANS:
        says = N_("Unknown plan: {plan}. Known are {known}.")
        raise Refused("plan", says, plan=name, known=", ".join(PLANS))
    return PLANS[name]


def change(merchant_id: UUID, name: str) -> None:
    """The merchant has this plan from the next request on; who is there already stays."""
    find(name)
    with db.house() as house:
        merchant = house.get(Merchant, merchant_id)
        if merchant is None:
            raise Refused("merchant", N_("There is no such merchant."))
        if merchant.plan != name:
            before, after = {"plan": merchant.plan}, {"plan": name}
            audit.note_at(house, merchant_id, "team.plan", before=before, after=after)
        merchant.plan = name


def of(merchant: Merchant) -> Plan:
    # A name that a later version made: nobody is locked out by going back.
    return PLANS.get(merchant.plan, PLANS["plus"])


def places_taken() -> int:
    """People of the current merchant's team, and those a place is kept for."""
    people = select(func.count()).select_from(Membership).where(Membership.disabled_at.is_(None))
    waiting = (
        select(func.count())
        .select_from(Invitation)
        .where(
            Invitation.accepted_at.is_(None),
            Invitation.withdrawn_at.is_(None),
            Invitation.expires_at > utcnow(),
        )
    )
    session = db.session()
    return (session.scalar(people) or 0) + (session.scalar(waiting) or 0)


def check_member() -> None:
    """One more person fits into the current merchant's plan, or Refused (plan_limit)."""
    plan = of(turns.take())
    if plan.members is not None and places_taken() >= plan.members:
        raise Refused(
            "plan_limit",
            N_(
                "Your plan has room for {members} people. Disable somebody, withdraw an"
                " invitation, or take a bigger plan."
            ),
            members=plan.members,
        )

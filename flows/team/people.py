"""The team as it is: roles, last seen, who is disabled; at least one owner, always (R10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, select

from flows import audit, live, permissions, plans
from flows.errors import N_, NotFound, Refused
from flows.security import browsers
from models import db
from models.security import Totp
from models.team import CustomRole
from models.types import utcnow
from models.user import LoginSession, Membership, Role, User


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the team's list."""

    member: Membership
    email: str
    seen_at: datetime | None
    """When they last did something here; None: never signed in."""
    second_step: bool
    """Whether signing in asks them for a code too."""
    role_name: str | None
    """Of a custom role."""


def members() -> list[Membership]:
    """The current merchant's team, by name."""
    active = select(Membership).where(Membership.disabled_at.is_(None)).order_by(Membership.name)
    return list(db.session().scalars(active))


def listed() -> list[Listed]:
    """Everybody, who is disabled last; in three statements however many they are."""
    session = db.session()
    everybody = select(Membership, CustomRole.name).outerjoin(
        CustomRole,
        (CustomRole.merchant_id == Membership.merchant_id)
        & (CustomRole.id == Membership.custom_role_id),
    )
    in_order = (Membership.disabled_at.is_not(None), Membership.name, Membership.id)
    rows = session.execute(everybody.order_by(*in_order)).all()
    known = _known([member.user_id for member, _ in rows], session.merchant_id)
    return [Listed(member, *known[member.user_id], name) for member, name in rows]


def _known(
    user_ids: Sequence[UUID], merchant_id: UUID
) -> dict[UUID, tuple[str, datetime | None, bool]]:
    seen = (
        select(LoginSession.user_id, func.max(LoginSession.last_seen_at).label("at"))
        .where(LoginSession.user_id.in_(user_ids), LoginSession.merchant_id == merchant_id)
        .group_by(LoginSession.user_id)
        .subquery()
    )
    guarded = exists().where(Totp.user_id == User.id, Totp.confirmed_at.is_not(None))
    people = select(User.id, User.email, seen.c.at, guarded)
    people = people.outerjoin(seen, seen.c.user_id == User.id)
    with db.house() as house:
        found = house.execute(people.where(User.id.in_(user_ids)))
        return {id_: (email, at, guard) for id_, email, at, guard in found}


def find(member_id: UUID) -> Membership:
    """The member of the current merchant's team, disabled or not; or NotFound."""
    wanted = select(Membership).where(Membership.id == member_id)
    found = db.session().scalars(wanted).first()
    if found is None:
        raise NotFound
    return found


# --- what they are --------------------------------------------------------------------------------


def change_role(
    member: Membership, role: Role, *, by: Membership, custom_role: CustomRole | None = None
) -> None:
    """The member may do what the role says from their next request on.

    Refused: whoever may not edit the team, an owner made or unmade by somebody else than an owner,
    the last owner unmade (409).
    """
    _check_may(by, Role.OWNER in (role, member.role))
    if member.role is Role.OWNER and role is not Role.OWNER:
        _keep_an_owner(member)
    with audit.watching("team.role_changed", _role_of(member), on=member.name, on_id=member.id):
        give(member, role, custom_role)
    # A screen that is open may hear of more, or less, than it should: it asks for a new ticket.
    live.cut_off(member.id)


def give(member: Membership, role: Role, custom_role: CustomRole | None) -> None:
    if role is Role.CUSTOM and custom_role is None:
        raise Refused("custom_role", N_("Choose one of your own roles."))
    member.role = role
    member.custom_role_id = custom_role.id if custom_role and role is Role.CUSTOM else None
    member.grants = list(custom_role.permissions) if member.custom_role_id and custom_role else []


def _role_of(member: Membership) -> Callable[[], Mapping[str, object]]:
    """What the role is called in the audit: an own one by its name, as it is called then."""

    def read() -> Mapping[str, object]:
        if member.custom_role_id is None:
            return {"role": member.role}
        own = select(CustomRole.name).where(CustomRole.id == member.custom_role_id)
        return {"role": db.session().scalar(own)}

    return read


def _check_may(by: Membership, owners_affair: bool) -> None:
    if not permissions.may(by, "team.edit") or (owners_affair and by.role is not Role.OWNER):
        raise Refused("owners_only", N_("Only an owner can do this."))


def _keep_an_owner(leaving: Membership) -> None:
    """Somebody else is an active owner, and stays one until the transaction ends; or Refused."""
    owners = (
        select(Membership.id)
        .where(Membership.role == Role.OWNER, Membership.disabled_at.is_(None))
        .order_by(Membership.id)
        .with_for_update(key_share=True)
    )
    if not set(db.session().scalars(owners)) - {leaving.id}:
        raise Refused(
            "last_owner",
            N_("{name} is the only owner. Make somebody else an owner first."),
            name=leaving.name,
        )


# --- whether they may come in ---------------------------------------------------------------------


def disable(member: Membership, *, by: Membership) -> None:
    """Out on their next request, on every device, and the live stream with it (R14).

    Their work stays theirs until it is handed over. Refused for the last owner (409).
    """
    _check_may(by, member.role is Role.OWNER)
    if member.role is Role.OWNER:
        _keep_an_owner(member)
    if member.disabled_at is None:
        member.disabled_at = utcnow()
        audit.note("team.disabled", on=member.name, on_id=member.id, before=_role_of(member)())
    _end_sessions(member)
    live.cut_off(member.id)


def enable(member: Membership, *, by: Membership) -> None:
    """In again, as what they were; refused where the plan has no room for them (plan_limit)."""
    _check_may(by, member.role is Role.OWNER)
    if member.disabled_at is not None:
        plans.check_member()
        member.disabled_at = None
        audit.note("team.enabled", on=member.name, on_id=member.id, after=_role_of(member)())


def _end_sessions(member: Membership) -> None:
    """Else they would come to life again with the member; half a sign-in too."""

    def end() -> None:
        with db.house() as house:
            browsers.end_here(house, member)

    db.after_commit(end)

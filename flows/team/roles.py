"""A merchant's own roles: any set of permissions but those that hand out permissions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, or_, select, update

from flows import audit, live, permissions, turns
from flows.errors import N_, Invalid, NotFound, Refused
from models import db
from models.team import CustomRole, Invitation
from models.types import utcnow
from models.user import Membership, Role

LONGEST = 60


@dataclass(frozen=True, slots=True)
class NewRole:
    """A role as somebody typed and ticked it."""

    name: str
    permissions: frozenset[str]


def custom_roles() -> Sequence[CustomRole]:
    return db.session().scalars(select(CustomRole).order_by(CustomRole.name)).all()


def find(role_id: UUID) -> CustomRole:
    """The merchant's own role, or NotFound."""
    found = db.session().scalars(select(CustomRole).where(CustomRole.id == role_id)).first()
    if found is None:
        raise NotFound
    return found


def keep(form: NewRole, role: CustomRole | None = None) -> CustomRole:
    """The role is as the form says, for everybody who has it, from their next request on.

    Raises Invalid for a name that is empty, long or taken, and for permissions nobody can be given
    this way.
    """
    turns.take()
    _check(form, role)
    before = _facts(role) if role else {}
    if role is None:
        role = CustomRole()
        db.session().add(role)
    role.name, role.permissions = form.name, sorted(form.permissions)
    db.session().flush()  # the members below are found by SQL
    holders = update(Membership).where(
        Membership.custom_role_id == role.id, Membership.role == Role.CUSTOM
    )
    for member_id in db.session().scalars(
        holders.values(grants=role.permissions).returning(Membership.id)
    ):
        live.cut_off(member_id)
    kind = "team.own_role_changed" if before else "team.own_role_added"
    audit.changed(kind, before, _facts(role), on=role.name, on_id=role.id)
    return role


def delete(role: CustomRole) -> None:
    """The role is gone; refused while somebody has it or is invited with it."""
    session = db.session()
    has = exists().where(Membership.custom_role_id == role.id)
    open_one = exists().where(
        Invitation.custom_role_id == role.id,
        Invitation.accepted_at.is_(None),
        Invitation.withdrawn_at.is_(None),
        Invitation.expires_at > utcnow(),
    )
    if session.scalar(select(or_(has, open_one))):
        raise Refused("role_in_use", N_("Somebody has this role. Give them another one first."))
    session.execute(
        update(Invitation).where(Invitation.custom_role_id == role.id).values(custom_role_id=None)
    )
    audit.note("team.own_role_deleted", on=role.name, on_id=role.id, before=_facts(role))
    session.delete(role)


def _facts(role: CustomRole) -> dict[str, object]:
    return {"name": role.name, "permissions": list(role.permissions)}


def _check(form: NewRole, role: CustomRole | None) -> None:
    wrong: dict[str, Refused] = {}
    taken = select(CustomRole.id).where(CustomRole.name == form.name)
    if role is not None:
        taken = taken.where(CustomRole.id != role.id)
    if not form.name or len(form.name) > LONGEST:
        wrong["name"] = Refused("name", N_("Give it a name."))
    elif db.session().scalar(taken):
        wrong["name"] = Refused("taken", N_("There is one of this name already."))
    if not form.permissions <= permissions.GRANTABLE:
        wrong["permission"] = Refused("permission", N_("Only an owner can do this."))
    elif not form.permissions:
        wrong["permission"] = Refused("permission", N_("Tick at least one."))
    if wrong:
        raise Invalid(wrong)

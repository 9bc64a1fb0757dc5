"""Coming in: an invitation is a link that opens once, for seven days, for one address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from flows import audit, emails, mail, passwords, permissions, plans, turns
from flows.errors import N_, Invalid, NotFound, Refused
from flows.team import tokens
from models import db
from models.merchant import Merchant
from models.team import INVITED_FOR, CustomRole, Invitation
from models.types import utcnow
from models.user import Membership, Role, User

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Opened:
    """What the person with the link sees before they are in."""

    invitation: Invitation
    merchant: Merchant
    user: User | None
    """Whose address it is already."""


@dataclass(frozen=True, slots=True)
class Joined:
    user: User
    member: Membership


# --- the team's side ------------------------------------------------------------------------------


def invited() -> Sequence[Invitation]:
    """Those that wait, expired ones too, the newest first."""
    waiting = (
        select(Invitation)
        .where(Invitation.accepted_at.is_(None), Invitation.withdrawn_at.is_(None))
        .order_by(Invitation.created_at.desc(), Invitation.id.desc())
        .options(joinedload(Invitation.custom_role))
    )
    return db.session().scalars(waiting).all()


def find(invitation_id: object) -> Invitation:
    """One that waits, or NotFound."""
    wanted = select(Invitation).where(
        Invitation.id == invitation_id,
        Invitation.accepted_at.is_(None),
        Invitation.withdrawn_at.is_(None),
    )
    found = db.session().scalars(wanted.with_for_update(key_share=True)).first()
    if found is None:
        raise NotFound
    return found


def invite(
    email: str, role: Role, *, by: Membership, custom_role: CustomRole | None = None
) -> tuple[Invitation, str]:
    """A place is kept for this address; the token for the link, which nobody sees a second time.

    An address that waits already has its invitation renewed. Raises Invalid (422) for an address
    that is none or is in the team, and for the role of an owner; Refused (plan_limit) where the
    plan is full.
    """
    if not permissions.may(by, "team.edit"):
        raise Refused("owners_only", N_("Only an owner can do this."))
    address = _checked(email, role, custom_role)
    turns.take()  # the same address invited twice at once is one invitation
    waiting = select(Invitation).where(
        func.lower(Invitation.email) == address.lower(),
        Invitation.accepted_at.is_(None),
        Invitation.withdrawn_at.is_(None),
    )
    invitation = db.session().scalars(waiting.with_for_update(key_share=True)).first()
    if invitation is None or not invitation.open(utcnow()):
        plans.check_member()
    mail.withdraw(address)  # the link of an earlier one opens nothing any more
    if invitation is None:
        invitation = Invitation(email=address, by_id=by.id)
        db.session().add(invitation)
    invitation.role = role
    invitation.custom_role = custom_role if role is Role.CUSTOM else None
    audit.note("team.invited", on=address, after=_facts(invitation))
    return invitation, _renew(invitation)


def resend(invitation: Invitation) -> str:
    """A new link for seven days more; the one before opens nothing. Refused: plan_limit."""
    if not invitation.open(utcnow()):
        plans.check_member()
    mail.withdraw(invitation.email)
    audit.note("team.invited_again", on=invitation.email, after=_facts(invitation))
    return _renew(invitation)


def withdraw(invitation: Invitation) -> None:
    """The link opens nothing any more."""
    invitation.withdrawn_at = utcnow()
    mail.withdraw(invitation.email)
    audit.note("team.withdrawn", on=invitation.email, before=_facts(invitation))


def _renew(invitation: Invitation) -> str:
    token, invitation.token_hash = tokens.fresh()
    invitation.expires_at = utcnow() + INVITED_FOR
    return token


def _facts(invitation: Invitation) -> dict[str, object]:
    own = invitation.custom_role
    return {"role": own.name if own else invitation.role}


def _checked(email: str, role: Role, custom_role: CustomRole | None) -> str:
    wrong: dict[str, Refused] = {}
    address = ""
    try:
        address = emails.address(email)
    except Refused as refusal:
        wrong["email"] = refusal
    if address and _is_inside(address):
        wrong["email"] = Refused("inside", N_("This person is in your team already."))
    if role is Role.OWNER:
        # Seed: ownership cannot be given by invitation; an owner makes a member one, knowingly.
        says = N_("An owner is made of somebody who is in the team, not by invitation.")
        wrong["role"] = Refused("owner", says)
    elif role is Role.CUSTOM and custom_role is None:
        wrong["role"] = Refused("custom_role", N_("Choose one of your own roles."))
    if wrong:
        raise Invalid(wrong)
    return address


def _is_inside(address: str) -> bool:
    """Disabled people count: they are enabled again, not invited."""
    session = db.session()
    inside = (
        select(Membership.id)
        .join(User, User.id == Membership.user_id)
        .where(func.lower(User.email) == address.lower())
        .where(Membership.merchant_id == session.merchant_id)
    )
    with db.house() as house:
        return house.scalar(inside) is not None


# --- the invited person's side --------------------------------------------------------------------


def invitation(token: str) -> Opened:
    """What this link leads to; Refused (410) when it was used, withdrawn or is too old."""
    with db.house() as house:
        return _opened(house, token)


def accept(token: str, *, user: User | None, name: str = "", password: str = "") -> Joined:
    """They are in the team, and the link is used up; or nothing happened.

    `user` is who has proven to own the invited address already; without one a user is made with
    `name` and `password`, refused (Invalid) where these are none, or where the address is taken.
    """
    password_hash = None if user else _new_password(name, password)
    with db.house() as house:
        opened = _opened(house, token, lock=True)
        invited = opened.invitation
        if (user.id if user else None) != (opened.user.id if opened.user else None):
            raise Refused("not_yours", N_("This invitation is for {email}."), email=invited.email)
        person = opened.user
        if person is None:
            person = User(email=invited.email, name=name, password_hash=password_hash or "")
            house.add(person)
            try:
                house.flush()  # the membership points at the user
            except IntegrityError as twice:  # invited by two, joining both at once
                taken = N_("Somebody already uses this e-mail address.")
                raise Refused("email_taken", taken) from twice
        member = _member(house, invited, person)
        invited.accepted_at = utcnow()
        house.flush()  # the audit names who joined
        after = {"role": _role(house, invited), "email": invited.email}
        audit.note_of(house, person.id, "team.joined", after=after, only=member.merchant_id)
        return Joined(person, member)


def _opened(house: db.HouseSession, token: str, *, lock: bool = False) -> Opened:
    wanted = select(Invitation).where(Invitation.token_hash == tokens.hashed(token))
    if lock:
        wanted = wanted.with_for_update()
    found = house.scalars(wanted).first()
    if found is None or not found.open(utcnow()):
        raise Gone
    merchant = house.get_one(Merchant, found.merchant_id)
    same = func.lower(User.email) == found.email.lower()
    return Opened(found, merchant, house.scalars(select(User).where(same)).first())


class Gone(Refused):
    """A link that leads nowhere, for whatever reason: the answer is the same."""

    status = 410

    def __init__(self) -> None:
        super().__init__(
            "link_gone",
            N_("This link was used already, withdrawn, or is too old. Ask for a new one."),
        )


def _member(house: db.HouseSession, invited: Invitation, person: User) -> Membership:
    again = select(Membership).where(
        Membership.merchant_id == invited.merchant_id, Membership.user_id == person.id
    )
    member = house.scalars(again).first()
    if member is not None:
        raise Refused("inside", N_("You are in this team already."))
    grants: list[str] = []
    if invited.custom_role_id is not None:
        own = (invited.merchant_id, invited.custom_role_id)
        grants = list(house.get_one(CustomRole, own).permissions)
    member = Membership(
        merchant_id=invited.merchant_id,
        user_id=person.id,
        name=person.name,
        role=invited.role,
        custom_role_id=invited.custom_role_id,
        grants=grants,
    )
    house.add(member)
    return member


def _role(house: db.HouseSession, invited: Invitation) -> str:
    """What the role is called in the audit: an own one by its name."""
    if invited.custom_role_id is None:
        return invited.role.value
    return house.get_one(CustomRole, (invited.merchant_id, invited.custom_role_id)).name


def _new_password(name: str, password: str) -> str:
    wrong: dict[str, Refused] = {}
    if not name or len(name) > LONGEST_NAME:
        wrong["name"] = Refused("name", N_("Say what your colleagues call you."))
    password_hash = ""
    try:
        password_hash = passwords.hashed(password)
    except Refused as refusal:
        wrong["password"] = refusal
    if wrong:
        raise Invalid(wrong)
    return password_hash

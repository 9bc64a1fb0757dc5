"""A new password: a link an owner makes, or one that is asked for by mail; once, within the hour.

A new password does not sign in: whoever has a second step still needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from flows import audit, live, passwords, permissions
from flows.errors import N_, Invalid, Refused
from flows.security import browsers, taking
from flows.security.account import forget_links
from flows.team import tokens
from flows.team.invitations import Gone
from models import db
from models.team import RESET_WITHIN, PasswordReset
from models.types import utcnow
from models.user import Membership, Role, User

MOST_ASKED = 3
"""Links by mail for one person within the hour: a mailbox is not to be flooded by strangers."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A link to be mailed, and the merchant that mails it."""

    token: str
    user: User
    merchant_id: UUID


def make_reset(member: Membership, *, by: Membership) -> str:
    """The token of a link with which this member sets a new password.

    Refused for whoever is not an owner, and for a person of other teams too: who makes the link
    could follow it, into merchants that are not theirs.
    """
    if by.role is not Role.OWNER or not permissions.may(by, "team.edit"):
        raise Refused("owners_only", N_("Only an owner can do this."))
    elsewhere = select(Membership.id).where(
        Membership.user_id == member.user_id, Membership.merchant_id != member.merchant_id
    )
    with db.house() as house:
        if house.scalar(elsewhere.limit(1)) is not None:
            raise Refused(
                "other_teams",
                N_("{name} works for others too, so only they can change their password."),
                name=member.name,
            )
        audit.note_in(house, member, "team.reset_link")
        return _write(house, member.user_id, made_by=by.user_id)


def ask_reset(email: str) -> Asked | None:
    """The link of whoever has this address; None for nobody, and for one who asked often."""
    address = email.strip().lower()
    with db.house() as house:
        user = house.scalars(
            select(User)
            .where(func.lower(User.email) == address, User.disabled_at.is_(None))
            .with_for_update(key_share=True)
        ).first()
        if user is None or _asked_often(house, user):
            return None
        merchant_id = house.scalar(
            select(Membership.merchant_id)
            .where(Membership.user_id == user.id, Membership.disabled_at.is_(None))
            .order_by(Membership.id)
            .limit(1)
        )
        if merchant_id is None:
            return None
        return Asked(_write(house, user.id, made_by=None), user, merchant_id)


def reset_of(token: str) -> User:
    """Whose password this link sets; Refused (410) when it leads nowhere any more."""
    with db.house() as house:
        return house.get_one(User, _open(house, token).user_id)


def set_password(token: str, password: str) -> User:
    """This is their password from now on; they are signed out everywhere, the links are used up.

    Invalid for a poor password: the link stays good.
    """
    try:
        password_hash = passwords.hashed(password)
    except Refused as refusal:
        raise Invalid({"password": refusal}) from refusal
    with db.house() as house:
        user = house.get_one(User, _open(house, token, lock=True).user_id)
        user.password_hash = password_hash
        if not taking.asked_of(house, user.id):
            # Else a mailbox would buy ten more codes to guess, again and again.
            user.failed_sign_ins = []
        forget_links(house, user.id)
        count = browsers.end_all(house, user.id)
        audit.note_of(house, user.id, "account.password_reset", after={"count": count})
        places = select(Membership.merchant_id, Membership.id).where(Membership.user_id == user.id)
        cut = house.execute(places).all()
    for merchant_id, member_id in cut:
        live.cut_off(member_id, merchant_id=merchant_id)
    return user


def _write(house: db.HouseSession, user_id: UUID, *, made_by: UUID | None) -> str:
    token, token_hash = tokens.fresh()
    house.add(PasswordReset(user_id=user_id, token_hash=token_hash, made_by=made_by))
    return token


def _asked_often(house: db.HouseSession, user: User) -> bool:
    lately = (
        select(func.count())
        .select_from(PasswordReset)
        .where(
            PasswordReset.user_id == user.id,
            PasswordReset.made_by.is_(None),
            PasswordReset.created_at > utcnow() - RESET_WITHIN,
        )
    )
    return (house.scalar(lately) or 0) >= MOST_ASKED


def _open(house: db.HouseSession, token: str, *, lock: bool = False) -> PasswordReset:
    wanted = select(PasswordReset).where(PasswordReset.token_hash == tokens.hashed(token))
    found = house.scalars(wanted.with_for_update() if lock else wanted).first()
    if found is None or not found.open(utcnow()):
        raise Gone
    return found

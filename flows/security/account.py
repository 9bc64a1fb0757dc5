"""A person's own account: name, e-mail, password."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from flows import audit, emails, passwords
from flows.errors import N_, Invalid, Refused
from flows.security import browsers
from flows.security.proving import prove
from models import db
from models.team import PasswordReset
from models.types import clean, utcnow
from models.user import Membership, User

LONGEST_NAME = 80
TAKEN = N_("Somebody already uses this e-mail address.")


def read_name(typed: str) -> str:
    """The name as it will be kept. Invalid for no name at all."""
    name = " ".join(clean(typed).split())
    if not 1 <= len(name) <= LONGEST_NAME:
        sentence = N_("Give it a name of up to {most} letters.")
        raise Invalid({"name": Refused("length", sentence, most=LONGEST_NAME)})
    return name


def rename(user_id: UUID, name: str) -> None:
    """The person is called so, in every team they work for. Invalid for no name at all."""
    name = read_name(name)
    with db.house() as house:
        user = house.get_one(User, user_id)
        if user.name == name:
            return
        before, after = {"name": user.name}, {"name": name}
        # Before it is changed: the line is told by the name they had.
        audit.note_of(house, user_id, "account.renamed", before=before, after=after)
        user.name = name
        house.execute(update(Membership).where(Membership.user_id == user_id).values(name=name))


def change_email(user_id: UUID, email: str, *, password: str) -> None:
    """They sign in with this address from now on.

    Invalid for an address that is none or somebody else's, and for a wrong password.
    """
    try:
        address = emails.address(email)
    except Refused as none:
        raise Invalid({"email": none}) from none
    prove(user_id, password=password)
    try:
        with db.house() as house:
            user = house.get_one(User, user_id)
            same = func.lower(User.email) == address.lower()
            if house.scalar(select(User.id).where(same, User.id != user_id)):
                raise Invalid({"email": Refused("email_taken", TAKEN)})
            before, user.email = user.email, address
            forget_links(house, user_id)  # whoever reads the old mailbox opens nothing
            audit.note_of(
                house,
                user_id,
                "account.email_changed",
                before={"email": before},
                after={"email": address},
            )
    except IntegrityError as error:  # somebody took it between the question and the answer
        raise Invalid({"email": Refused("email_taken", TAKEN)}) from error


def change_password(user_id: UUID, *, password: str, new: str, here: bytes) -> int:
    """The new password opens from now on, the old one nothing; how many other browsers are out.

    Invalid names what is wrong: `password`, the present one, or `new`, a poor one.
    """
    prove(user_id, password=password)
    try:
        kept = passwords.hashed(new)
    except Refused as poor:
        raise Invalid({"new": poor}) from poor
    with db.house() as house:
        house.get_one(User, user_id).password_hash = kept
        forget_links(house, user_id)
        count = browsers.end_all(house, user_id, but=here)
        audit.note_of(house, user_id, "account.password_changed", after={"count": count})
    return count


def forget_links(house: db.HouseSession, user_id: UUID) -> None:
    """No link that was made before sets a password of theirs."""
    links = update(PasswordReset).where(
        PasswordReset.user_id == user_id, PasswordReset.used_at.is_(None)
    )
    house.execute(links.values(used_at=utcnow()))

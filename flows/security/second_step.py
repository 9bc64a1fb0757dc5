"""The authenticator: set up with a key, on once a code proved it, off with password and code."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import delete

from flows import audit
from flows.errors import N_, Invalid, Refused
from flows.security import browsers, codes, guesses
from flows.security.proving import WRONG_CODE, prove
from flows.security.taking import asked_of, left, use_up
from models import db
from models.security import RecoveryCode, Totp
from models.types import utcnow
from models.user import User


@dataclass(frozen=True, slots=True)
class SetUp:
    """A key to be put into an authenticator."""

    secret: str = field(repr=False)
    address: str = field(repr=False)
    """For the QR (otpauth://)."""


def on(user_id: UUID) -> bool:
    """Whether signing in asks this person for a code."""
    with db.house() as house:
        return asked_of(house, user_id)


def codes_left(user_id: UUID) -> int:
    with db.house() as house:
        return left(house, user_id)


def start(user_id: UUID, *, password: str) -> None:
    """A new key waits for its first code, for a quarter of an hour; signing in asks nothing yet.

    Refused when there is a second step already.
    """
    prove(user_id, password=password)
    with db.house() as house:
        _refuse_if_on(house, user_id)
        house.execute(delete(Totp).where(Totp.user_id == user_id, Totp.confirmed_at.is_(None)))
        waiting = Totp(user_id=user_id)
        waiting.secret = codes.new_secret()
        house.add(waiting)


def pending(user_id: UUID) -> SetUp | None:
    """The key that waits for its first code; None when none does, or no longer."""
    with db.house() as house:
        totp = house.get(Totp, user_id)
        if totp is None or not totp.open_for_set_up(utcnow()):
            return None
        email = house.get_one(User, user_id).email
        return SetUp(totp.secret, codes.address(totp.secret, email))


def confirm(user_id: UUID, code: str, *, here: bytes) -> list[str]:
    """The second step is on; the ten recovery codes, told this once. Other browsers are out.

    Invalid for a wrong code (it counts as a guess), and when no key waits any more.
    """
    guesses.count_for(user_id)
    with db.house() as house:
        totp = house.get(Totp, user_id, with_for_update=True)
        if totp is None or not totp.open_for_set_up(utcnow()):
            over = Refused("set_up_over", N_("This took too long. Begin again."))
            raise Invalid({"code": over})
        step = codes.step_of(totp.secret, code, utcnow())
        if step is None or not use_up(house, user_id, step):
            raise Invalid({"code": Refused("wrong_code", WRONG_CODE)})
        totp.confirmed_at = utcnow()
        guesses.forget(house, user_id)
        told = _renew(house, user_id)
        browsers.end_all(house, user_id, but=here)
        audit.note_of(house, user_id, "account.second_step_on")
    return told


def renew_codes(user_id: UUID, *, password: str, code: str) -> list[str]:
    """Ten new recovery codes, told this once; the old ones open nothing any more."""
    prove(user_id, password=password, code=code)
    with db.house() as house:
        if not asked_of(house, user_id):
            raise Refused("no_second_step", N_("There is no second step to sign in with."))
        told = _renew(house, user_id)
        audit.note_of(house, user_id, "account.codes_renewed")
    return told


def turn_off(user_id: UUID, *, password: str, code: str) -> None:
    """The password alone opens again; where a role needs a second step, the next page asks for a
    new one."""
    prove(user_id, password=password, code=code)
    with db.house() as house:
        forget(house, user_id)
        audit.note_of(house, user_id, "account.second_step_off")


def forget(house: db.HouseSession, user_id: UUID) -> None:
    """Key and recovery codes are gone."""
    house.execute(delete(Totp).where(Totp.user_id == user_id))
    house.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def _refuse_if_on(house: db.HouseSession, user_id: UUID) -> None:
    if asked_of(house, user_id):
        raise Refused("second_step_on", N_("You sign in with a second step already."))


def _renew(house: db.HouseSession, user_id: UUID) -> list[str]:
    told = codes.recovery_codes()
    house.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    house.add_all(
        RecoveryCode(user_id=user_id, digest=codes.digest(user_id, code)) for code in told
    )
    return told

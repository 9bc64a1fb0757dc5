"""Who is signed in proves it once more: before a password, an e-mail or a second step changes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flows import passwords
from flows.errors import N_, Invalid, Refused
from flows.security import guesses
from flows.security.taking import take
from models import db
from models.user import User

WRONG_PASSWORD = N_("This is not your password.")
WRONG_CODE = N_("This code is not right, or it was used already.")


def prove(user_id: UUID, *, password: str, code: str | None = None) -> None:
    """Both are right, and the code is used up. Invalid names the field that is wrong.

    Counts as one guess until it is right, like a sign-in.
    """
    counted = guesses.count_for(user_id)
    with db.house() as house:
        known = house.get_one(User, user_id).password_hash
    # Outside the transaction: the hash takes a tenth of a second.
    if not passwords.matches(known, password):
        raise Invalid({"password": Refused("wrong_password", WRONG_PASSWORD)})
    with db.house() as house:
        if code is not None and take(house, user_id, code) is None:
            raise Invalid({"code": Refused("wrong_code", WRONG_CODE)})
        _settle(house, user_id, counted, both=code is not None)


def _settle(house: db.HouseSession, user_id: UUID, counted: datetime, *, both: bool) -> None:
    if both:
        guesses.forget(house, user_id)
    else:
        guesses.take_back(house, user_id, counted)

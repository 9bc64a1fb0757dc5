"""A code is taken: right, and from then on used."""

from __future__ import annotations

import enum
from uuid import UUID

from sqlalchemy import func, or_, select, update

from flows import audit
from flows.security import codes
from models import db
from models.security import RecoveryCode, Totp
from models.types import utcnow


class Way(enum.StrEnum):
    """What opened the second door."""

    CODE = "code"
    RECOVERY = "recovery"


def take(house: db.HouseSession, user_id: UUID, typed: str) -> Way | None:
    """How the code opens, once; None when it does not, or did before."""
    totp = confirmed(house, user_id)
    if totp is None:
        return None
    step = codes.step_of(totp.secret, typed, utcnow())
    if step is not None:
        return Way.CODE if use_up(house, user_id, step) else None
    return Way.RECOVERY if _recover(house, user_id, typed) else None


def asked_of(house: db.HouseSession, user_id: UUID) -> bool:
    """Whether signing in asks this person for a code."""
    return confirmed(house, user_id) is not None


def confirmed(house: db.HouseSession, user_id: UUID) -> Totp | None:
    totp = house.get(Totp, user_id)
    return totp if totp is not None and totp.confirmed_at is not None else None


def use_up(house: db.HouseSession, user_id: UUID, step: int) -> bool:
    """Whether this half minute's code is new. Of two at once, one statement lets one through."""
    newer = or_(Totp.last_step.is_(None), Totp.last_step < step)
    used = update(Totp).where(Totp.user_id == user_id, newer).values(last_step=step)
    took = house.execute(used.returning(Totp.user_id).execution_options(synchronize_session=False))
    return took.first() is not None


def _recover(house: db.HouseSession, user_id: UUID, typed: str) -> bool:
    this = (RecoveryCode.user_id == user_id, RecoveryCode.digest == codes.digest(user_id, typed))
    used = update(RecoveryCode).where(*this, RecoveryCode.used_at.is_(None))
    used = used.values(used_at=utcnow()).execution_options(synchronize_session=False)
    if house.execute(used.returning(RecoveryCode.id)).first() is None:
        return False
    audit.note_of(house, user_id, "account.recovery_used", after={"left": left(house, user_id)})
    return True


def left(house: db.HouseSession, user_id: UUID) -> int:
    """How many recovery codes still open."""
    unused = (RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return house.scalar(select(func.count()).select_from(RecoveryCode).where(*unused)) or 0

"""Ten wrong answers in fifteen minutes, whatever was asked: password, code or recovery code.

A guess is counted, and the count committed, before it is tried: a hundred at once are still ten.
The door opens again by itself: nobody can lock anybody out for good.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta
from uuid import UUID

import redis
from sqlalchemy import func, select, update

from flows import counters, outbox
from flows.errors import N_, Refused
from models import db
from models.types import utcnow
from models.user import User

log = logging.getLogger(__name__)

GUESSES = 10
GUESSING_TIME = timedelta(minutes=15)


class TooManyGuesses(Refused):
    """Wrong answers came too fast; the door opens again by itself."""

    status = 429

    def __init__(self, wait: timedelta) -> None:
        minutes = max(1, -(-int(wait.total_seconds()) // 60))
        super().__init__(
            "too_many_guesses",
            N_("Too many attempts for this account. Try again in {minutes} min."),
            minutes=minutes,
        )
        counters.count("auth_failures_total", "throttled")


def count_for(user_id: UUID) -> datetime:
    """One more guess at this account, and when it was counted; TooManyGuesses after ten."""
    with db.house() as house:
        user = house.get_one(User, user_id, with_for_update=True)
        return _count(user)


def count_at(email: str) -> User | None:
    """The same for whoever claims this e-mail; unknown ones are slowed down alike."""
    with db.house() as house:
        user = house.scalars(
            select(User)
            .where(func.lower(User.email) == email, User.disabled_at.is_(None))
            .with_for_update()
        ).one_or_none()
        if user is None:
            _count_strangers(email)
        else:
            _count(user)
    return user


def forget(house: db.HouseSession, user_id: UUID) -> None:
    """Everything that was asked is answered: the wrong answers before it count no more."""
    house.execute(update(User).where(User.id == user_id).values(failed_sign_ins=[]))


def take_back(house: db.HouseSession, user_id: UUID, counted: datetime) -> None:
    """This one guess was right, but others stand: half an answer forgets nothing."""
    user = house.get_one(User, user_id)
    house.refresh(user, ["failed_sign_ins"], with_for_update=True)
    kept = list(user.failed_sign_ins)
    if counted in kept:  # no other of the same instant: it is one guess that was right
        kept.remove(counted)
        user.failed_sign_ins = kept


def _count(user: User) -> datetime:
    now = utcnow()
    recent = [at for at in user.failed_sign_ins if at > now - GUESSING_TIME]
    if len(recent) >= GUESSES:
        raise TooManyGuesses(recent[0] + GUESSING_TIME - now)
    user.failed_sign_ins = [*recent, now]
    return now


def _count_strangers(email: str) -> None:
    """Refuse guesses at an unknown e-mail alike: else slowness would tell who has an account."""
    key = f"guesses:{hashlib.sha256(email.encode()).hexdigest()}"
    counter = outbox.connection()
    try:
        count = counter.incr(key)
        if count == 1:
            counter.expire(key, GUESSING_TIME)
        wait = timedelta(seconds=counter.ttl(key))
    except redis.RedisError as error:
        log.warning("a guess at an unknown e-mail was not counted: %s", error)
    else:
        if count > GUESSES:
            raise TooManyGuesses(wait)

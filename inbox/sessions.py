"""From a password to a cookie, from a cookie to the person: sign in, recognise, sign out."""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import datetime, timedelta

import redis
from flask import request
from sqlalchemy import Select, exists, func, select, update
from werkzeug.wrappers import Response

from config import settings
from flows import outbox, passwords
from flows.errors import N_, Refused
from inbox.current import Login, current
from models import db
from models.merchant import Merchant
from models.notice import Notice
from models.types import utcnow
from models.user import REMEMBERED, LoginSession, Membership, User

log = logging.getLogger(__name__)

GUESSES = 10
GUESSING_TIME = timedelta(minutes=15)
NOTICED_EVERY = timedelta(minutes=1)


class TooManyGuesses(Refused):
    """Wrong passwords came too fast; the door opens again by itself."""

    status = 429

    def __init__(self, wait: timedelta) -> None:
        minutes = max(1, -(-int(wait.total_seconds()) // 60))
        super().__init__(
            "too_many_guesses",
            N_("Too many attempts for this account. Try again in {minutes} min."),
            minutes=minutes,
        )


# --- signing in -----------------------------------------------------------------------------------


def sign_in(email: str, password: str, *, remember: bool) -> str:
    """The token of a new session. Refused alike for a wrong password and an unknown e-mail.

    A guess is counted before it is tried, so that a hundred at once are still ten.
    """
    email = email.strip().lower()
    user = _count_guess(email)
    if not passwords.matches(user.password_hash if user else None, password) or user is None:
        log.info("sign-in refused from %s", request.remote_addr)
        raise Refused("wrong_password", N_("This e-mail and this password do not go together."))
    token = secrets.token_urlsafe(32)
    with db.house() as house:
        known = house.get_one(User, user.id)
        known.failed_sign_ins = []
        if passwords.outdated(known.password_hash):
            known.password_hash = passwords.hashed(password)
        house.add(_session(house, known, token, remember=remember))
    return token


def _count_guess(email: str) -> User | None:
    now = utcnow()
    with db.house() as house:
        user = house.scalars(
            select(User)
            .where(func.lower(User.email) == email, User.disabled_at.is_(None))
            .with_for_update()
        ).one_or_none()
        if user is None:
            _count_strangers_guess(email)
        else:
            recent = [at for at in user.failed_sign_ins if at > now - GUESSING_TIME]
            if len(recent) >= GUESSES:
                raise TooManyGuesses(recent[0] + GUESSING_TIME - now)
            user.failed_sign_ins = [*recent, now]
    return user


def _count_strangers_guess(email: str) -> None:
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


def _session(house: db.HouseSession, user: User, token: str, *, remember: bool) -> LoginSession:
    merchant_id = house.scalars(
        select(Membership.merchant_id)
        .where(Membership.user_id == user.id, Membership.disabled_at.is_(None))
        .order_by(Membership.id)
        .limit(1)
    ).one_or_none()
    if merchant_id is None:
        raise Refused("no_team", N_("You are no longer in a team. Ask its owner to let you in."))
    return LoginSession(
        id=_digest(token),
        user_id=user.id,
        merchant_id=merchant_id,
        remember=remember,
        user_agent=request.user_agent.string[:200],
        ip=request.remote_addr or "",
    )


# --- being signed in ------------------------------------------------------------------------------


def recognise() -> Login | None:
    """Who this request's cookie belongs to, if its session still lives; one query."""
    token = request.cookies.get(cookie_name())
    if not token:
        return None
    now = utcnow()
    with db.house() as house:
        row = house.execute(_who(token)).one_or_none()
        if row is None:
            return None
        session, user, member, merchant, noticed = row
        if not session.alive(now):
            return None
        _notice(house, session, now)
    return Login(session.id, user, member, merchant, noticed)


def end() -> None:
    """This browser's session is over, whatever becomes of its cookie."""
    if current.signed_in:
        with db.house() as house:
            house.get_one(LoginSession, current.login.session_id).ended_at = utcnow()


def _who(token: str) -> Select[LoginSession, User, Membership, Merchant, bool]:
    stands = exists().where(Notice.merchant_id == Merchant.id, Notice.ended_at.is_(None))
    return (
        select(LoginSession, User, Membership, Merchant, stands)
        .join(User, User.id == LoginSession.user_id)
        .join(Merchant, Merchant.id == LoginSession.merchant_id)
        .join(
            Membership,
            (Membership.user_id == User.id) & (Membership.merchant_id == LoginSession.merchant_id),
        )
        .where(
            LoginSession.id == _digest(token),
            LoginSession.ended_at.is_(None),
            User.disabled_at.is_(None),
            Membership.disabled_at.is_(None),
        )
    )


def _notice(house: db.HouseSession, session: LoginSession, now: datetime) -> None:
    # A screen left open refreshes itself all night; that is not somebody at work.
    if not current.in_background and now - session.last_seen_at > NOTICED_EVERY:
        house.execute(
            update(LoginSession).where(LoginSession.id == session.id).values(last_seen_at=now)
        )


# --- the cookie -----------------------------------------------------------------------------------


def cookie_name() -> str:
    return "__Host-wasl" if settings().https else "wasl"


def give_cookie(response: Response, token: str, *, remember: bool) -> None:
    response.set_cookie(
        cookie_name(),
        token,
        max_age=REMEMBERED if remember else None,
        secure=settings().https,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def take_cookie(response: Response) -> None:
    response.delete_cookie(
        cookie_name(), secure=settings().https, httponly=True, samesite="Lax", path="/"
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

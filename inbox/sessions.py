"""From a password to a cookie, from a cookie to the person: sign in, recognise, sign out."""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from flask import request
from sqlalchemy import Select, delete, exists, func, select, update
from sqlalchemy.orm import aliased
from werkzeug.wrappers import Response

from config import settings
from flows import audit, counters, passwords, security
from flows.errors import N_, Refused
from flows.security import guesses, proving, taking
from inbox.current import Login, current
from models import db
from models.merchant import Merchant
from models.notice import Notice
from models.security import SECOND_STEP_IN, HalfSignIn
from models.types import utcnow
from models.user import REMEMBERED, LoginSession, Membership, User

log = logging.getLogger(__name__)

WRONG = N_("This e-mail and this password do not go together.")
NOTICED_EVERY = timedelta(minutes=1)


class SecondStepNeeded(Exception):
    """The password was right, and this person has a second step. `token` opens only its page."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token


# --- signing in -----------------------------------------------------------------------------------


def sign_in(email: str, password: str, *, remember: bool, merchant_id: UUID | None = None) -> str:
    """The token of a new session, in `merchant_id`, else where they were last.

    Refused alike for a wrong password and an unknown e-mail; SecondStepNeeded when the password
    alone does not open.
    """
    user = proven(email, password)
    return enter(user, password, remember=remember, merchant_id=merchant_id)


def proven(email: str, password: str) -> User:
    """Who has this e-mail and this password; Refused alike where there is nobody.

    A guess is counted before it is tried, so that a hundred at once are still ten; `enter` forgets
    this one.
    """
    user = guesses.count_at(email.strip().lower())
    if not passwords.matches(user.password_hash if user else None, password) or user is None:
        _note_refusal(user, "door.password_refused")
        raise Refused("wrong_password", WRONG)
    return user


def enter(user: User, password: str, *, remember: bool, merchant_id: UUID | None = None) -> str:
    """The token of a new session of somebody `proven`, or SecondStepNeeded."""
    with db.house() as house:
        # Held, so that nothing changes between the password and the session: whoever changes the
        # password or turns the second step on ends the sessions that are there.
        known = house.get_one(User, user.id, with_for_update=True)
        if not _still(known, user, password):
            raise Refused("wrong_password", WRONG)
        if passwords.outdated(known.password_hash):
            known.password_hash = passwords.hashed(password)
        if not taking.asked_of(house, user.id):
            guesses.forget(house, user.id)
            return _open(house, user, remember=remember, merchant_id=merchant_id)
        # The password alone forgets no wrong code: else it would buy ten more, again and again.
        guesses.take_back(house, user.id, user.failed_sign_ins[-1])
        token = _half(house, user, remember=remember)
    raise SecondStepNeeded(token)


def _still(known: User, user: User, password: str) -> bool:
    """Whether the password that was right a moment ago is; another sign-in may have kept it
    better meanwhile."""
    same = known.password_hash == user.password_hash
    return same or passwords.matches(known.password_hash, password)


def begin(user_id: UUID, merchant_id: UUID) -> str:
    """The token of a new session of somebody who was just made, and so proved who they are."""
    with db.house() as house:
        user = house.get_one(User, user_id)
        return _open(house, user, remember=False, merchant_id=merchant_id)


def has_several(token: str) -> bool:
    """Whether whoever just came in by this token may go into more than one merchant."""
    places = (
        select(func.count())
        .select_from(Membership)
        .join(LoginSession, LoginSession.user_id == Membership.user_id)
        .where(LoginSession.id == _digest(token), Membership.disabled_at.is_(None))
    )
    with db.house() as house:
        return (house.scalar(places) or 0) > 1


def _open(
    house: db.HouseSession,
    user: User,
    *,
    remember: bool,
    way: str = "",
    merchant_id: UUID | None = None,
) -> str:
    token = secrets.token_urlsafe(32)
    session = _session(house, user, token, remember=remember, merchant_id=merchant_id)
    house.add(session)
    house.flush()  # the audit names whose merchant it is
    audit.note_of(
        house,
        user.id,
        "door.in",
        after={"second_step": way} if way else None,
        only=session.merchant_id,
    )
    return token


def _note_refusal(user: User | None, kind: str) -> None:
    log.info("sign-in refused from %s", request.remote_addr)
    counters.count("auth_failures_total", "password")
    if user is not None:
        with db.house() as house:
            audit.note_of(house, user.id, kind, myself=False)


def _session(
    house: db.HouseSession,
    user: User,
    token: str,
    *,
    remember: bool,
    merchant_id: UUID | None,
) -> LoginSession:
    last = (
        select(func.max(LoginSession.created_at))
        .where(LoginSession.user_id == user.id, LoginSession.merchant_id == Membership.merchant_id)
        .scalar_subquery()
    )
    wished = Membership.merchant_id == merchant_id
    merchant_id = house.scalars(
        select(Membership.merchant_id)
        .where(Membership.user_id == user.id, Membership.disabled_at.is_(None))
        .order_by(wished.desc(), last.desc().nulls_last(), Membership.id)
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


# --- the second step -----------------------------------------------------------------------------


def _half(house: db.HouseSession, user: User, *, remember: bool) -> str:
    token = secrets.token_urlsafe(32)
    house.add(HalfSignIn(id=_digest(token), user_id=user.id, remember=remember))
    return token


def owing() -> HalfSignIn | None:
    """The sign-in of this browser that still owes its second step."""
    token = request.cookies.get(half_cookie_name())
    if not token:
        return None
    living = select(HalfSignIn).join(User, User.id == HalfSignIn.user_id)
    with db.house() as house:
        half = house.scalars(
            living.where(HalfSignIn.id == _digest(token), User.disabled_at.is_(None))
        ).one_or_none()
    return half if half is not None and half.alive(utcnow()) else None


def finish(half: HalfSignIn, code: str, *, merchant_id: UUID | None = None) -> str:
    """The token of a new session: the code was right, and opens nothing again.

    `merchant_id`: where they want to be, if they may, else where they were last. Refused for a
    wrong or used one: it counts as a guess like a wrong password.
    """
    guesses.count_for(half.user_id)
    with db.house() as house:
        way = taking.take(house, half.user_id, code)
        if way is not None:
            # Whoever is first with this half takes it: the other one signs in anew.
            mine = delete(HalfSignIn).where(HalfSignIn.id == half.id)
            if house.scalar(mine.returning(HalfSignIn.user_id)) is None:
                raise Refused("sign_in_over", N_("This took too long. Begin again."))
            guesses.forget(house, half.user_id)
            user = house.get_one(User, half.user_id)
            remember = half.remember
            return _open(house, user, remember=remember, way=way.value, merchant_id=merchant_id)
    with db.house() as house:
        audit.note_of(house, half.user_id, "door.code_refused", myself=False)
    counters.count("auth_failures_total", "code")
    raise Refused("wrong_code", proving.WRONG_CODE)


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
        session, user, member, merchant, *standing = row
        if not session.alive(now):
            return None
        _notice(house, session, now)
    return Login(session.id, user, member, merchant, *standing)


def end(*, told: bool = False) -> None:
    """This browser's session is over, whatever becomes of its cookie. `told`: in the audit too."""
    if current.signed_in:
        with db.house() as house:
            house.get_one(LoginSession, current.login.session_id).ended_at = utcnow()
            if told:
                merchant_id = current.login.merchant.id
                audit.note_of(house, current.user_id, "door.out", only=merchant_id)


def _who(token: str) -> Select[LoginSession, User, Membership, Merchant, bool, bool, bool]:
    other = aliased(Membership)
    elsewhere = exists().where(
        other.user_id == User.id,
        other.merchant_id != LoginSession.merchant_id,
        other.disabled_at.is_(None),
    )
    stands = exists().where(Notice.merchant_id == Merchant.id, Notice.ended_at.is_(None))
    return (
        select(LoginSession, User, Membership, Merchant, elsewhere, security.owes(), stands)
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


def half_cookie_name() -> str:
    return f"{cookie_name()}-half"


def give_half_cookie(response: Response, token: str) -> None:
    response.set_cookie(
        half_cookie_name(),
        token,
        max_age=SECOND_STEP_IN,
        secure=settings().https,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def take_half_cookie(response: Response) -> None:
    response.delete_cookie(
        half_cookie_name(), secure=settings().https, httponly=True, samesite="Lax", path="/"
    )


def take_cookie(response: Response) -> None:
    response.delete_cookie(
        cookie_name(), secure=settings().https, httponly=True, samesite="Lax", path="/"
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

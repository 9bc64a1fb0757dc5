"""Where somebody is signed in: listed, ended one by one, all but this one, or by the owner."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update

from flows import audit, live
from flows.errors import NotFound
from models import db
from models.security import HalfSignIn
from models.types import utcnow
from models.user import IDLE, LONGEST, REMEMBERED, LoginSession, Membership

MOST = 100
"""Nobody reads more; what is not listed ends with "all others" like the rest."""


def listed(user_id: UUID) -> Sequence[LoginSession]:
    """The browsers in which this person is signed in now, the last seen first."""
    open_ = (
        select(LoginSession)
        .where(LoginSession.user_id == user_id, still_open())
        .order_by(LoginSession.last_seen_at.desc(), LoginSession.id)
    )
    with db.house() as house:
        return house.scalars(open_.limit(MOST)).all()


def end(user_id: UUID, session_id: bytes) -> None:
    """This browser of theirs is signed out; NotFound for one that is not theirs, or out already."""
    with db.house() as house:
        found = house.get(LoginSession, session_id, with_for_update=True)
        if found is None or found.user_id != user_id or found.ended_at is not None:
            raise NotFound
        found.ended_at = utcnow()
        where = {"agent": found.user_agent, "ip": found.ip}
        audit.note_of(house, user_id, "account.browser_ended", before=where)


def end_others(user_id: UUID, here: bytes) -> int:
    """Every browser but this one is signed out; how many were."""
    with db.house() as house:
        count = end_all(house, user_id, but=here)
        if count:
            audit.note_of(house, user_id, "account.browsers_ended", after={"count": count})
    return count


def end_sessions(member: Membership) -> int:
    """The owner's hand: this member is signed out of the merchant everywhere, at once."""
    with db.house() as house:
        count = end_here(house, member)
        audit.note_in(house, member, "team.browsers_ended", after={"count": count})
    live.cut_off(member.id, merchant_id=member.merchant_id)
    return count


def still_open() -> ColumnElement[bool]:
    """The same as LoginSession.alive, for the database."""
    now = utcnow()
    busy = (LoginSession.last_seen_at > now - IDLE) & (LoginSession.created_at > now - LONGEST)
    kept = LoginSession.remember & (LoginSession.created_at > now - REMEMBERED)
    return LoginSession.ended_at.is_(None) & (kept | (~LoginSession.remember & busy))


def end_here(house: db.HouseSession, member: Membership) -> int:
    """The same within a house's transaction, untold; half a sign-in ends too."""
    house.execute(delete(HalfSignIn).where(HalfSignIn.user_id == member.user_id))
    theirs = _open(member.user_id, LoginSession.merchant_id == member.merchant_id)
    return len(_ended(house, theirs))


def end_all(house: db.HouseSession, user_id: UUID, *, but: bytes | None = None) -> int:
    """The same within a house's transaction; half a sign-in ends too."""
    house.execute(delete(HalfSignIn).where(HalfSignIn.user_id == user_id))
    others = () if but is None else (LoginSession.id != but,)
    return len(_ended(house, _open(user_id, *others)))


def _open(user_id: UUID, *more: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    return (LoginSession.user_id == user_id, LoginSession.ended_at.is_(None), *more)


def _ended(house: db.HouseSession, which: tuple[ColumnElement[bool], ...]) -> Sequence[bytes]:
    gone = update(LoginSession).where(*which).values(ended_at=utcnow())
    gone = gone.execution_options(synchronize_session=False)
    return house.scalars(gone.returning(LoginSession.id)).all()

"""What somebody should act on: raised by news and failures, until seen to or no longer true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from flows import live, permissions
from flows.errors import NotFound
from models import db
from models.channel import BY_A_PERSON, Channel
from models.notice import Notice
from models.types import new_id, utcnow
from models.user import Membership

FOR_ALL = ("token", "permission", "account", "payment", BY_A_PERSON)
"""Nothing leaves: whoever writes to customers should know, not only who can mend it."""
SHOWN = 5


def put_up(kind: str, *, about: str, channel: Channel | None = None, **facts: Any) -> bool:
    """Everybody who may act sees it from now on; True when it is new, not only newer."""
    session = db.session()
    row = {
        "merchant_id": session.merchant_id,
        "id": new_id(),
        "channel_id": channel.id if channel else None,
        "about": about,
        "kind": kind,
        "facts": facts,
        "at": utcnow(),
    }
    fresh = insert(Notice).values(row)
    statement = fresh.on_conflict_do_update(
        index_elements=["merchant_id", "about", "kind"],
        index_where=Notice.ended_at.is_(None),
        set_={"facts": fresh.excluded.facts, "at": fresh.excluded.at},
    ).returning(Notice.id)
    kept = session.execute(statement).scalar_one()
    live.changed("notices", "channels")
    return bool(kept == row["id"])


def take_down(*kinds: str, about: str) -> None:
    """These are no longer true."""
    ended = (
        update(Notice)
        .where(Notice.about == about, Notice.kind.in_(kinds), Notice.ended_at.is_(None))
        .values(ended_at=utcnow())
        .returning(Notice.id)
    )
    if db.session().execute(ended).all():
        live.changed("notices", "channels")


def standing(member: Membership) -> Sequence[Notice]:
    """What this person should know of, the newest first."""
    newest = (
        select(Notice)
        .where(Notice.ended_at.is_(None))
        .order_by(Notice.kind.in_(FOR_ALL).desc(), Notice.at.desc(), Notice.id)
        .limit(SHOWN)
        .options(joinedload(Notice.channel))
    )
    if not permissions.may(member, "channels.edit"):
        newest = newest.where(Notice.kind.in_(FOR_ALL))
    return db.session().scalars(newest).all()


def about(channel: Channel) -> Sequence[Notice]:
    """What stands about this number and its account."""
    mine = select(Notice).where(
        Notice.ended_at.is_(None),
        Notice.about.in_((channel.phone_number_id, channel.waba_id)),
    )
    return db.session().scalars(mine.order_by(Notice.at.desc(), Notice.id)).all()


def dismiss(notice_id: UUID, *, by: Membership) -> None:
    """Somebody has seen to it: it goes, for everybody; twice is once. NotFound for another's."""
    wanted = select(Notice).where(Notice.id == notice_id)
    notice = db.session().scalars(wanted.with_for_update()).one_or_none()
    if notice is None:
        raise NotFound
    if notice.ended_at is None:
        notice.ended_at, notice.ended_by_id = utcnow(), by.id
    live.changed("notices", "channels")

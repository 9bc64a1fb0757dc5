"""When to ask Meta for its list again: hourly, at once when asked, soon after a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update

from flows import live, outbox
from flows.templates import news
from models import db
from models.channel import Channel
from models.template import MessageTemplate
from models.types import utcnow

EVERY = timedelta(hours=1)
AFTER_A_FAILURE = timedelta(minutes=5)
LEASE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Account:
    """A messaging account whose list is due."""

    channel_id: UUID
    waba_id: str
    token: str = field(repr=False)
    at: datetime


def take(channel_id: UUID) -> Account | None:
    """The account of this number, for one worker; None when nothing is due (any more)."""
    now = utcnow()
    due = func.coalesce(Channel.templates_due_at, Channel.created_at) <= now
    wanted = select(Channel).where(Channel.id == channel_id, due)
    channel = db.session().scalars(wanted.with_for_update(skip_locked=True)).one_or_none()
    if channel is None:
        return None
    channel.templates_due_at = now + LEASE
    return Account(channel.id, channel.waba_id, channel.token, now)


def keep_listed(account: Account, listed: Sequence[Mapping[str, Any]] | None) -> None:
    """The account's templates are as Meta lists them, or (None) it is asked again in a while."""
    if listed is not None:
        news.keep(account.waba_id, listed, complete_at=account.at)
    taken = (Channel.id == account.channel_id) & (Channel.templates_due_at == account.at + LEASE)
    # Another number of the account was due as well; one asked for meanwhile stays asked for.
    sisters = (Channel.waba_id == account.waba_id) & (Channel.templates_due_at <= account.at)
    answered = taken if listed is None else or_(taken, sisters)
    wait = AFTER_A_FAILURE if listed is None else EVERY
    db.session().execute(update(Channel).where(answered).values(templates_due_at=utcnow() + wait))
    live.changed("templates")


def refresh() -> None:
    """Every account's list is asked for at once."""
    session = db.session()
    everyone = update(Channel).values(templates_due_at=utcnow()).returning(Channel.id)
    lanes = [f"templates:{session.merchant_id}:{id_}" for id_ in session.scalars(everyone)]
    for lane in lanes:
        db.after_commit(partial(outbox.nudge, lane))
    live.changed("templates")


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old what we know is; `asking`: Meta is being asked just now."""

    at: datetime | None
    asking: bool


def freshness() -> Freshness:
    seen = select(func.max(MessageTemplate.synced_at)).where(MessageTemplate.meta_id.is_not(None))
    due = select(func.min(Channel.templates_due_at))
    at, next_ = db.session().execute(select(seen.scalar_subquery(), due.scalar_subquery())).one()
    return Freshness(at, next_ is not None and next_ <= utcnow())

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
from flows.channels import pausing
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


@dataclass(frozen=True, slots=True)
class Listed:
    """What Meta listed; None, with the reason of flows/verdicts, when it listed nothing."""

    templates: Sequence[Mapping[str, Any]] | None
    problem: str | None = None
    words: str | None = None


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


def keep_listed(account: Account, answer: Listed) -> None:
    """The account's templates are as Meta lists them, or it is asked again in a while.

    A token that Meta refuses pauses its number here as at a message.
    """
    listed = answer.templates
    if listed is not None:
        news.keep(account.waba_id, listed, complete_at=account.at)
    taken = (Channel.id == account.channel_id) & (Channel.templates_due_at == account.at + LEASE)
    # Another number of the account was due as well; one asked for meanwhile stays asked for.
    sisters = (Channel.waba_id == account.waba_id) & (Channel.templates_due_at <= account.at)
    answered = taken if listed is None else or_(taken, sisters)
    wait = AFTER_A_FAILURE if listed is None else EVERY
    db.session().execute(
        update(Channel)
        .where(answered)
        .values(templates_due_at=utcnow() + wait, templates_problem=answer.problem)
    )
    if answer.problem is not None:
        _trouble(account.channel_id, answer)
    live.changed("templates")


def _trouble(channel_id: UUID, answer: Listed) -> None:
    proven = select(Channel.proven_at).where(Channel.id == channel_id)
    if db.session().scalar(proven) is not None:
        pausing.trouble(channel_id, answer.problem or "", answer.words)


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

"""How the bot does: what it handled alone, what it took in, what it handed over, what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Date, cast, func, select

from models import db
from models.cost import Charge
from models.merchant import Merchant
from models.message import Message, Origin
from models.talk import Turn
from models.types import utcnow

DAYS = 30
MOVING = ("cancelled", "delivery_again", "address_changed")
"""What it does, besides answering a question, that moves an order."""


@dataclass(slots=True)
class Day:
    on: date
    alone: int = 0
    handed: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one number, or all, in the last DAYS days."""

    turns: int
    talks: int
    """Customers and days: somebody who wrote on two days counts twice."""
    alone: int
    """Of those, how many no person was called to."""
    handed: int
    orders: int
    drafts: int
    moved: int
    """Orders it moved by what customers wrote."""
    missed: int
    messages: int
    micros: int | None
    """What Meta charged for its messages so far; None for who may not see it."""
    currency: str
    days: Sequence[Day] = field(default_factory=tuple)
    why: Sequence[tuple[str, int]] = field(default_factory=tuple)
    """Why it handed over, most often first."""

    @property
    def share(self) -> float | None:
        """Of the talks those that needed no person; None without any."""
        return self.alone / self.talks if self.talks else None


def figures(channel_id: UUID | None = None, *, money: bool) -> Figures:
    session = db.session()
    merchant = session.get_one(Merchant, session.merchant_id)
    since = utcnow() - timedelta(days=DAYS)
    mine = [Turn.at >= since, *([Turn.channel_id == channel_id] if channel_id else [])]
    local = cast(func.timezone(merchant.time_zone, Turn.at), Date).label("on")
    left = func.bool_or(Turn.did.in_(("handed_over", "drafted"))).label("left")
    talks = (
        select(local, Turn.conversation_id, left)
        .where(*mine)
        .group_by(local, Turn.conversation_id)
        .subquery()
    )
    by_day = select(
        talks.c.on,
        func.count().filter(~talks.c.left),
        func.count().filter(talks.c.left),
    ).group_by(talks.c.on)
    days = {row[0]: Day(*row) for row in session.execute(by_day)}
    deeds = dict(
        session.execute(select(Turn.did, func.count()).where(*mine).group_by(Turn.did)).all()
    )
    alone = sum(day.alone for day in days.values())
    handed = sum(day.handed for day in days.values())
    messages, micros, currency = _cost(channel_id, since)
    return Figures(
        turns=sum(deeds.values()),
        talks=alone + handed,
        alone=alone,
        handed=handed,
        orders=deeds.get("ordered", 0),
        drafts=deeds.get("drafted", 0),
        moved=deeds.get("moved", 0) + sum(deeds.get(one, 0) for one in MOVING),
        missed=deeds.get("not_understood", 0),
        messages=messages,
        micros=micros if money else None,
        currency=currency,
        days=_every_day(days, since, merchant),
        why=_why(mine),
    )


def _every_day(days: dict[date, Day], since: datetime, merchant: Merchant) -> list[Day]:
    first = since.astimezone(merchant.zone).date() + timedelta(days=1)
    every = [first + timedelta(days=n) for n in range(DAYS)]
    return [days.get(on, Day(on)) for on in every]


def _why(mine: Sequence[object]) -> list[tuple[str, int]]:
    reason = Turn.facts["why"].astext
    wanted = (
        select(reason, func.count())
        .where(*mine, Turn.did == "handed_over")  # type: ignore[arg-type]
        .group_by(reason)
        .order_by(func.count().desc())
    )
    return [(why or "", count) for why, count in db.session().execute(wanted)]


def _cost(channel_id: UUID | None, since: datetime) -> tuple[int, int, str]:
    sent = select(func.count()).where(Message.origin == Origin.BOT, Message.at >= since)
    paid = (
        select(func.coalesce(func.sum(Charge.amount_micros), 0), func.max(Charge.currency))
        .join(
            Message,
            (Message.merchant_id == Charge.merchant_id) & (Message.id == Charge.message_id),
        )
        .where(Message.origin == Origin.BOT, Message.at >= since)
    )
    if channel_id is not None:
        sent = sent.where(Message.channel_id == channel_id)
        paid = paid.where(Charge.channel_id == channel_id)
    micros, currency = db.session().execute(paid).one()
    return db.session().scalar(sent) or 0, int(micros or 0), currency or "USD"

"""What Meta's analytics say of the last days beside our own sums: the drift of the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert

from flows import live
from flows.costs.rules import last_day, spelled
from models import db
from models.channel import Channel
from models.cost import Reckoning, Spending
from models.types import new_id, utcnow

DAYS = 7
"""So many whole days are asked for each time: Meta still corrects the last ones."""
EVERY = timedelta(hours=6)
AFTER_A_FAILURE = timedelta(minutes=30)
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Question:
    """Which days of which number to ask about; plain values, so that no row waits for Meta."""

    channel_id: UUID
    waba_id: str
    token: str = field(repr=False)
    phone: str
    """The number's digits, as analytics name it."""
    alone: bool
    """Whether the account has no other number here: what names no number is this one's."""
    zone: ZoneInfo
    first: date
    until: date
    """The day after the last one, on the account's calendar."""
    at: datetime

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), self.zone)

    @property
    def end(self) -> datetime:
        return datetime.combine(self.until, time(), self.zone)


@dataclass(frozen=True, slots=True)
class Point:
    """One sum of Meta's: so many messages since `start`, in a half-hour or a day of the account."""

    start: datetime
    phone: str | None
    category: str
    kind: str
    volume: int
    micros: int | None
    """None where Meta tells no cost."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One day of one number, counted by both."""

    day: date
    channel_id: UUID
    currency: str
    ours: int
    our_micros: int
    theirs: int
    their_micros: int | None

    @property
    def messages(self) -> int:
        return self.ours - self.theirs

    @property
    def micros(self) -> int | None:
        return None if self.their_micros is None else self.our_micros - self.their_micros

    @property
    def agrees(self) -> bool:
        return not self.messages and not self.micros


def take(channel_id: UUID) -> Question | None:
    """What to ask of this number, for one worker; None when nothing is due (any more)."""
    now = utcnow()
    due = func.coalesce(Channel.reckoning_due_at, Channel.created_at) <= now
    wanted = select(Channel).where(Channel.id == channel_id, due)
    channel = db.session().scalars(wanted.with_for_update(skip_locked=True)).one_or_none()
    if channel is None:
        return None
    channel.reckoning_due_at = now + LEASE
    sisters = select(func.count()).where(Channel.waba_id == channel.waba_id)
    zone = ZoneInfo(channel.time_zone)
    today = now.astimezone(zone).date()
    return Question(
        channel_id=channel.id,
        waba_id=channel.waba_id,
        token=channel.token,
        phone=_digits(channel.display_phone_number),
        alone=db.session().scalar(sisters) == 1,
        zone=zone,
        first=today - timedelta(days=DAYS),
        until=today,
        at=now,
    )


def keep(question: Question, points: Sequence[Point] | None) -> None:
    """Each day asked for has a row with what Meta says now, or (None) it is asked again soon."""
    if points is not None:
        _write(question, points)
    wait = EVERY if points is not None else AFTER_A_FAILURE
    mine = (Channel.id == question.channel_id) & (Channel.reckoning_due_at == question.at + LEASE)
    db.session().execute(update(Channel).where(mine).values(reckoning_due_at=utcnow() + wait))


def drift(first_day: date, *, channel_id: UUID | None = None) -> list[Drift]:
    """The days of the month that Meta was asked about, the newest first."""
    last = last_day(first_day)
    counted = (
        select(Reckoning, Channel.currency)
        .join(
            Channel,
            (Channel.merchant_id == Reckoning.merchant_id) & (Channel.id == Reckoning.channel_id),
        )
        .where(Reckoning.day.between(first_day, last))
        .order_by(Reckoning.day.desc(), Reckoning.channel_id)
    )
    if channel_id is not None:
        counted = counted.where(Reckoning.channel_id == channel_id)
    told = db.session().execute(counted).all()
    ours = _ours(first_day, last) if told else {}
    return [
        Drift(
            theirs.day,
            theirs.channel_id,
            currency,
            *ours.get((theirs.channel_id, theirs.day), (0, 0)),
            theirs.volume,
            theirs.micros,
        )
        for theirs, currency in told
    ]


def _write(question: Question, points: Iterable[Point]) -> None:
    days: dict[date, list[Point]] = {
        question.first + timedelta(days=n): []
        for n in range((question.until - question.first).days)
    }
    for point in points:
        mine = _digits(point.phone) == question.phone if point.phone else question.alone
        day = point.start.astimezone(question.zone).date()
        if mine and day in days:
            days[day].append(point)
    session = db.session()
    rows = [
        {
            "merchant_id": session.merchant_id,
            "id": new_id(),
            "channel_id": question.channel_id,
            "day": day,
            "volume": sum(point.volume for point in told),
            "micros": _sum(point.micros for point in told),
            "parts": _parts(told),
            "asked_at": utcnow(),
        }
        for day, told in days.items()
    ]
    fresh = insert(Reckoning).values(rows)
    said = {name: fresh.excluded[name] for name in ("volume", "micros", "parts", "asked_at")}
    session.execute(
        fresh.on_conflict_do_update(index_elements=["merchant_id", "channel_id", "day"], set_=said)
    )
    live.changed("costs")


def _parts(told: Iterable[Point]) -> list[list[object]]:
    """What Meta names by category and type, added up over the day."""
    parts: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in told:
        parts[spelled(point.category), spelled(point.kind)].append(point)
    return [
        [*key, sum(p.volume for p in points), _sum(p.micros for p in points)]
        for key, points in sorted(parts.items())
    ]


def _sum(amounts: Iterable[int | None]) -> int | None:
    """None as soon as one is not told: a sum without it would look like a price."""
    known = list(amounts)
    return None if None in known else sum(amount or 0 for amount in known)


def _ours(first: date, last: date) -> dict[tuple[UUID, date], tuple[int, int]]:
    key = (Spending.channel_id, Spending.local_date)
    sums = (func.sum(Spending.messages), func.sum(Spending.amount))
    wanted = (
        select(*key, *(cast(each, BigInteger) for each in sums))
        .where(Spending.local_date.between(first, last), Spending.reason != "phone")
        .group_by(*key)
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in db.session().execute(wanted)}


def _digits(phone: str | None) -> str:
    return "".join(c for c in phone or "" if c.isdecimal())

"""How the install is: what waits and since when, who works, whether Redis and disk are there."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Literal
from uuid import uuid4

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import (
    ColumnElement,
    Double,
    Select,
    and_,
    cast,
    delete,
    exists,
    extract,
    func,
    insert,
    select,
    text,
)

from config import settings
from flows.heartbeats import KINDS
from models import db
from models.channel import Channel, ChannelState
from models.envelope import Envelope, EnvelopeState
from models.heartbeat import Heartbeat
from models.message import Message, Sending

SILENT = 12.0
"""Seconds without a beat, of one every three, after which a process is not there any more."""
STUCK = 60.0
"""Seconds at one job: a shift is 20, and a call to Meta at most 10."""
LATE = 60.0
"""Seconds that a body may wait to be read, and a message to leave, before it is said."""
FORGOTTEN = 600.0
"""Seconds after which a process that died is no longer missed, if another one of its kind lives."""
FRESH = 3.0
"""Seconds for which one look is good enough for all pages of this process."""
BRIEF = 1.0
"""The same of a write: whoever asks all the time must not make us write all the time."""

State = Literal["alive", "silent", "stuck"]
Trouble = Literal["missing", "silent", "stuck", "redis", "unread", "unsent"]


@dataclass(frozen=True, slots=True)
class Worker:
    """A process in the background. Ages are seconds."""

    kind: str
    host: str
    pid: int
    doing: str
    busy: float
    """How long it has been at what it does."""
    silent: float
    """How long ago it was heard of."""
    patient: bool = False
    """Redis is away: whoever waits for it is not stuck."""

    @property
    def state(self) -> State:
        if self.silent > SILENT:
            return "silent"
        stuck = self.busy > STUCK and not (self.patient and not self.doing)
        return "stuck" if stuck else "alive"


@dataclass(frozen=True, slots=True)
class Health:
    """One look at everything. Ages are seconds, 0 when nothing waits."""

    redis: bool
    unread: int
    unread_age: float
    unsent_age: float
    heard_at: datetime | None
    """When the last webhook came."""
    workers: tuple[Worker, ...] = field(default=())

    @property
    def alive(self) -> tuple[Worker, ...]:
        return tuple(one for one in self.workers if one.state == "alive")

    @property
    def missing(self) -> tuple[str, ...]:
        """The kinds of which nobody is heard of."""
        heard = {one.kind for one in self.workers if one.state != "silent"}
        return tuple(kind for kind in KINDS if kind not in heard)

    @property
    def troubles(self) -> tuple[tuple[Trouble, str], ...]:
        """What is wrong, the worst first, and with which kind of worker ("" for all)."""
        found: list[tuple[Trouble, str]] = [("missing", kind) for kind in self.missing]
        gone = {one.kind for one in self.workers if one.state == "silent"} - set(self.missing)
        found += [("silent", kind) for kind in sorted(gone)]
        found += [
            ("stuck", k) for k in sorted({w.kind for w in self.workers if w.state == "stuck"})
        ]
        found += [("redis", "")] if not self.redis else []
        found += [("unread", "")] if self.unread_age > LATE else []
        found += [("unsent", "")] if self.unsent_age > LATE else []
        return tuple(found)

    @property
    def grave(self) -> bool:
        """Whether somebody must do something; else it is slow, and catches up by itself."""
        return any(trouble not in ("unread", "unsent") for trouble, _ in self.troubles)


# --- looking --------------------------------------------------------------------------------------

_looking = threading.Lock()
_last: tuple[float, Health] | None = None


def look() -> Health:
    """How it is, at most three seconds ago. SQLAlchemyError when the database does not answer."""
    global _last
    with _looking:
        if _last is None or time.monotonic() - _last[0] > FRESH:
            _last = (time.monotonic(), look_now())
        return _last[1]


def forget() -> None:
    """The next look is a new one."""
    global _last, _written
    _last = _written = None


def look_now() -> Health:
    reachable = redis_answers()
    with db.house() as house:
        unread, unread_age = house.execute(_unread()).one()
        heard_at = house.scalar(select(Envelope.received_at).order_by(Envelope.id.desc()).limit(1))
        return Health(
            redis=reachable,
            unread=unread,
            unread_age=unread_age,
            unsent_age=house.scalar(_unsent()) or 0.0,
            heard_at=heard_at,
            workers=_workers(house, patient=not reachable),
        )


def revision() -> str | None:
    """At which step of its migrations the database is."""
    with db.house() as house:
        found: str | None = house.scalar(text("SELECT version_num FROM alembic_version"))
    return found


_writing = threading.Lock()
_written: tuple[float, float] | None = None


def write() -> float:
    """Seconds that a row took to be on disk and gone again, at most a second ago; SQLAlchemyError
    when it cannot be."""
    global _written
    with _writing:
        if _written is None or time.monotonic() - _written[0] > BRIEF:
            _written = None
            _written = (time.monotonic(), write_now())
        return _written[1]


def write_now() -> float:
    begun, id_ = time.monotonic(), uuid4()
    facts = {"kind": "probe", "host": "", "pid": 0, "doing": ""}
    times = dict.fromkeys(("started_at", "beat_at", "since"), func.now())
    with db.house() as house:
        house.execute(text("SET LOCAL statement_timeout = '2s'"))
        house.execute(insert(Heartbeat).values(id=id_, **facts, **times))
        house.execute(delete(Heartbeat).where(Heartbeat.id == id_))
    return time.monotonic() - begun


def redis_answers() -> bool:
    try:
        hurried().ping()
    except redis.RedisError:
        return False
    return True


def free_disk() -> tuple[int, int]:
    """Bytes that are free where our files lie, and of how many."""
    folder = settings().var
    place = next(path for path in (folder, *folder.parents) if path.exists())
    usage = shutil.disk_usage(place)
    return usage.free, usage.total


def forget_the_dead() -> None:
    """Processes that have been silent for ten minutes are no longer listed."""
    silent = _age(Heartbeat.beat_at) > FORGOTTEN
    with db.house() as house:
        house.execute(delete(Heartbeat).where(silent))


@cache
def hurried() -> redis.Redis:
    """A page waits for this answer: a Redis that hangs is as good as none."""
    return redis.Redis.from_url(
        settings().redis_url,
        socket_connect_timeout=0.3,
        socket_timeout=0.3,
        retry=Retry(NoBackoff(), 0),
    )


def _age(at: Any) -> ColumnElement[float]:
    """Seconds since then, by the database's clock."""
    return cast(func.greatest(extract("epoch", func.clock_timestamp() - at), 0), Double())


def _unread() -> Select[int, float]:
    new = Envelope.state == EnvelopeState.NEW
    oldest = select(_age(Envelope.received_at)).where(new).order_by(Envelope.id).limit(1)
    count = select(func.count()).select_from(Envelope).where(new)
    return select(count.scalar_subquery(), func.coalesce(oldest.scalar_subquery(), 0.0))


def _unsent() -> Select[float]:
    """The age of the message that should have left first; what a paused number keeps is not due."""
    paused = exists().where(
        Channel.merchant_id == Message.merchant_id,
        Channel.id == Message.channel_id,
        Channel.state == ChannelState.PAUSED,
    )
    waiting = Message.sending.in_((Sending.QUEUED, Sending.CLAIMED, Sending.WAITING))
    due = and_(waiting, Message.due_at <= func.now(), ~paused)
    return select(func.max(_age(Message.due_at))).where(due)


def _workers(house: db.HouseSession, *, patient: bool) -> tuple[Worker, ...]:
    rows = house.execute(
        select(
            *(Heartbeat.kind, Heartbeat.host, Heartbeat.pid, Heartbeat.doing),
            _age(Heartbeat.since).label("busy"),
            _age(Heartbeat.beat_at).label("silent"),
        ).order_by(Heartbeat.kind, Heartbeat.started_at)
    )
    return tuple(Worker(*row, patient=patient) for row in rows)

"""After commit: nudge the worker of a row; sweep() finds lost nudges.

A job carries no content. It says "drain this lane": the rows in PostgreSQL are the queue.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

import redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Select, and_, func, or_, select

from config import settings
from models import db
from models.automation import Run
from models.bulk import Bulk, BulkState
from models.channel import Channel
from models.envelope import Envelope, EnvelopeState
from models.message import Media, Message, ReadMark, Sending
from models.template import MessageTemplate
from models.types import utcnow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """The only way upwards: by name, resolved by a worker. A test resolves every one of them."""

    queue: str
    function: str


JOBS = {
    "ingest": Job("ingest", "bot.jobs.read_envelopes"),
    "deliver": Job("deliver", "bot.jobs.deliver_messages"),
    "templates": Job("deliver", "bot.jobs.sync_templates"),
    "drafts": Job("deliver", "bot.jobs.submit_templates"),
    "media": Job("media", "bot.jobs.fetch_media"),
    "timers": Job("chores", "flows.jobs.work_timers"),
    "bulk": Job("chores", "flows.jobs.work_bulk"),
}
QUEUES = tuple(dict.fromkeys(job.queue for job in JOBS.values()))
WAKE_SECONDS = 30
FAILURE_SECONDS = 86_400


def nudge(lane: str) -> None:
    """Wake a worker for this lane, unless one was woken and has not looked yet.

    Lanes: "ingest", "deliver:<merchant id>:<channel id>", "templates:…:…", and "drafts", "timers",
    "bulk", "media" with the merchant's id. Never raises: a dead Redis delays a row until the next
    sweep, it does not turn a committed order into an error.
    """
    try:
        if connection().set(f"wake:{lane}", 1, nx=True, ex=WAKE_SECONDS):
            _enqueue(lane)
    except redis.RedisError as error:
        log.warning("lane %s not nudged, the sweep will find it: %s", lane, error)


def _enqueue(lane: str) -> None:
    job = JOBS[lane.partition(":")[0]]
    queue(job.queue).enqueue(
        job.function, lane, result_ttl=0, failure_ttl=FAILURE_SECONDS, job_timeout=120
    )


def looking(lane: str) -> None:
    """Say that a worker looks at the lane from now on: who commits after this nudges anew."""
    connection().delete(f"wake:{lane}")


def queue(name: str, through: redis.Redis | None = None) -> Queue:
    return Queue(name, connection=through or connection(), serializer=JSONSerializer)


@cache
def connection() -> redis.Redis:
    """This process's connections to Redis; a hanging one must not hold up who nudges."""
    return redis.Redis.from_url(
        settings().redis_url,
        health_check_interval=30,
        socket_connect_timeout=0.5,
        socket_timeout=2.0,
    )


def patient_connection() -> redis.Redis:
    """For a worker, which waits in Redis for its next job."""
    return redis.Redis.from_url(settings().redis_url, health_check_interval=30)


def deliver(channel_id: UUID) -> None:
    """Once this transaction is true, wake the worker that sends for this channel."""
    lane = delivery_lane(db.session().merchant_id, channel_id)
    waiting: set[str] = db.session().info.setdefault("lanes", set())
    if lane not in waiting:
        waiting.add(lane)
        db.after_commit(lambda: nudge(lane))


def wake(kind: str) -> None:
    """Once this transaction is true, wake the worker of this merchant's drafts, timers, bulk, …"""
    lane = f"{kind}:{db.session().merchant_id}"
    waiting: set[str] = db.session().info.setdefault("lanes", set())
    if lane not in waiting:
        waiting.add(lane)
        db.after_commit(lambda: nudge(lane))


def merchant_of(lane: str) -> UUID:
    """Whose drafts, timers, bulk or media a lane is about."""
    return UUID(lane.partition(":")[2])


def delivery_lane(merchant_id: UUID, channel_id: UUID) -> str:
    return f"deliver:{merchant_id}:{channel_id}"


def lane_of(lane: str) -> tuple[UUID, UUID]:
    """The merchant and the channel a lane is about."""
    _, merchant_id, channel_id = lane.split(":")
    return UUID(merchant_id), UUID(channel_id)


def sweep() -> int:
    """Nudge every lane that has something due, whatever became of its nudge; how many lanes."""
    now = utcnow()
    with db.house() as house:
        lanes = {
            delivery_lane(merchant_id, channel_id)
            for table in (Message, ReadMark)
            for merchant_id, channel_id in house.execute(_due(table, now))
        }
        # A number from before templates were asked for by the hour has no time yet.
        asked_at = func.coalesce(Channel.templates_due_at, Channel.created_at)
        due = select(Channel.merchant_id, Channel.id).where(asked_at <= now)
        lanes |= {f"templates:{merchant}:{channel}" for merchant, channel in house.execute(due)}
        if house.scalar(select(Envelope.id).where(Envelope.state == EnvelopeState.NEW).limit(1)):
            lanes.add("ingest")
        for kind, waiting in _chores(now).items():
            lanes |= {f"{kind}:{merchant_id}" for merchant_id in house.scalars(waiting)}
    for lane in sorted(lanes):
        nudge(lane)
    return len(lanes)


def _chores(now: datetime) -> dict[str, Select[UUID]]:
    """The merchants with a draft to submit, a timer gone off, orders to move, files to fetch."""
    ready = and_(
        MessageTemplate.sending.in_((Sending.QUEUED, Sending.WAITING)),
        MessageTemplate.due_at <= now,
    )
    lost = and_(MessageTemplate.sending == Sending.CLAIMED, MessageTemplate.lease_until < now)
    gone_off = or_(Run.due_at <= now, Run.timeout_at <= now)
    free = or_(Bulk.lease_until.is_(None), Bulk.lease_until < now)
    return {
        "drafts": select(MessageTemplate.merchant_id).where(or_(ready, lost)).distinct(),
        "timers": select(Run.merchant_id).where(gone_off).distinct(),
        "bulk": select(Bulk.merchant_id)
        .where(Bulk.state.in_((BulkState.QUEUED, BulkState.WORKING)), free)
        .distinct(),
        "media": select(Media.merchant_id).where(Media.to_fetch(now)).distinct(),
    }


def _due(table: type[Message] | type[ReadMark], now: datetime) -> Select[UUID, UUID]:
    ready = and_(table.sending.in_((Sending.QUEUED, Sending.WAITING)), table.due_at <= now)
    lost = and_(table.sending == Sending.CLAIMED, table.lease_until < now)
    return select(table.merchant_id, table.channel_id).where(or_(ready, lost)).distinct()

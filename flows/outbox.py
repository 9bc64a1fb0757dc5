"""After commit: nudge the worker of a row; sweep() finds lost nudges.

A job carries no content. It says "drain this lane": the rows in PostgreSQL are the queue.
"""

from __future__ import annotations

import logging
from functools import cache
from uuid import UUID

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from config import settings
from models import db

log = logging.getLogger(__name__)

# The only way upwards: by name, resolved by a worker. A test resolves every one of them.
JOBS = {
    "ingest": "bot.jobs.read_envelopes",
    "deliver": "bot.jobs.deliver_messages",
}
WAKE_SECONDS = 30
FAILURE_SECONDS = 86_400


def nudge(lane: str) -> None:
    """Wake a worker for this lane, unless one was woken and has not looked yet.

    Lanes: "ingest", or "deliver:<merchant id>:<channel id>". Never raises: a dead Redis delays
    a row until the next sweep, it does not turn a committed order into an error.
    """
    try:
        if connection().set(f"wake:{lane}", 1, nx=True, ex=WAKE_SECONDS):
            _enqueue(lane)
    except redis.RedisError as error:
        log.warning("lane %s not nudged, the sweep will find it: %s", lane, error)


def _enqueue(lane: str) -> None:
    name = lane.partition(":")[0]
    queue(name).enqueue(
        JOBS[name], lane, result_ttl=0, failure_ttl=FAILURE_SECONDS, job_timeout=120
    )


def looking(lane: str) -> None:
    """Say that a worker looks at the lane from now on: who commits after this nudges anew."""
    connection().delete(f"wake:{lane}")


def queue(name: str) -> Queue:
    return Queue(name, connection=connection(), serializer=JSONSerializer)


@cache
def connection() -> redis.Redis:
    """This process's connection pool to Redis."""
    return redis.Redis.from_url(settings().redis_url, health_check_interval=30)


def deliver(channel_id: UUID) -> None:
    """Once this transaction is true, wake the worker that sends for this channel."""
    lane = delivery_lane(db.session().merchant_id, channel_id)
    waiting: set[str] = db.session().info.setdefault("lanes", set())
    if lane not in waiting:
        waiting.add(lane)
        db.after_commit(lambda: nudge(lane))


def delivery_lane(merchant_id: UUID, channel_id: UUID) -> str:
    return f"deliver:{merchant_id}:{channel_id}"

"""After commit: nudge the worker of a row; sweep() finds lost nudges.

A job carries no content. It says "drain this lane": the rows in PostgreSQL are the queue.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Select, and_, exists, func, or_, select

from config import settings
from flows import crashpoints
from models import db
from models.automation import Run
from models.bulk import Bulk, BulkState
from models.channel import Channel, ChannelState
from models.envelope import Envelope, EnvelopeState
from models.errand import Errand
from models.mail import Mail, MailState
from models.message import Media, Message, ReadMark, Sending
from models.talk import Talk
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
    "reckon": Job("deliver", "bot.jobs.reckon"),
    "drafts": Job("deliver", "bot.jobs.submit_templates"),
    "numbers": Job("deliver", "bot.jobs.run_errands"),
    "media": Job("media", "bot.jobs.fetch_media"),
    "timers": Job("chores", "flows.jobs.work_timers"),
    "bulk": Job("chores", "flows.jobs.work_bulk"),
    "mail": Job("chores", "flows.jobs.send_mail"),
    "talks": Job("chores", "flows.jobs.answer_customers"),
    "typing": Job("deliver", "bot.jobs.show_typing"),
}
QUEUES = tuple(dict.fromkeys(job.queue for job in JOBS.values()))
WAKE_SECONDS = 6
"""How long a lane counts as woken when nothing more is heard of its job: it may have died with the
worker that took it. A sweep renews this for as long as the job is seen waiting in its queue."""
FAILURE_SECONDS = 86_400
PASSING = "typing"
"""A kind of lane that no sweep finds again: what it is woken for is worth nothing later."""


def nudge(lane: str) -> None:
    """Wake a worker for this lane, unless one was woken and has not looked yet.

    Lanes: "ingest", "deliver:<merchant id>:<channel id>", "templates:…:…", "reckon:…:…", and
    "drafts", "timers", "numbers", "bulk", "talks", "media" with the merchant's id; "typing" has the
    conversation's, by `nudge_for`. Never raises: a dead Redis delays a row until the next sweep, it
    does not turn a committed order into an error.
    """
    crashpoints.reached("nudge.before")
    try:
        if connection().set(f"wake:{lane}", 1, nx=True, ex=WAKE_SECONDS):
            crashpoints.reached("nudge.half")
            _enqueue(lane)
    except redis.RedisError as error:
        log.warning("lane %s not nudged, the sweep will find it: %s", lane, error)


def nudge_for(lane: str, seconds: int) -> None:
    """Wake a worker for what is worth nothing later, at most once in so many seconds."""
    try:
        if connection().set(f"wake:{lane}", 1, nx=True, ex=seconds):
            _enqueue(lane)
    except redis.RedisError as error:
        log.debug("lane %s not nudged: %s", lane, error)


def woken(lane: str) -> bool:
    """Whether somebody is known to have nudged the lane since a worker began to look at it; of a
    lane of `nudge_for`: whether that was a moment ago, not before a jam."""
    try:
        return bool(connection().exists(f"wake:{lane}"))
    except redis.RedisError:
        return False


def _enqueue(lane: str) -> None:
    job = JOBS[lane.partition(":")[0]]
    queue(job.queue).enqueue(
        job.function,
        lane,
        job_id=_job_id(lane),
        result_ttl=0,
        failure_ttl=FAILURE_SECONDS,
        job_timeout=120,
    )


# A job's name says its lane: so a sweep sees in one look at a queue which lanes wait there.


def _job_id(lane: str) -> str:
    return f"{lane.replace(':', '_')}_{secrets.token_hex(6)}"


def _lane_in(job_id: str) -> str:
    return job_id.rpartition("_")[0].replace("_", ":")


def looking(lane: str) -> None:
    """Say that a worker looks at the lane from now on: who commits after this nudges anew."""
    try:
        connection().delete(f"wake:{lane}")
    except redis.RedisError as error:
        log.warning("lane %s is worked off without Redis: %s", lane, error)
    crashpoints.reached("lane.looking")


def queue(name: str, through: redis.Redis | None = None) -> Queue:
    return Queue(name, connection=through or connection(), serializer=JSONSerializer)


class _Fused(redis.Redis):
    """Redis for who cannot wait for it: while it is away one caller in a while finds that out, and
    everybody else is told at once."""

    REST = 2.0
    _rests_until = 0.0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        now = time.monotonic()
        if now < self._rests_until:
            raise redis.ConnectionError("it did not answer a moment ago")
        away = self._rests_until > 0
        if away:
            self._rests_until = now + self.REST  # the others need not find out with us
        try:
            answer: Any = super().execute_command(  # type: ignore[no-untyped-call]
                *args, **options
            )
        except (redis.ConnectionError, redis.TimeoutError):
            self._rests_until = time.monotonic() + self.REST
            raise
        if away:
            self._rests_until = 0.0
        return answer


@cache
def connection() -> redis.Redis:
    """This process's connections to Redis; one that is away must not hold up who nudges."""
    return _Fused.from_url(
        settings().redis_url,
        health_check_interval=30,
        socket_connect_timeout=0.5,
        socket_timeout=1.0,
        retry=Retry(NoBackoff(), 0),
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
    """Once this transaction is true, wake the worker of this merchant's drafts, timers, …"""
    lane = f"{kind}:{db.session().merchant_id}"
    waiting: set[str] = db.session().info.setdefault("lanes", set())
    if lane not in waiting:
        waiting.add(lane)
        db.after_commit(lambda: nudge(lane))


def merchant_of(lane: str) -> UUID:
    """Whose drafts, numbers, timers, bulk or media a lane is about."""
    return UUID(lane.partition(":")[2])


def delivery_lane(merchant_id: UUID, channel_id: UUID) -> str:
    return f"deliver:{merchant_id}:{channel_id}"


def typing_lane(merchant_id: UUID, conversation_id: UUID) -> str:
    return f"typing:{merchant_id}:{conversation_id}"


def lane_of(lane: str) -> tuple[UUID, UUID]:
    """The merchant, and the channel or conversation, a lane is about."""
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
        asked_at = func.coalesce(Channel.reckoning_due_at, Channel.created_at)
        due = select(Channel.merchant_id, Channel.id).where(asked_at <= now)
        lanes |= {f"reckon:{merchant}:{channel}" for merchant, channel in house.execute(due)}
        if house.scalar(select(Envelope.id).where(Envelope.state == EnvelopeState.NEW).limit(1)):
            lanes.add("ingest")
        for kind, waiting in _chores(now).items():
            lanes |= {f"{kind}:{merchant_id}" for merchant_id in house.scalars(waiting)}
    for lane in sorted(lanes - _still_queued()):
        nudge(lane)
        crashpoints.reached("sweep.some")
    return len(lanes)


def _still_queued() -> set[str]:
    """The lanes whose job waits in its queue: they count as woken a while longer."""
    try:
        named = [id_ for name in QUEUES for id_ in queue(name).get_job_ids()]
        lanes = {_lane_in(id_) for id_ in named} - {""}
        with connection().pipeline(transaction=False) as renewing:
            for lane in lanes:
                if lane.partition(":")[0] != PASSING:
                    renewing.expire(f"wake:{lane}", WAKE_SECONDS)
            renewing.execute()
    except redis.RedisError as error:
        log.warning("what waits in Redis is not known: %s", error)
        return set()
    return lanes


def _chores(now: datetime) -> dict[str, Select[UUID]]:
    """The merchants with something due: a draft, a number to ask about, a timer, a file, …"""
    ready = and_(
        MessageTemplate.sending.in_((Sending.QUEUED, Sending.WAITING)),
        MessageTemplate.due_at <= now,
    )
    lost = and_(MessageTemplate.sending == Sending.CLAIMED, MessageTemplate.lease_until < now)
    gone_off = or_(Run.due_at <= now, Run.timeout_at <= now)
    open_ = and_(Errand.done_at.is_(None), Errand.due_at <= now)
    held = and_(Errand.sending == Sending.CLAIMED, Errand.lease_until >= now)
    free = or_(Bulk.lease_until.is_(None), Bulk.lease_until < now)
    return {
        "drafts": select(MessageTemplate.merchant_id).where(or_(ready, lost)).distinct(),
        "numbers": select(Errand.merchant_id).where(open_, ~held).distinct(),
        "timers": select(Run.merchant_id).where(gone_off).distinct(),
        "bulk": select(Bulk.merchant_id)
        .where(Bulk.state.in_((BulkState.QUEUED, BulkState.WORKING)), free)
        .distinct(),
        "mail": select(Mail.merchant_id)
        .where(Mail.state.in_((MailState.QUEUED, MailState.CLAIMED)), Mail.due_at <= now)
        .distinct(),
        "talks": select(Talk.merchant_id).where(Talk.due_at <= now).distinct(),
        "media": select(Media.merchant_id).where(Media.to_fetch(now)).distinct(),
    }


def _due(table: type[Message] | type[ReadMark], now: datetime) -> Select[UUID, UUID]:
    # What waits for a paused number would wake a worker every two seconds, for nothing.
    paused = exists().where(
        Channel.merchant_id == table.merchant_id,
        Channel.id == table.channel_id,
        Channel.state == ChannelState.PAUSED,
    )
    # What is queued is due: its time was read from a clock that may have been wrong.
    waits = and_(table.sending == Sending.WAITING, table.due_at <= now)
    ready = and_(or_(table.sending == Sending.QUEUED, waits), ~paused)
    lost = and_(table.sending == Sending.CLAIMED, table.lease_until < now)
    if table is ReadMark:
        lost = and_(lost, ~paused)  # told again once the number goes on; a message is concluded
    return select(table.merchant_id, table.channel_id).where(or_(ready, lost)).distinct()

"""What tables and queues know, as figures to watch: asked when somebody asks, kept some seconds.

No figure names a merchant, a phone or a person.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import redis
from rq import Worker
from sqlalchemy import func, select, text

from flows import health, outbox
from models import db
from models.cost import Charge, Spending
from models.envelope import Envelope, EnvelopeState
from models.message import Message, Sending

Samples = dict[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """`samples` by the values of `labels`. `grows`: it only ever adds up."""

    name: str
    meaning: str
    samples: Samples
    labels: tuple[str, ...] = ()
    grows: bool = False


FRESH = 5.0
SLOW = 60.0
"""Seconds for which a figure that is summed up over all history is good enough."""
_asking = threading.Lock()
_kept: dict[str, tuple[float, list[Figure]]] = {}


def figures() -> list[Figure]:
    """All of them, at most some seconds old. SQLAlchemyError without the database; without Redis
    those of the queues are left out."""
    with _asking:
        return [
            *_no_older_than(FRESH, "waiting", _of_what_waits),
            *_no_older_than(SLOW, "costs", _of_costs),
            *_no_older_than(FRESH, "queues", _of_queues),
        ]


def forget() -> None:
    """The next figures are new ones."""
    _kept.clear()


def _no_older_than(seconds: float, what: str, ask: Any) -> list[Figure]:
    at, known = _kept.get(what, (0.0, []))
    if not known or time.monotonic() - at > seconds:
        known = list(ask())
        _kept[what] = (time.monotonic(), known)
    return known


# --- what waits, and who works --------------------------------------------------------------------

# Two attempts that Meta both accepted: the customer got it twice.
SENT_TWICE = """
    SELECT count(*) FROM attempts a WHERE a.number > 1 AND a.wamid IS NOT NULL AND EXISTS (
        SELECT FROM attempts b WHERE b.merchant_id = a.merchant_id AND b.message_id = a.message_id
        AND b.number < a.number AND b.wamid IS NOT NULL AND b.wamid <> a.wamid)"""


def _of_what_waits() -> Iterator[Figure]:
    now = health.look_now()
    yield _one("wa_events_unprocessed", "Kept webhook bodies that nobody has read.", now.unread)
    yield _one("wa_event_oldest_age_seconds", "Since the oldest of them was kept.", now.unread_age)
    yield _one(
        "wa_outbox_oldest_age_seconds",
        "Since the message that should have left first was due; paused numbers left out.",
        now.unsent_age,
    )
    workers = Counter[tuple[str, ...]]((one.kind, one.state) for one in now.workers)
    missing: Samples = {(kind, "missing"): 1 for kind in now.missing}
    yield Figure(
        "wa_workers",
        "Processes in the background: alive, stuck, silent; missing when none of a kind is heard.",
        {**workers, **missing},
        ("kind", "state"),
    )
    yield _one("wa_redis_up", "Whether Redis answers.", int(now.redis))
    free, total = health.free_disk()
    yield _one("wa_disk_free_bytes", "Free where the files lie.", free)
    yield _one("wa_disk_bytes", "The size of that disk.", total)
    with db.house() as house:
        uncertain = select(func.count()).where(Message.sending == Sending.UNCERTAIN)
        yield _one(
            "wa_send_uncertain",
            "Messages of which nobody knows whether they left.",
            house.scalar(uncertain) or 0,
        )
        twice = house.scalar(text(SENT_TWICE)) or 0
        yield Figure(
            "wa_send_duplicate_detected_total",
            "Messages that Meta accepted twice; each repeat was a person's wish.",
            {(): twice},
            grows=True,
        )
        dead = (EnvelopeState.QUARANTINED, EnvelopeState.UNROUTED)
        states = select(Envelope.state, func.count()).where(Envelope.state.in_(dead))
        found = {state.value: count for state, count in house.execute(states.group_by("state"))}
        yield Figure(
            "wa_dead_letters",
            "Webhook bodies that stay unread: quarantined cannot be read, unrouted are for a"
            " number nobody owns.",
            {(state.value,): found.get(state.value, 0) for state in dead},
            ("queue",),
        )


def _of_costs() -> Iterator[Figure]:
    sums = select(Spending.currency, Spending.category, func.sum(Spending.amount))
    with db.house() as house:
        spent = house.execute(sums.group_by(Spending.currency, Spending.category)).all()
        unpriced = house.scalar(select(func.count()).where(Charge.amount_micros.is_(None)))
    yield Figure(
        "wa_cost_total",
        "What Meta charges for what was delivered, in units of the currency.",
        {(currency, category): float(micros) / 1e6 for currency, category, micros in spent},
        ("currency", "category"),
        grows=True,
    )
    yield _one("wa_cost_unpriced", "Charges that no price list has a price for.", unpriced or 0)


# --- the queues of rq -----------------------------------------------------------------------------


def _of_queues() -> Iterator[Figure]:
    try:
        workers, jobs = _rq_workers(), _rq_jobs()
    except redis.RedisError:
        return
    yield Figure("rq_workers", "Workers as rq lists them.", workers, ("queues", "state"))
    yield Figure("rq_jobs", "Jobs of rq; they only wake.", jobs, ("queue", "status"))


def _rq_workers() -> Samples:
    found = Worker.all(connection=outbox.connection())
    return dict(Counter((",".join(one.queue_names()), str(one.get_state())) for one in found))


def _rq_jobs() -> Samples:
    jobs: Samples = {}
    for name in outbox.QUEUES:
        queue = outbox.queue(name)
        jobs[name, "queued"] = queue.count
        jobs[name, "started"] = queue.started_job_registry.get_job_count(cleanup=False)
        jobs[name, "failed"] = queue.failed_job_registry.get_job_count(cleanup=False)
    return jobs


def _one(name: str, meaning: str, value: float) -> Figure:
    return Figure(name, meaning, {(): value})

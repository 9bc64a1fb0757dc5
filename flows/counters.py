"""What happened how often, where no table knows: counted in memory, added up in Redis.

Counting costs a microsecond and never waits. Every second a thread adds what was counted to what
all processes counted before; without Redis it is kept until there is one. A Redis that was emptied
begins at zero, which Prometheus understands.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import redis

from flows import outbox
from models import db

log = logging.getLogger(__name__)

KEY = "counted"
FLUSH_SECONDS = 1.0
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LATE = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86_400.0)


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted: its meaning, its labels, and for durations the upper bounds in seconds."""

    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


COUNTED = {
    "wa_webhook_requests_total": Counted(
        "Bodies posted to the webhook: kept, forbidden, too_large, not_kept.", ("result",)
    ),
    "wa_webhook_ack_seconds": Counted("From a body's arrival to 200.", buckets=FAST),
    "wa_form_seconds": Counted("From what a form asks to its answer.", buckets=FAST),
    "wa_webhook_lag_seconds": Counted(
        "From what Meta says happened to when its body was kept; Meta's clock has whole seconds.",
        buckets=LATE,
    ),
    "wa_sends_total": Counted(
        "How calls that send a message ended.", ("state", "kind", "error_code")
    ),
    "wa_send_reconciled_total": Counted(
        "Messages with an unknown ending that were settled, by callback, wamid or person.", ("by",)
    ),
    "wa_status_out_of_order_total": Counted("Statuses that came after a higher one."),
    "stage_automations_total": Counted("What became of automations' sends.", ("result",)),
    "stock_rejected_total": Counted("Moves and orders refused for lack of stock."),
    "auth_failures_total": Counted("Wrong answers at the door.", ("reason",)),
    "tenant_violation_total": Counted("Rows of another merchant that were refused: a bug."),
    "graph_request_seconds": Counted(
        "Until Meta began to answer.", ("endpoint", "code"), buckets=SLOW
    ),
}

Counts = defaultdict[tuple[str, ...], float]
_pending: Counts = Counts(float)
_lock = threading.Lock()
_flusher: threading.Thread | None = None


def count(name: str, *labels: str, by: float = 1) -> None:
    """It happened once more, now; `labels` in the order of COUNTED."""
    with _lock:
        _pending[(name, *labels)] += by
    _wake()


def count_when_true(name: str, *labels: str) -> None:
    """It happened once more, if this merchant's transaction is committed."""
    db.after_commit(partial(count, name, *labels))


def took(name: str, seconds: float, *labels: str) -> None:
    """It happened once more and took so long."""
    bounds = COUNTED[name].buckets
    at = bisect_left(bounds, seconds)
    with _lock:
        _pending[(name, *labels, str(bounds[at]) if at < len(bounds) else "+Inf")] += 1
        _pending[(name, *labels, "sum")] += seconds
    _wake()


@contextmanager
def timing(name: str, *labels: str) -> Iterator[None]:
    """What happens inside took so long, unless it failed."""
    begun = perf_counter()
    yield
    took(name, perf_counter() - begun, *labels)


def flush() -> None:
    """What this process counted is in Redis, or still in memory when Redis is away."""
    global _pending
    with _lock:
        counted, _pending = _pending, Counts(float)
    if not counted:
        return
    try:
        with outbox.connection().pipeline(transaction=True) as pipe:
            for key, by in counted.items():
                pipe.hincrbyfloat(KEY, json.dumps(key), by)
            pipe.execute()
    except redis.RedisError as error:
        log.debug("not counted yet: %s", error)
        with _lock:
            for key, by in counted.items():
                _pending[key] += by


def read() -> dict[tuple[str, ...], float]:
    """What all processes counted, by name and labels; redis.RedisError when nobody knows.

    Of durations: how many fell under each bound and over the one below, and "sum" in seconds.
    """
    flush()
    kept: Any = outbox.connection().hgetall(KEY)
    return {tuple(json.loads(key)): float(value) for key, value in kept.items()}


# --- the thread that adds up ----------------------------------------------------------------------


def _wake() -> None:
    global _flusher
    if _flusher is None:
        with _lock:
            if _flusher is None:
                _flusher = threading.Thread(target=_flush_on, name="counters", daemon=True)
                _flusher.start()


def _flush_on() -> None:
    pause = threading.Event()
    while not pause.wait(FLUSH_SECONDS):
        flush()


def _begin_anew() -> None:
    """A forked child counts for itself: its parent's counts are its parent's."""
    global _pending, _lock, _flusher
    _pending, _lock, _flusher = Counts(float), threading.Lock(), None


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(flush)
db.on_violation(partial(count, "tenant_violation_total"))

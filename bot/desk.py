"""The desk: calls to Meta side by side. Each ends for itself, so that nobody waits for a slow one.

Who hands a batch over may wait until it is concluded, as long as no other lane wants the worker.
What is under way when the process is asked to stop is concluded before it ends.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as finished
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID

import redis

from bot import pace
from flows import crashpoints, logs, outbox
from flows.letters import Outcome
from models import db

log = logging.getLogger(__name__)

THREADS = 96
"""Calls under way in this process at most."""
LINGER = 0.01
"""Seconds in which endings gather, to be concluded in one transaction."""
MOST = 200
"""Endings of one transaction."""

Conclude = Callable[[Sequence[tuple[Any, Outcome]]], None]


class Batch:
    """Letters of one lane that are handed over together."""

    def __init__(
        self,
        lane: str,
        merchant_id: UUID,
        letters: Sequence[Any],
        post: Callable[[Any], Outcome],
        conclude: Conclude,
        *,
        turn: pace.Turn | None = None,
    ) -> None:
        self.lane, self.merchant_id, self.letters = lane, merchant_id, letters
        self.post, self.conclude, self.turn = post, conclude, turn
        self._lock = threading.Lock()
        self._left = len(letters)
        self._forsaken = False
        self._done = threading.Event()

    def ended(self, count: int) -> None:
        """So many letters more are concluded; whoever has gone is called back to the lane."""
        with self._lock:
            self._left -= count
            forsaken = self._forsaken
            if self._left == 0:
                self._done.set()
        if forsaken:
            outbox.nudge(self.lane)
        if self._left == 0:
            _open.discard(self)

    def concluded(self, seconds: float) -> bool:
        return self._done.wait(seconds)

    def forsake(self) -> bool:
        """Nobody waits for it any more; False when it was concluded just now."""
        with self._lock:
            self._forsaken = self._left > 0
            return self._forsaken


@dataclass(frozen=True, slots=True)
class _Ending:
    batch: Batch
    place: int
    outcome: Outcome
    trip: pace.Trip

    @property
    def pair(self) -> tuple[Any, Outcome]:
        return self.batch.letters[self.place], self.outcome


def room(lane: str) -> int:
    """How many letters the lane may hand over: half of what the others have left it."""
    with _lock:
        own = _under_way[lane]
        return max(0, (THREADS - (_under_way.total() - own)) // 2 - own)


def hand_over(batch: Batch) -> None:
    """Its letters are posted side by side from now on, and concluded as they end."""
    with _lock:
        _under_way[batch.lane] += len(batch.letters)
        _open.add(batch)
    _concluder()
    for place in range(len(batch.letters)):
        _pool().submit(_carry, batch, place)


def wait(batch: Batch, queue: str) -> bool:
    """It is concluded; False when it is not, but another lane wants the worker."""
    seconds = 0.005
    while not batch.concluded(seconds):
        if _somebody_waits(queue) and batch.forsake():
            return False
        seconds = min(2 * seconds, 0.05)
    return True


def aside(queue: str, errand: Callable[[], object]) -> None:
    """It is done; or goes on in a thread of its own, when another lane wants the worker.

    For what asks Meta many things one after the other: messages do not wait behind that.
    """
    future = _few().submit(errand)
    with _lock:
        _errands.add(future)
    future.add_done_callback(_errands.discard)
    seconds = 0.005
    while not finished([future], seconds).done:
        if _somebody_waits(queue):
            future.add_done_callback(_complain)
            return
        seconds = min(2 * seconds, 0.05)
    future.result()


def _complain(future: Future[object]) -> None:
    if error := future.exception():
        log.error("an errand failed, its lane will be swept up", exc_info=error)


def rest(seconds: float = 10.0) -> bool:
    """Nothing of this process is under way any more; False when that takes longer."""
    until = time.monotonic() + seconds
    while (_open or _errands) and time.monotonic() < until:
        time.sleep(0.005)
    return not (_open or _errands)


def _somebody_waits(queue: str) -> bool:
    try:
        return outbox.queue(queue).count > 0
    except redis.RedisError:
        return False


# --- the calls ------------------------------------------------------------------------------------

_lock = threading.Lock()
_under_way: Counter[str] = Counter()
_open: set[Batch] = set()
_errands: set[Future[object]] = set()
_endings: SimpleQueue[_Ending] = SimpleQueue()


@cache
def _pool() -> ThreadPoolExecutor:
    """Made on first use, so after any fork."""
    return ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="meta")


@cache
def _few() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="errand")


def _carry(batch: Batch, place: int) -> None:
    left = time.monotonic()
    try:
        outcome = batch.post(batch.letters[place])
    except Exception:
        log.exception("a call to Meta ended in a way nobody foresaw")
        outcome = Outcome("unknown", detail="our_mistake")
    trip = pace.Trip(left, time.monotonic())
    with _lock:
        _under_way[batch.lane] -= 1
        if not _under_way[batch.lane]:
            del _under_way[batch.lane]
    _endings.put(_Ending(batch, place, outcome, trip))


# --- their endings --------------------------------------------------------------------------------


@cache
def _concluder() -> threading.Thread:
    """The one thread that concludes. At the end of the process it is given time for what is left:
    the pool's threads have ended by then (concurrent.futures waits for them first)."""
    thread = threading.Thread(target=_conclude_for_ever, name="endings", daemon=True)
    thread.start()
    atexit.register(rest)
    return thread


def _conclude_for_ever() -> None:
    while True:
        first = _endings.get()
        time.sleep(LINGER)
        _conclude([first, *_gathered()])


def _gathered() -> list[_Ending]:
    found: list[_Ending] = []
    with suppress(Empty):
        while len(found) < MOST:
            found.append(_endings.get_nowait())
    return found


def _conclude(endings: Sequence[_Ending]) -> None:
    batches: dict[Batch, list[_Ending]] = defaultdict(list)
    for ending in endings:
        batches[ending.batch].append(ending)
    for batch, some in batches.items():
        _keep_pace(batch.turn, some)
    paced = any(batch.turn for batch in batches)
    if not paced:
        crashpoints.reached("mark.told")
    shares: dict[tuple[str, UUID, Conclude], list[tuple[Any, Outcome]]] = defaultdict(list)
    for batch, some in batches.items():
        whose = batch.lane, batch.merchant_id, batch.conclude
        shares[whose] += [ending.pair for ending in some]
    for (lane, merchant_id, conclude), pairs in shares.items():
        with logs.about(lane=lane):
            _keep(merchant_id, conclude, pairs)
    if paced:
        crashpoints.reached("send.concluded")
    for batch, some in batches.items():
        batch.ended(len(some))


def _keep_pace(turn: pace.Turn | None, endings: Sequence[_Ending]) -> None:
    if turn is None:
        return
    pace.settle(turn, {ending.place: ending.trip for ending in endings})
    for code in {ending.outcome.code for ending in endings}:
        pace.refused(turn.sender, code)


def _keep(merchant_id: UUID, conclude: Conclude, pairs: Sequence[tuple[Any, Outcome]]) -> None:
    """Every ending is kept; one that cannot be does not take the others' with it."""
    try:
        with db.merchant(merchant_id):
            conclude(pairs)
    except Exception:
        log.exception("%d endings were not concluded together", len(pairs))
        if len(pairs) > 1:
            for pair in pairs:
                _keep(merchant_id, conclude, [pair])

"""Carries events to the business: in order, again until it answers 200, and badly when asked."""

from __future__ import annotations

import heapq
import itertools
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from bot.simulator import events
from bot.simulator.events import Event
from bot.simulator.manner import Manner

Post = Callable[[str, bytes, dict[str, str]], int]
"""Posts a body with headers to an address and returns the status; any exception: no answer."""

RETRY_FIRST, RETRY_MOST, GIVE_UP = 1.0, 60.0, 7 * 24 * 3600.0
log = logging.getLogger(__name__)


@dataclass
class Parcel:
    """One event, or one of its duplicates, on its way."""

    event: Event
    copy: int
    due: float
    turn: int
    lane: str
    tries: int = 0
    first: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.event.id}#{self.copy}" if self.copy else self.event.id


class Posted(NamedTuple):
    """One POST to the webhook: its bytes, the status answered or None, and why not."""

    parcels: list[Parcel]
    body: bytes
    answer: int | None
    error: str | None

    @property
    def taken(self) -> bool:
        return self.answer == 200


class Postman:
    """A queue of events. Lanes (one per chat) keep their order; lanes do not wait for each other.

    `scale` shortens the waits between attempts (0.1: ten times faster). `note` hears every post.
    """

    def __init__(
        self, url: str, secret: str, post: Post, note: Callable[[Posted], None], scale: float = 1.0
    ) -> None:
        self.url, self.manner, self.scale = url, Manner(), scale
        self._secret, self._post, self._note = secret, post, note
        self._lanes: dict[str, deque[Parcel]] = {}
        self._heads: list[tuple[float, int, str]] = []
        self._busy: set[str] = set()
        self._turns = itertools.count()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self._random = random.Random()  # noqa: S311 (disorder, not secrets)

    def put(self, event: Event, manner: Manner, after: float = 0.0) -> None:
        """The event is on its way, with its duplicates; due `after` seconds plus the delay."""
        with self._changed:
            for copy in range(1 + manner.duplicate):
                self._queue(self._parcel(event, copy, manner, after))
            self._changed.notify_all()

    def seed(self, seed: int) -> None:
        """Disorder is the same again for the same seed."""
        self._random = random.Random(seed)  # noqa: S311 (disorder, not secrets)

    def clear(self) -> None:
        with self._changed:
            self._lanes.clear()
            self._heads.clear()

    @property
    def waiting(self) -> int:
        """Parcels not yet answered with 200, those under way included."""
        with self._changed:
            return sum(map(len, self._lanes.values())) + len(self._busy)

    def deliver(self, *, batch: int | None = None, shape: str | None = None) -> list[Posted]:
        """Posts everything that waits, due or not, in this thread; refused bodies stay for later.

        Behind a refused body its lane waits too, so the next call repeats it first.
        """
        posts: list[Posted] = []
        refused: list[Posted] = []
        while parcels := self._pick(float("inf"), batch or self.manner.batch):
            posted = self._carry(parcels, shape)
            posts.append(posted)
            if posted.taken:
                self._conclude(posted)
            else:
                refused.append(posted)
        for posted in refused:
            self._conclude(posted)
        return posts

    def scatter(self) -> None:
        """What waits now leaves in random order."""
        with self._changed:
            parcels = [parcel for lane in self._lanes.values() for parcel in lane]
            self._random.shuffle(parcels)
            self._lanes.clear()
            self._heads.clear()
            for parcel in parcels:
                parcel.turn, parcel.due = next(self._turns), time.monotonic()
                parcel.lane = parcel.name
                self._queue(parcel)
            self._changed.notify_all()

    def start(self, threads: int = 4) -> None:
        self._stopping = False
        for _ in range(threads):
            thread = threading.Thread(target=self._work, name="postman", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """No thread posts any more; what waits stays in the ledger for the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    @property
    def running(self) -> bool:
        return bool(self._threads)

    def drain(self, timeout: float) -> bool:
        """True once nothing waits; False when that takes more than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lanes and not self._busy, timeout)

    def _parcel(self, event: Event, copy: int, manner: Manner, after: float) -> Parcel:
        due = time.monotonic() + after + manner.delay
        turn, lane = next(self._turns), event.lane
        if manner.shuffle:
            due += self._random.uniform(0, 1) * self.scale
        if manner.shuffle or not manner.ordered:
            lane = f"{event.id}#{copy}"
        return Parcel(event, copy, due, turn, lane, first=due)

    def _queue(self, parcel: Parcel) -> None:
        lane = self._lanes.setdefault(parcel.lane, deque())
        lane.append(parcel)
        if len(lane) == 1 and parcel.lane not in self._busy:
            self._show(parcel)

    def _show(self, parcel: Parcel) -> None:
        heapq.heappush(self._heads, (parcel.due, parcel.turn, parcel.lane))

    def _work(self) -> None:
        while parcels := self._wait():
            self._conclude(self._carry(parcels, None))

    def _wait(self) -> list[Parcel]:
        with self._changed:
            while not self._stopping:
                parcels = self._pick(time.monotonic(), self.manner.batch)
                if parcels:
                    return parcels
                next_due = self._heads[0][0] - time.monotonic() if self._heads else None
                self._changed.wait(next_due if next_due is None else max(next_due, 0.001))
        return []

    def _pick(self, now: float, most: int) -> list[Parcel]:
        parcels: list[Parcel] = []
        with self._changed:
            while self._heads and self._heads[0][0] <= now and len(parcels) < most:
                due, turn, name = heapq.heappop(self._heads)
                lane = self._lanes.get(name)
                # Entries of busy lanes and of heads that moved on are left over: skip them.
                if name in self._busy or not lane or (lane[0].due, lane[0].turn) != (due, turn):
                    continue
                parcels.append(lane.popleft())
                if lane:
                    self._show(lane[0])
            self._busy.update(parcel.lane for parcel in parcels)
        return parcels

    def _carry(self, parcels: list[Parcel], shape: str | None) -> Posted:
        raw = events.body([p.event for p in parcels], shape or self.manner.shape)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            **events.signed(raw, self._secret, self.manner.signature),
        }
        answer, error = None, None
        try:
            answer = self._post(self.url, raw, headers)
        except Exception as problem:
            # Whatever broke, the business has not answered: that is all a postman may know.
            error = f"{type(problem).__name__}: {problem}"
            log.info("webhook not answered: %s", error)
        posted = Posted(parcels, raw, answer, error)
        self._note(posted)
        return posted

    def _conclude(self, posted: Posted) -> None:
        with self._changed:
            if not posted.taken:
                self._put_back(posted.parcels)
            for lane in {parcel.lane for parcel in posted.parcels}:
                self._busy.discard(lane)
                if self._lanes.get(lane):
                    self._show(self._lanes[lane][0])
                else:
                    self._lanes.pop(lane, None)
            self._changed.notify_all()

    def _put_back(self, parcels: Iterable[Parcel]) -> None:
        now = time.monotonic()
        for parcel in reversed(list(parcels)):
            parcel.tries += 1
            parcel.due = now + min(RETRY_FIRST * 2 ** (parcel.tries - 1), RETRY_MOST) * self.scale
            if now - parcel.first < GIVE_UP * self.scale:
                self._lanes.setdefault(parcel.lane, deque()).appendleft(parcel)

"""The open screens of this process: what each has still to be told, what was published lately."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from inbox.ticket import Ticket

EVERYTHING = "*"
COALESCE_SECONDS = 0.1
NARROW_SECONDS = 2.0
"""Every change of the merchant has such a screen look again, so it looks less often."""
KEEP_ALIVE_SECONDS = 20
MOST_NAMES = 200
# A page that opens a little after it was made, or comes back after a hiccup, catches up from here.
KEPT_MS = 120_000
KEPT_CHANGES = 1_000
# The page's clock, the commit and the news may come in another order than they happened.
SLACK_MS = 2_000


class Screen:
    """One open connection and the names it has not been told yet: a set, so it cannot grow."""

    __slots__ = ("_at", "_names", "_news", "leaving", "owner")

    def __init__(self, owner: Ticket, names: set[str], at: int) -> None:
        self.owner = owner
        self.leaving = False
        self._names = names
        self._at = at
        self._news = asyncio.Event()
        if names:
            self._news.set()

    def tell(self, names: Iterable[str], at: int) -> None:
        # Whoever sees only their own orders looks again, and is told no name of another's.
        self._names.update((EVERYTHING,) if self.owner.narrow else names)
        self._at = at
        if EVERYTHING in self._names or len(self._names) > MOST_NAMES:
            self._names = {EVERYTHING}
        self._news.set()

    def leave(self) -> None:
        self.leaving = True
        self._news.set()

    async def next(self) -> tuple[set[str], int]:
        """What changed, gathered for a tenth of a second or nothing for a while, and up to when."""
        try:
            # Not wait_for: before Python 3.12 it makes a task of its own for every waiting screen.
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                await self._news.wait()
        except TimeoutError:
            return set(), _now()
        if not self.leaving:
            await asyncio.sleep(NARROW_SECONDS if self.owner.narrow else COALESCE_SECONDS)
        self._news.clear()
        names, self._names = self._names, set()
        return names, self._at


class Change(NamedTuple):
    at: int
    names: list[str]
    member: str | None

    def concerns(self, screen: Ticket) -> bool:
        return self.member is None or self.member == str(screen.member_id)


class Hub:
    """Every screen of this process, and what was published for each merchant lately."""

    def __init__(self) -> None:
        self.listening = False
        self._began = 0
        self._screens: dict[str, set[Screen]] = defaultdict(set)
        self._recent: dict[str, deque[Change]] = defaultdict(lambda: deque(maxlen=KEPT_CHANGES))

    @property
    def size(self) -> int:
        return sum(map(len, self._screens.values()))

    def open(self, owner: Ticket, since: int | None) -> Screen:
        missed = set() if since is None else self._missed(owner, since)
        missed = {EVERYTHING} if missed and owner.narrow else missed
        screen = Screen(owner, missed, _now())
        self._screens[str(owner.merchant_id)].add(screen)
        return screen

    def close(self, screen: Screen) -> None:
        merchant = str(screen.owner.merchant_id)
        self._screens[merchant].discard(screen)
        if not self._screens[merchant]:
            del self._screens[merchant]

    def close_all(self) -> None:
        for screen in self._everyone():
            screen.leave()

    def begin(self) -> None:
        """From now on nothing is missed; what was published before, nobody here has heard."""
        self.listening, self._began = True, _now()
        for screen in self._everyone():
            screen.tell((EVERYTHING,), self._began)

    def cut(self, merchant: str, member: str) -> None:
        """This member's screens close; whether they may open again is asked at the door."""
        for screen in self._screens.get(merchant, ()):
            if str(screen.owner.member_id) == member:
                screen.leave()

    def hear(self, merchant: str, news: dict[str, Any]) -> None:
        change = Change(_now(), news["names"], news.get("member"))
        self._recent[merchant].append(change)
        for screen in self._screens.get(merchant, ()):
            if change.concerns(screen.owner):
                screen.tell(change.names, change.at)

    def forget_old(self) -> None:
        oldest = _now() - KEPT_MS
        for merchant in [name for name, kept in self._recent.items() if kept[-1].at < oldest]:
            del self._recent[merchant]

    def _missed(self, owner: Ticket, since: int) -> set[str]:
        if since < max(self._began, _now() - KEPT_MS):
            return {EVERYTHING}
        kept = self._recent.get(str(owner.merchant_id), deque())
        if len(kept) == KEPT_CHANGES and kept[0].at > since:
            return {EVERYTHING}
        changes = (c for c in kept if c.at > since - SLACK_MS and c.concerns(owner))
        return {name for change in changes for name in change.names}

    def _everyone(self) -> list[Screen]:
        return [screen for screens in self._screens.values() for screen in screens]


def _now() -> int:
    return time.time_ns() // 1_000_000

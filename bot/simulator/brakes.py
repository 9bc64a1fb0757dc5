"""Meta's limits on how fast a number may send."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

from bot.simulator.errors import GraphError, details_of


@dataclass(frozen=True)
class Limits:
    """In messages: per second and number (130429), and per pair of number and customer (131056).

    A pair gets `pair_burst` at once and one more every `pair_every` seconds. None: no limit.
    """

    throughput: int | None = None
    pair_burst: int | None = None
    pair_every: float = 6.0


class Brakes:
    def __init__(self) -> None:
        self.limits = Limits()
        self._by_number: dict[str, deque[float]] = defaultdict(deque)
        self._by_pair: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def pass_one(self, number: str, address: str, now: float) -> None:
        """One more message counts; raises GraphError when it is one too many."""
        limits, pair = self.limits, self._by_pair[number, address]
        if not _room(self._by_number[number], now, limits.throughput, 1.0):
            raise GraphError(130429, details_of(130429))
        if not _room(pair, now, limits.pair_burst, limits.pair_every * (limits.pair_burst or 0)):
            raise GraphError(131056, details_of(131056))
        self._by_number[number].append(now)
        pair.append(now)


def _room(recent: deque[float], now: float, most: int | None, span: float) -> bool:
    while recent and recent[0] <= now - span:
        recent.popleft()
    return most is None or len(recent) < most

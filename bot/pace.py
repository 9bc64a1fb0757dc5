"""How fast messages may leave: Meta's limits of a number, a customer and an account.

All workers share one count in Redis. Without Redis each process keeps to a small part of the limit.
Sources: Meta's pages "Throughput", "Capacity, quality rating and pair rate limit", "Error codes"
(spec/whatsapp.md §3, §5).
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import redis

from flows import outbox
from flows.letters import Letter, Sender

log = logging.getLogger(__name__)

FAR = 0.04
"""Seconds after it left, at which a message is counted at the latest. It reaches Meta somewhere
between leaving and its answer: counted at the answer, no second ever sees one too many; but an
answer from far away must not cost a third of the limit."""
PORTION = 4
"""Permits come by the quarter of a second, not one by one: a message alone costs as much as twenty.
By the half second the last of forty has left late, and its permit comes back late."""
PAIR_BURST, PAIR_SECONDS = 45, 6.0
"""Messages to one customer at once, and the seconds after which each may be followed by another."""
RESTS = {130429: (1.0, 60.0), 4: (60.0, 3600.0), 80007: (60.0, 3600.0), 80008: (60.0, 3600.0)}
"""Code → the first rest of the account in seconds, and the longest; doubled each time."""
ALONE = 8
"""Without Redis nobody knows of the other workers: each takes an eighth."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How many messages may leave now; none: in how many seconds to ask again."""

    sender: Sender
    permits: int
    wait: float = 0.0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Trip:
    """When a message left and when its answer came, on this machine's monotonic clock."""

    left: float
    back: float

    @property
    def counted(self) -> float:
        return min(self.back, self.left + FAR)


# --- a number -------------------------------------------------------------------------------------

# The set has a message for each permit of the last second, by the millisecond it counts from. One
# that has not ended yet counts from a second after it was given: a worker that dies gives it back.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local rest = redis.call('PTTL', KEYS[2])
if rest > 0 then return {0, rest} end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 1000)
local limit, most, name = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[4]
local portion = tonumber(ARGV[3])
local free = limit - redis.call('ZCARD', KEYS[1])
if free < portion then
  local nth = portion - free - 1
  local next = redis.call('ZRANGE', KEYS[1], nth, nth, 'WITHSCORES')
  return {0, math.max(1, next[2] + 1001 - now)}
end
local given = math.floor(math.min(free, most) / portion) * portion
for i = 1, given do redis.call('ZADD', KEYS[1], now + 1000, name .. i) end
redis.call('PEXPIRE', KEYS[1], 5000)
return {given, 0}
"""

# Pairs of a permit and the milliseconds ago it counts from; -1 gives it back.
_SETTLE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 2, #ARGV, 2 do
  local member, ago = ARGV[1] .. ARGV[i], tonumber(ARGV[i + 1])
  if ago < 0 then redis.call('ZREM', KEYS[1], member)
  else redis.call('ZADD', KEYS[1], now - ago, member) end
end
"""


def take(sender: Sender, most: int) -> Turn:
    """Permits for up to `most` messages of this number, to be settled; or how long to wait."""
    portion = max(1, min(most, sender.per_second // PORTION))
    name = uuid4().hex[:12] + ":"
    keys = [_number(sender), _rest(sender)]
    try:
        permits, wait = _run(_TAKE, keys, [sender.per_second, most, portion, name])
    except redis.RedisError as error:
        _complain(error)
        return _take_alone(sender, most)
    return Turn(sender, int(permits), int(wait) / 1000, name)


def settle(turn: Turn, trips: Mapping[int, Trip | None]) -> None:
    """The permits (of 0, 1, …) were used for these trips; None: not at all."""
    if not turn.name or not trips:
        return
    now = time.monotonic()
    args: list[str | int] = [turn.name]
    for permit, trip in trips.items():
        ago = -1 if trip is None else max(0, int((now - trip.counted) * 1000))
        args += [permit + 1, ago]
    try:
        _run(_SETTLE, [_number(turn.sender)], args)
    except redis.RedisError as error:
        _complain(error)


# --- a customer -----------------------------------------------------------------------------------

_PAIRS = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local burst, span, waits = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for i, key in ipairs(KEYS) do
  local first = redis.call('LINDEX', key, burst - 1)
  if first and now - first < span then
    waits[i] = span - (now - first)
  else
    redis.call('LPUSH', key, now)
    redis.call('LTRIM', key, 0, burst - 1)
    redis.call('PEXPIRE', key, span)
    waits[i] = 0
  end
end
return waits
"""


def waits(letters: Sequence[Letter]) -> list[float]:
    """How many seconds each letter has to wait for its customer; 0 counts it as sent.

    45 within 270 seconds: what Meta lends for a burst has to be earned again. Without Redis they
    go: a customer who gets that many is rare, and Meta's refusal only makes the message wait.
    """
    if not letters:
        return []
    keys = [_pair(letter) for letter in letters]
    span = int(PAIR_BURST * PAIR_SECONDS * 1000)
    try:
        found = _run(_PAIRS, keys, [PAIR_BURST, span])
    except redis.RedisError as error:
        _complain(error)
        return [0.0] * len(letters)
    return [int(wait) / 1000 for wait in found]


# --- an account -----------------------------------------------------------------------------------

# A batch of refusals is one strike; quiet for ten times the rest, all is forgotten.
_REST = """
if redis.call('PTTL', KEYS[1]) > 0 then return 0 end
local strikes = redis.call('INCR', KEYS[2])
local rest = math.min(ARGV[1] * 2 ^ (strikes - 1), tonumber(ARGV[2]))
redis.call('SET', KEYS[1], strikes, 'PX', math.floor(rest))
redis.call('PEXPIRE', KEYS[2], math.floor(rest * 10))
return math.floor(rest)
"""


def refused(sender: Sender, code: int | None) -> None:
    """Meta said this code: after one of RESTS nothing of the account leaves for a while."""
    if code not in RESTS:
        return
    first, longest = RESTS[code]
    keys = [_rest(sender), f"pace:strikes:{sender.waba_id}:{code}"]
    try:
        _run(_REST, keys, [int(first * 1000), int(longest * 1000)])
    except redis.RedisError as error:
        _complain(error)
        _alone.rest(sender.waba_id, first)


# --- without Redis --------------------------------------------------------------------------------


class _Alone:
    """The count of this process, while there is no other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: dict[str, deque[float]] = {}
        self._resting: dict[str, float] = {}

    def rest(self, account: str, seconds: float) -> None:
        with self._lock:
            self._resting[account] = time.monotonic() + seconds

    def take(self, sender: Sender, most: int) -> tuple[int, float]:
        now = time.monotonic()
        with self._lock:
            rest = self._resting.get(sender.waba_id, 0.0) - now
            if rest > 0:
                return 0, rest
            sent = self._sent.setdefault(sender.phone_number_id, deque())
            while sent and sent[0] < now - 1.0 - FAR:
                sent.popleft()
            free = min(most, max(1, sender.per_second // ALONE) - len(sent))
            if free <= 0:
                return 0, sent[0] + 1.0 + FAR - now
            sent.extend([now] * free)
            return free, 0.0


_alone = _Alone()


def _take_alone(sender: Sender, most: int) -> Turn:
    permits, wait = _alone.take(sender, most)
    return Turn(sender, permits, wait)


def _complain(error: redis.RedisError) -> None:
    log.warning("the pace is kept by this process alone: %s", error)


# --- Redis ----------------------------------------------------------------------------------------


def _run(script: str, keys: Sequence[str], args: Sequence[str | int]) -> Any:
    """What one of the scripts above answers: each is one step that no other worker gets between."""
    connection = outbox.connection()
    return _known(script)(keys=list(keys), args=list(args), client=connection)


@cache
def _known(script: str) -> Any:
    return outbox.connection().register_script(script)


def _number(sender: Sender) -> str:
    return f"pace:{sender.phone_number_id}"


def _rest(sender: Sender) -> str:
    return f"pace:rest:{sender.waba_id}"


def _pair(letter: Letter) -> str:
    # No phone in a key: whoever looks at Redis need not learn who the customers are.
    who = f"{letter.phone_number_id}:{letter.to or letter.recipient}"
    return f"pace:pair:{hashlib.blake2s(who.encode(), digest_size=12).hexdigest()}"

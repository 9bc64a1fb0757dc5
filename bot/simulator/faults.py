"""Failures on request: what Graph answers, or how the connection breaks, and for which calls.

A fault hits the next calls that fit, the nth, every nth, or each with a chance. Chances are drawn
from the seed, the call, its number and its recipient, and how many such calls came before: the same
seed and the same requests fail the same way, however the calls of several recipients mix.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.simulator.errors import GraphError, details_of
from bot.simulator.problems import SUBCODES, TOKEN_WORDS
from bot.simulator.world import Customer, Json

BREAKS = {
    "refuse": "nobody listens at the address (in-process only)",
    "close_before_reading": "the connection is reset before the request is read",
    "hang": "nothing is accepted and nothing answered for `seconds`",
    "accept_then_close": "accepted, and the connection closes without an answer",
    "accept_then_delay": "accepted, and the answer comes `seconds` later",
    "slow": "accepted, and answered after `seconds`, in time for a patient client",
    "drip": "accepted, and the answer comes byte by byte over `seconds`",
    "half_a_body": "accepted, and the answer stops in the middle",
    "garbage": "accepted, and the 200 is not JSON",
}
STRIKES = {
    "held": "accepted, and held for quality assessment for `seconds`, or until it is released",
    "template_paused": "the template of this send is paused from now on",
    "template_disabled": "the template of this send is disabled from now on",
    "template_recategorised": "the template of this send is marketing from now on",
    "media_expired": "the file this call names is gone",
}
UNREAD = ("refuse", "close_before_reading", "hang")
CALLS = ("send", "read", "media", "templates", "submit", "look_up", "download", "other", "any")


@dataclass(frozen=True)
class Call:
    """One request to Graph as faults see it: one of CALLS, whose number, for which customer."""

    on: str
    number: str | None = None
    customer: str | None = None


@dataclass(eq=False)
class Fault:
    """What goes wrong, how many times (None: until removed), and for whom.

    `what` is a Graph error code (131056), an HTTP status answered without a Graph body (502), or
    a name of BREAKS or STRIKES. `accept`: the send is accepted although the answer is an error.
    `late`: a Graph code that arrives as a failed status instead. `status` overrides the HTTP
    status, `retry_after` adds the header (seconds), `subcode` and `details` go into Graph's body,
    `empty` leaves out a body that is not Graph's. `on` is one of CALLS.
    """

    what: int | str
    times: int | None = 1
    on: str = "send"
    customer: str | None = None
    number: str | None = None
    accept: bool = False
    late: bool = False
    status: int | None = None
    retry_after: float | None = None
    seconds: float = 30.0
    subcode: int | None = None
    details: str | None = None
    empty: bool = False
    chance: float | None = None
    """Of 1, for each call that fits; None: every one."""
    nth: int | None = None
    """Only the nth call that fits."""
    every: int | None = None
    """Every nth call that fits."""
    after: float = 0.0
    """Seconds of the simulator's time before it begins."""
    lasts: float | None = None
    """Seconds of the simulator's time it goes on; None: no end."""
    seed: int = 0
    scenario: str | None = None
    place: int = 0
    """Its place in the scenario: two rules of one seed draw differently."""
    since: float = field(default_factory=time.time)
    met: int = 0
    """Calls that fitted so far."""
    hits: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.what, str) and self.what.isdigit():
            self.what = int(self.what)
        if isinstance(self.what, str) and self.what not in BREAKS | STRIKES:
            known = ", ".join(BREAKS | STRIKES)
            raise ValueError(f"unknown fault {self.what!r}: a code, a status or one of {known}")
        if self.on not in CALLS:
            raise ValueError(f"unknown call {self.on!r}: one of {CALLS}")
        if self.chance is not None and not 0 <= self.chance <= 1:
            raise ValueError("chance is between 0 and 1")
        if any(count is not None and count < 1 for count in (self.nth, self.every)):
            raise ValueError("nth and every count from 1")
        self._before: Counter[Call] = Counter()

    @property
    def code(self) -> int:
        return self.what if isinstance(self.what, int) else 0

    @property
    def plain(self) -> bool:
        """An HTTP status without a Graph body, as a proxy in front of Graph answers."""
        return 400 <= self.code < 600

    @property
    def accepts(self) -> bool:
        """The send counts although its caller may never know."""
        if isinstance(self.what, str):
            return self.what not in UNREAD
        return self.accept or self.late

    @property
    def unread(self) -> bool:
        """It needs no look into the request."""
        return self.what in UNREAD and self.customer is None and self.on != "read"

    def refusal(self) -> GraphError:
        subcode = self.subcode or SUBCODES.get(self.code)
        return GraphError(
            self.code,
            self.details or details_of(self.code),
            http=self.status,
            subcode=subcode,
            message=TOKEN_WORDS.get(subcode or 0) if self.code == 190 else None,
            retry_after=self.retry_after,
        )

    def meets(self, call: Call, now: float) -> bool:
        """The call is one this fault is meant for, at a time when it is on."""
        elapsed = now - self.since
        return (
            self.on in (call.on, "any")
            and self.number in (None, call.number)
            and self.customer in (None, call.customer)
            and self.after <= elapsed
            and (self.lasts is None or elapsed < self.after + self.lasts)
        )

    def strikes(self, call: Call) -> bool:
        """Whether this call, which it meets, is the one that fails; counts it."""
        self.met += 1
        earlier = self._before[call]
        self._before[call] += 1
        if self.nth is not None and self.met != self.nth:
            return False
        if self.every is not None and self.met % self.every:
            return False
        return self.chance is None or self._draw(call, earlier) < self.chance

    def _draw(self, call: Call, earlier: int) -> float:
        words = (self.seed, self.scenario, self.place, self.what)
        which = (call.on, call.number, call.customer, earlier)
        return random.Random(repr(words + which)).random()  # noqa: S311 (disorder, not secrets)

    def told(self) -> Json:
        """What the ledger says of it when it has struck."""
        facts: Json = {"what": self.what, "hit": self.hits}
        if self.scenario:
            facts |= {"scenario": self.scenario, "place": self.place, "seed": self.seed}
        return facts


class Faults:
    """The failures that were asked for and have not all happened yet."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._now = now
        self._here = threading.local()

    def add(self, fault: Fault) -> None:
        fault.since = self._now()
        with self._lock:
            self._faults.append(fault)

    def clear(self, scenario: str | None = None) -> None:
        """No more failures, or none of this scenario."""
        with self._lock:
            self._faults = [f for f in self._faults if scenario and f.scenario != scenario]

    def remove(self, place: int) -> None:
        """The failure at this place of the list is off; ValueError when there is none."""
        with self._lock:
            if not 0 <= place < len(self._faults):
                raise ValueError(f"there is no fault number {place}")
            del self._faults[place]

    def listed(self) -> list[Json]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, on: str, number: str | None, customer: Customer | None) -> Fault | None:
        """The first failure that hits this call, used up once."""
        call = Call(on, number, customer.id if customer else None)
        return self._first(call, lambda fault: not fault.unread)

    def take_unread(self, on: str, number: str | None) -> Fault | None:
        """The first failure that needs no look into the request."""
        return self._first(Call(on, number), lambda fault: fault.unread)

    @property
    def struck(self) -> Fault | None:
        """What `take` gave this thread last, since `forget`."""
        found: Fault | None = getattr(self._here, "fault", None)
        return found

    def forget(self) -> None:
        self._here.fault = None

    def _first(self, call: Call, asked: Callable[[Fault], Any]) -> Fault | None:
        now = self._now()
        with self._lock:
            meeting = (f for f in self._faults if asked(f) and f.meets(call, now))
            fault = next((f for f in meeting if f.strikes(call)), None)
            if fault is None:
                return None
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
            self._here.fault = fault
            return fault

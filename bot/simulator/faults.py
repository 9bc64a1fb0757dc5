"""Failures on request: what Graph answers, or how the connection breaks, for the next n calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bot.simulator.errors import GraphError, details_of
from bot.simulator.world import Customer, Json

BREAKS = {
    "refuse": "nobody listens at the address (in-process only)",
    "close_before_reading": "the connection is reset before the request is read",
    "accept_then_close": "accepted, and the connection closes without an answer",
    "accept_then_delay": "accepted, and the answer comes `seconds` later",
    "half_a_body": "accepted, and the answer stops in the middle",
    "garbage": "accepted, and the 200 is not JSON",
}
UNREAD = ("refuse", "close_before_reading")
CALLS = ("send", "read", "media", "templates", "submit", "any")


@dataclass
class Fault:
    """What goes wrong, how many times (None: until removed), and for whom.

    `what` is a Graph error code (131056), an HTTP status answered without a Graph body (502), or
    a name of BREAKS. `accept`: the send is accepted although the answer is an error. `late`: a
    Graph code that arrives as a failed status instead. `status` overrides the HTTP status,
    `retry_after` adds the header (seconds). `on` is one of CALLS.
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

    def __post_init__(self) -> None:
        if isinstance(self.what, str) and self.what.isdigit():
            self.what = int(self.what)
        if isinstance(self.what, str) and self.what not in BREAKS:
            raise ValueError(f"unknown fault {self.what!r}: a code, a status or one of {BREAKS}")
        if self.on not in CALLS:
            raise ValueError(f"unknown call {self.on!r}: one of {CALLS}")

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

    def refusal(self) -> GraphError:
        return GraphError(
            self.code,
            details_of(self.code),
            http=self.status,
            subcode=463 if self.code == 190 else None,
            retry_after=self.retry_after,
        )


class Faults:
    """The failures that were asked for and have not happened yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[Json]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, on: str, number: str | None, customer: Customer | None) -> Fault | None:
        """The first failure that fits this call, used up once."""
        who = customer.id if customer else None
        return self._first(
            lambda f: (
                f.on in (on, "any") and f.number in (None, number) and f.customer in (None, who)
            )
        )

    def take_unread(self, on: str, number: str | None) -> Fault | None:
        """The first failure that needs no look into the request."""
        return self._first(
            lambda f: (
                f.what in UNREAD
                and f.on in (on, "any")
                and f.customer is None
                and f.number in (None, number)
            )
        )

    def _first(self, fits: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            fault = next((f for f in self._faults if fits(f)), None)
            if fault and fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
            return fault

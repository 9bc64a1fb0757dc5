"""Named places where a trial may let a process die; inert unless WASL_CRASH says otherwise.

WASL_CRASH=send.accepted=3          the third time the place is reached, by kill -9
WASL_CRASH=*=0.002,send.claimed=0.1 with that chance each time (WASL_CRASH_SEED: which times)
WASL_CRASH_LOG=FILE                 a line for each death: the place and the process
"""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field

PLACES = {
    "body.before": "W0: a webhook's body is read, not yet on disk: Meta sends it again",
    "body.kept": "a webhook's body is on disk, Meta has not been answered",
    "nudge.before": "W2: a row is committed, nobody has been woken for it",
    "read.locked": "a batch of bodies is locked, nothing of it has had its effect",
    "read.shared": "a merchant's share of the batch is committed, the bodies are not settled",
    "send.claimed": "W3: a claim is committed, not a byte has left",
    "send.accepted": "W4: Meta has accepted, its name for the message is not committed",
    "send.concluded": "the conclusion is committed, the worker has not looked further",
    "order.made": "W1: an order is made, not yet committed",
    "move.made": "W1: a move and what it triggers are made, not yet committed",
    "timer.taken": "a timer's run is locked, its effect not yet committed",
    "tick": "the clock has swept half of what is due",
}
"""Every place and the window it opens (trust.md W1-W10; W5-W9 are Meta's part: the simulator's)."""


@dataclass(slots=True)
class _Plan:
    nth: dict[str, int]
    chances: dict[str, float]
    log: str
    dice: random.Random
    reached: Counter[str] = field(default_factory=Counter)

    def dies(self, place: str) -> bool:
        self.reached[place] += 1
        if self.nth.get(place) == self.reached[place]:
            return True
        chance = self.chances.get(place, self.chances.get("*", 0.0))
        return bool(chance) and self.dice.random() < chance


def _planned() -> _Plan | None:
    told = os.environ.get("WASL_CRASH", "")
    if not told:
        return None
    nth: dict[str, int] = {}
    chances: dict[str, float] = {}
    for part in told.split(","):
        place, _, when = part.partition("=")
        if place != "*" and place not in PLACES:
            raise ValueError(f"WASL_CRASH names no place {place!r}: one of {', '.join(PLACES)}")
        if "." in when:
            chances[place] = float(when)
        else:
            nth[place] = int(when or 1)
    seed = f"{os.environ.get('WASL_CRASH_SEED', '0')}.{os.getpid()}"
    return _Plan(nth, chances, os.environ.get("WASL_CRASH_LOG", ""), random.Random(seed))  # noqa: S311 - disorder, no secret


_plan = _planned()


def reached(place: str) -> None:
    """Nothing, but in a trial that asked for it: then this process is gone (SIGKILL)."""
    if _plan is not None and _plan.dies(place):
        _die(_plan, place)


def _die(plan: _Plan, place: str) -> None:
    if plan.log:
        with open(plan.log, "a", encoding="utf-8") as log:
            log.write(f"{place} {os.getpid()}\n")
    os.kill(os.getpid(), signal.SIGKILL)

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
    "body.before": "W0: webhooks' bodies are read, not yet on disk: Meta sends them again",
    "body.kept": "webhooks' bodies are on disk, Meta has not been answered",
    "nudge.before": "W2: a row is committed, nobody has been woken for it",
    "nudge.half": "W2: a lane counts as woken, its job is in no queue",
    "lane.looking": "a worker took the job and cleared the flag, and has looked at nothing",
    "read.locked": "a batch of bodies is locked, nothing of it has had its effect",
    "read.made": "a merchant's share of the batch has had its effect, not yet committed",
    "read.shared": "a merchant's share of the batch is committed, the bodies are not settled",
    "send.claimed": "W3: a claim is committed, not a byte of the message has left",
    "send.accepted": "W4: Meta has accepted, its name for the message is not committed",
    "send.concluded": "the conclusion is committed, the worker has not looked further",
    "mark.told": "Meta knows what was read, that it does is not committed",
    "order.made": "W1: an order is made, not yet committed",
    "move.made": "W1: a move and what it triggers are made, not yet committed",
    "timer.made": "a timer's effect is made, not yet committed",
    "bulk.claimed": "a bulk is claimed, none of its orders has been touched",
    "bulk.made": "an order of a bulk has its result, not yet committed",
    "bulk.done": "every order of a bulk has its result, the bulk itself does not say so",
    "media.claimed": "a customer's file is claimed, not yet fetched",
    "media.fetched": "a customer's file is on disk, its row does not know",
    "draft.taken": "a template's draft is at Meta, its row does not know",
    "errand.asked": "Meta has answered about a number, its row does not know",
    "mail.sent": "a mail has left, its row does not know: the one thing that may leave twice",
    "sweep.some": "the clock has woken some of the lanes that are due, not all",
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

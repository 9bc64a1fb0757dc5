"""The call centre: whom to call next, what came of the call, and what follows from it.

queue: the next order, locked to who calls. outcomes: what a call can end with. concluding: one
call is told, once. undoing: it is taken back. ledger: the calls told so far. screen: what the
caller sees.
"""

from flows.calls.concluding import conclude
from flows.calls.outcomes import OUTCOMES, PRESETS, Outcome, again_at, presets
from flows.calls.queue import (
    LOCK,
    Numbers,
    find,
    hand_over,
    names,
    next_order,
    numbers,
    release,
    renew,
    take,
    toggle_urgent,
)
from flows.calls.screen import Screen, screen
from flows.calls.undoing import Taken, take_back

__all__ = [
    "LOCK",
    "OUTCOMES",
    "PRESETS",
    "Numbers",
    "Outcome",
    "Screen",
    "Taken",
    "again_at",
    "conclude",
    "find",
    "hand_over",
    "names",
    "next_order",
    "numbers",
    "presets",
    "release",
    "renew",
    "screen",
    "take",
    "take_back",
    "toggle_urgent",
]

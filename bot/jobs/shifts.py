"""A shift at a lane: one batch after the other, until nothing is left, others want their turn, or
this process is told to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from flows import outbox, workers

DELIVER = outbox.JOBS["deliver"].queue
SHIFT = 20.0
"""Seconds after which a drain makes room for other lanes and asks to be woken again."""


def work_off(lane: str, some: Callable[[], int]) -> None:
    """`some` has been called until it had nothing more to do; or the lane is woken again."""
    outbox.looking(lane)
    until = time.monotonic() + SHIFT
    while some():
        if workers.stopping() or time.monotonic() > until:
            outbox.nudge(lane)
            return


@cache
def pool() -> ThreadPoolExecutor:
    """Threads of this process that talk to Meta side by side; made on first use, after any fork."""
    return ThreadPoolExecutor(max_workers=16, thread_name_prefix="meta")

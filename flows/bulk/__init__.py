"""Many orders, messages or runs at once: each is its own transaction with its own result.

starting: what is to be done to which of them. deeds: what a kind does to one.
working: the worker's part. looking: what the progress page shows.
"""

from flows.bulk.looking import Refusal, about, find, refused, undoable
from flows.bulk.starting import (
    again,
    repeatable,
    start,
    start_move,
    start_undo,
    stop,
    stoppable,
)
from flows.bulk.working import drain

__all__ = [
    "Refusal",
    "about",
    "again",
    "drain",
    "find",
    "refused",
    "repeatable",
    "start",
    "start_move",
    "start_undo",
    "stop",
    "stoppable",
    "undoable",
]

"""Many orders at once: each is its own transaction with its own result, whatever happens to us.

starting: what is to be done to which orders. deeds: what a kind does to one order.
working: the worker's part. looking: what the progress page shows.
"""

from flows.bulk.looking import Refusal, find, refused, undoable
from flows.bulk.starting import again, start, start_move, start_undo, stop, stoppable
from flows.bulk.working import drain

__all__ = [
    "Refusal",
    "again",
    "drain",
    "find",
    "refused",
    "start",
    "start_move",
    "start_undo",
    "stop",
    "stoppable",
    "undoable",
]

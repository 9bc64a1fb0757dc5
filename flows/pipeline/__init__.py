"""enter, move, undo: an order is on exactly one stage, and what a stage means follows at once."""

from flows.pipeline.moves import enter, hold, hold_all, last_entry, move, relocate
from flows.pipeline.rules import MOVES, Rules, allowed, ever
from flows.pipeline.undoing import Undone, undo, undoable

__all__ = [
    "MOVES",
    "Rules",
    "Undone",
    "allowed",
    "enter",
    "ever",
    "hold",
    "hold_all",
    "last_entry",
    "move",
    "relocate",
    "undo",
    "undoable",
]

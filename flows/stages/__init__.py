"""The merchant shapes the pipeline: stages added, named, ordered, hidden, deleted, redefined."""

from flows.stages.deleting import Removal, delete, move_next_door, removal
from flows.stages.leading import matrix, set_transitions, transitions
from flows.stages.meaning import Impact, change_state, impact, reclassify
from flows.stages.reach import out_of_reach
from flows.stages.shaping import (
    COLORS,
    Form,
    add,
    automations,
    counts,
    describe,
    find,
    hide,
    reorder,
    show,
)

__all__ = [
    "COLORS",
    "Form",
    "Impact",
    "Removal",
    "add",
    "automations",
    "change_state",
    "counts",
    "delete",
    "describe",
    "find",
    "hide",
    "impact",
    "matrix",
    "move_next_door",
    "out_of_reach",
    "reclassify",
    "removal",
    "reorder",
    "set_transitions",
    "show",
    "transitions",
]

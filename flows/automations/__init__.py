"""What a stage sends: one automation is one stage, one template, and what follows from it.

form: what a person chose. check: every wrong field at once. saving: made, switched, copied, gone.
looking: the list, and what it did lately.
"""

from flows.automations.form import (
    CAUSES,
    DEEDS,
    LONGEST_WAIT,
    MOST_RESENDS,
    TIMEOUT_FROM,
    Deed,
    Form,
)
from flows.automations.looking import Figures, entered, figures, find, listed, samples
from flows.automations.saving import copy, remove, save, switch

__all__ = [
    "CAUSES",
    "DEEDS",
    "LONGEST_WAIT",
    "MOST_RESENDS",
    "TIMEOUT_FROM",
    "Deed",
    "Figures",
    "Form",
    "copy",
    "entered",
    "figures",
    "find",
    "listed",
    "remove",
    "samples",
    "save",
    "switch",
]

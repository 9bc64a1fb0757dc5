"""One automation for one order: started by a stage, sent, answered or not, then looked back at.

starting: a stage is entered. sending, addressing: the message, and where it goes. attempts: what
follows when it cannot be sent. timers, ending: delays, and silence that lasts too long. undoing,
retrying: what people do about it. history, story: looking back.
"""

from flows.runs.attempts import CAUSES, DEEDS
from flows.runs.cancelling import cancel, cancellable
from flows.runs.history import (
    LONGEST,
    PAGE,
    Place,
    counts,
    failed_of,
    find,
    listed,
    of_order,
    seen_as,
)
from flows.runs.payloads import payload, read_payload
from flows.runs.retrying import again
from flows.runs.sending import check_wanted, has_left, trigger_of
from flows.runs.starting import start
from flows.runs.story import Sent, Step, Story, story
from flows.runs.timers import go_off
from flows.runs.undoing import cancel_of, take_up
from flows.runs.words import CANCELLATIONS, FAILURES, explain

__all__ = [
    "CANCELLATIONS",
    "CAUSES",
    "DEEDS",
    "FAILURES",
    "LONGEST",
    "PAGE",
    "Place",
    "Sent",
    "Step",
    "Story",
    "again",
    "cancel",
    "cancel_of",
    "cancellable",
    "check_wanted",
    "counts",
    "explain",
    "failed_of",
    "find",
    "go_off",
    "has_left",
    "listed",
    "of_order",
    "payload",
    "read_payload",
    "seen_as",
    "start",
    "story",
    "take_up",
    "trigger_of",
]

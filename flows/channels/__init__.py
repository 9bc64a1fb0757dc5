"""WhatsApp numbers: connected, looked after, paused; what Meta says of them, and who is told.

adding: connected by people or by the install's own. proving: whose it is. errands: what Meta is
asked and told. facts, profile, forms: what it said. news: what it tells by itself. notices: what
somebody should act on. pausing: nothing leaves. trying (not here: it sends): a first message.
"""

from flows.channels.adding import (
    NewNumber,
    add,
    all_of_merchant,
    connect,
    find,
    get,
    go_on,
    look,
    remove,
    rename,
    replace_token,
    whose,
)
from flows.channels.errands import (
    PROBLEMS,
    Done,
    Task,
    ask,
    ask_daily,
    claim,
    conclude,
    last,
    problem_of,
)
from flows.channels.facts import LIMITS, NEEDED, Facts
from flows.channels.facts import of as facts_of
from flows.channels.news import first_heard, hear, hear_failures, late_failures, lately
from flows.channels.pausing import STOPS, pause, resume, trouble

__all__ = [
    "LIMITS",
    "NEEDED",
    "PROBLEMS",
    "STOPS",
    "Done",
    "Facts",
    "NewNumber",
    "Task",
    "add",
    "all_of_merchant",
    "ask",
    "ask_daily",
    "claim",
    "conclude",
    "connect",
    "facts_of",
    "find",
    "first_heard",
    "get",
    "go_on",
    "hear",
    "hear_failures",
    "last",
    "late_failures",
    "lately",
    "look",
    "pause",
    "problem_of",
    "remove",
    "rename",
    "replace_token",
    "resume",
    "trouble",
    "whose",
]

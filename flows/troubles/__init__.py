"""What did not go well, and what people do about it.

A trouble is a message that failed or that nobody knows the end of, or a run that could not write
its message, until a person deals with it or Meta's statuses settle it: whatever somebody said, a
late status of the same callback id says how it truly ended.

looking: by cause, and one by one. settling: what is done to one. dealing: to one or to hundreds,
and the audit. bodies: webhook bodies that could not be read.
"""

from flows.troubles import bodies
from flows.troubles.dealing import NEEDS, begin, deal, deed
from flows.troubles.looking import (
    MOST,
    PAGE,
    Group,
    Narrow,
    Place,
    RunGroup,
    RunNarrow,
    Told,
    automation_names,
    channel_names,
    count,
    find_message,
    find_run,
    group_of,
    groups,
    listed,
    listed_runs,
    pick_messages,
    pick_runs,
    run_group_of,
    run_groups,
    stage_names,
    stages_of,
    template_names,
    total,
)

__all__ = [
    "MOST",
    "NEEDS",
    "PAGE",
    "Group",
    "Narrow",
    "Place",
    "RunGroup",
    "RunNarrow",
    "Told",
    "automation_names",
    "begin",
    "bodies",
    "channel_names",
    "count",
    "deal",
    "deed",
    "find_message",
    "find_run",
    "group_of",
    "groups",
    "listed",
    "listed_runs",
    "pick_messages",
    "pick_runs",
    "run_group_of",
    "run_groups",
    "stage_names",
    "stages_of",
    "template_names",
    "total",
]

"""What did not go well, and what people do about it.

A trouble is a message that failed or that nobody knows the end of, or a run that could not write
its message, until a person deals with it or Meta's statuses settle it: whatever somebody said, a
late status of the same callback id says how it truly ended.

looking, unwritten, names: by cause, and one by one. settling: what is done to one. dealing: to one
or to hundreds, and the audit. bodies, content, aside: webhook bodies that could not be read.
"""

from flows.troubles import aside, bodies
from flows.troubles.dealing import NEEDS, begin, deal, deed
from flows.troubles.looking import (
    MOST,
    PAGE,
    Group,
    Narrow,
    Place,
    Told,
    count,
    find_message,
    group_of,
    groups,
    listed,
    pick_messages,
    stages_of,
    total,
)
from flows.troubles.names import automation_names, channel_names, stage_names, template_names
from flows.troubles.unwritten import (
    RunGroup,
    RunNarrow,
    count_runs,
    find_run,
    listed_runs,
    pick_runs,
    run_group_of,
    run_groups,
    total_runs,
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
    "aside",
    "automation_names",
    "begin",
    "bodies",
    "channel_names",
    "count",
    "count_runs",
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
    "total_runs",
]

"""The audit: who changed, exported or opened what, when and from where.

noting: the one seam, note() and its kin, called by whatever changes a setting. looking: the page.
"""

from flows.audit.looking import PAGE, listed, people, wanted
from flows.audit.noting import (
    Origin,
    arrive,
    changed,
    facts,
    leave,
    note,
    note_at,
    note_in,
    note_of,
    plain,
    watching,
)

__all__ = [
    "PAGE",
    "Origin",
    "arrive",
    "changed",
    "facts",
    "leave",
    "listed",
    "note",
    "note_at",
    "note_in",
    "note_of",
    "people",
    "plain",
    "wanted",
    "watching",
]

"""How webhooks travel: everything Meta may do on its bad days, all of it off by default."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

SHAPES = ("merged", "changes", "entries")
PRICED = ("both", "sent", "delivered")


@dataclass(frozen=True)
class Manner:
    """What is asked for when an event is born, and how many of them ride in one body."""

    batch: int = 1
    """Events in one body, at most."""
    shape: str = "merged"
    """How events share a body: "merged" lists, or "changes" or "entries" of their own."""
    duplicate: int = 0
    """How many more times each event is posted, in bodies of their own making."""
    delay: float = 0.0
    """Seconds before the first attempt; later events of the chat wait too unless not `ordered`."""
    shuffle: bool = False
    """Events leave in random order; implies not `ordered`."""
    ordered: bool = True
    """Within a chat nothing overtakes, not even an event that is being redelivered."""
    drop: bool = False
    """The event is written into the ledger and never posted."""
    early: bool = False
    """Statuses of a send are posted before Graph answers the send."""
    contacts: bool = True
    """Statuses carry `contacts`."""
    pricing: str = "both"
    """Which statuses carry `pricing`: "both" sent and delivered, or only one of the two."""

    def but(self, **changes: Any) -> Self:
        """The same manner with these fields changed; ValueError for what it does not know."""
        unknown = set(changes) - {f.name for f in fields(self)}
        if unknown:
            raise ValueError(f"unknown manner: {', '.join(sorted(unknown))}")
        changed = replace(self, **changes)
        if changed.shape not in SHAPES or changed.pricing not in PRICED or changed.batch < 1:
            raise ValueError(f"shape is one of {SHAPES}, pricing of {PRICED}, batch at least 1")
        return changed

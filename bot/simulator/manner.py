"""How webhooks travel: everything Meta may do on its bad days, all of it off by default."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields, replace
from typing import Any, Self

SHAPES = ("merged", "changes", "entries", "mixed")
SIGNATURES = ("true", "wrong", "missing", "truncated", "not ascii")
PRICED = ("both", "sent", "delivered")


@dataclass(frozen=True)
class Manner:
    """What is asked for when an event is born, and how many of them ride in one body."""

    batch: int = 1
    """Events in one body, at most."""
    shape: str = "merged"
    """How events share a body: "merged" lists, or "changes" or "entries" of their own, or "mixed":
    some of each."""
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
    senders: bool = True
    """Messages and echoes carry `contacts`."""
    phones: bool = True
    """Customers' phone numbers are named; False: user ids and nothing else."""
    late: float = 0.0
    """Seconds of the simulator's own time before the first attempt: `advance` lets them pass."""
    aged: float = 0.0
    """Seconds ago that the event says it happened."""
    signature: str = "true"
    """The signature over the body: one of SIGNATURES."""
    strange: bool = False
    """Values carry fields nobody knows, and messages have one of an unknown type beside them."""

    share: float = 1.0
    """Of all events, how many travel like this; the others only share its bodies."""

    def for_event(self, number: int, seed: int) -> Manner:
        """The manner of the nth event: this one, or a plain one, always the same for a seed."""
        if self.share >= 1.0 or random.Random(f"{seed} {number}").random() < self.share:  # noqa: S311 (disorder, not secrets)
            return self
        return Manner(batch=self.batch, shape=self.shape)

    def but(self, **changes: Any) -> Self:
        """The same manner with these fields changed; ValueError for what it does not know."""
        unknown = set(changes) - {f.name for f in fields(self)}
        if unknown:
            raise ValueError(f"unknown manner: {', '.join(sorted(unknown))}")
        changed = replace(self, **changes)
        if changed.shape not in SHAPES or changed.pricing not in PRICED or changed.batch < 1:
            raise ValueError(f"shape is one of {SHAPES}, pricing of {PRICED}, batch at least 1")
        if changed.signature not in SIGNATURES:
            raise ValueError(f"signature is one of {SIGNATURES}")
        if not 0 <= changed.share <= 1:
            raise ValueError("share is between 0 and 1")
        return changed

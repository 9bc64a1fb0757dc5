"""Messages of ours: queued as rows, claimed, posted, concluded (D3, D6).

A message leaves in three steps, so that no crash can lose it or send it twice in silence:
claim (committed) → the call to Meta (no transaction) → conclude (committed). A claim that is
never concluded becomes uncertain: nobody can know whether Meta got it, so nobody resends it
but a person. A status with our callback id settles it.

queueing: what people and automations ask for. posting: claim and conclude. marks: blue ticks.
"""

from flows.messages.marks import claim_read_marks, conclude_read_marks
from flows.messages.posting import BATCH, LEASE, claim, conclude
from flows.messages.queueing import (
    MAX_TEXT,
    find,
    queue_buttons,
    queue_media,
    queue_template,
    queue_text,
    send_again,
    window_must_be_open,
)
from flows.messages.recall import put_off

__all__ = [
    "BATCH",
    "LEASE",
    "MAX_TEXT",
    "claim",
    "claim_read_marks",
    "conclude",
    "conclude_read_marks",
    "find",
    "put_off",
    "queue_buttons",
    "queue_media",
    "queue_template",
    "queue_text",
    "send_again",
    "window_must_be_open",
]

"""Messages of ours: queued as rows, claimed, posted, concluded (D3, D6).

A message leaves in three steps, so that no crash can lose it or send it twice in silence:
claim (committed) → the call to Meta (no transaction) → conclude (committed). A claim that is
never concluded becomes uncertain: nobody can know whether Meta got it, so nobody resends it
but a person. A status with our callback id settles it.

queueing: what people and automations ask for; asking: what is answered with a tap (bodies in
interactives); giving: places, cards, reactions. claiming and concluding: before and after the call
to Meta. marks: blue ticks.
"""

from flows.messages import interactives
from flows.messages.asking import queue_interactive
from flows.messages.claiming import BATCH, claim, give_back, hold_up, sender
from flows.messages.concluding import conclude
from flows.messages.giving import (
    PASSED_ON,
    contact,
    must_stand,
    pass_on,
    queue_contacts,
    queue_location,
    react,
    read_place,
)
from flows.messages.marks import (
    claim_read_marks,
    claim_typing,
    conclude_read_marks,
    show_typing,
)
from flows.messages.queueing import (
    MAX_TEXT,
    WORDLESS,
    find,
    queue_media,
    queue_template,
    queue_text,
    send_again,
    window_must_be_open,
)
from flows.messages.recall import put_off

__all__ = [
    "BATCH",
    "MAX_TEXT",
    "PASSED_ON",
    "WORDLESS",
    "claim",
    "claim_read_marks",
    "claim_typing",
    "conclude",
    "conclude_read_marks",
    "contact",
    "find",
    "give_back",
    "hold_up",
    "interactives",
    "must_stand",
    "pass_on",
    "put_off",
    "queue_contacts",
    "queue_interactive",
    "queue_location",
    "queue_media",
    "queue_template",
    "queue_text",
    "react",
    "read_place",
    "send_again",
    "sender",
    "show_typing",
    "window_must_be_open",
]

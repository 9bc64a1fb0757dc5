"""The address form in WhatsApp Flows: published for a number, sent, filled in, read.

words, screens: what it says, and its JSON. publishing: keys, and what Meta is told. tokens: which
form it was. exchange: what the endpoint answers a phone; filling: what was typed. asking: the
message that opens it, and the one that comes back. How it stands at Meta: flows/channels/forms.
"""

from flows.forms.asking import Filled, Known, ask, available, read
from flows.forms.exchange import Expired, answer
from flows.forms.publishing import Door, Publication, conclude, door, prepare, request_publish

__all__ = [
    "Door",
    "Expired",
    "Filled",
    "Known",
    "Publication",
    "answer",
    "ask",
    "available",
    "conclude",
    "door",
    "prepare",
    "read",
    "request_publish",
]

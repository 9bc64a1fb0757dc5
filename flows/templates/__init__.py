"""Ready messages: what Meta lists, what fills their blanks, how they read, how new ones are made.

blanks: the facts of an order. filling: a template for one order. sending: which may be sent.
news: what Meta says of them.
"""

from flows.templates.blanks import FACTS, facts
from flows.templates.filling import Rendered, clean_value, fill, preview, render
from flows.templates.news import hear, keep
from flows.templates.sending import SENDABLE_BUTTONS, check_sendable, sendable, taps

__all__ = [
    "FACTS",
    "SENDABLE_BUTTONS",
    "Rendered",
    "check_sendable",
    "clean_value",
    "facts",
    "fill",
    "hear",
    "keep",
    "preview",
    "render",
    "sendable",
    "taps",
]

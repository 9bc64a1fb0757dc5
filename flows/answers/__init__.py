"""What a customer's tap or answer brings about: the order moves on, or a note says why not.

hearing: which of the two a message is. taps: a button was touched. replies: anything else.
settling: what the first word of a customer puts an end to.
"""

from flows.answers.hearing import hear, hear_all, hold_orders, may_answer
from flows.answers.taps import Tap, obey

__all__ = ["Tap", "hear", "hear_all", "hold_orders", "may_answer", "obey"]

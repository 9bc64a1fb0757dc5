"""What an automation would cost, a message and a month."""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup

from flows import costs
from inbox.conversations import prices


@dataclass(frozen=True, slots=True)
class Estimated:
    """What one message would cost, and what this stage's orders of 30 days would have cost."""

    guess: costs.Estimate
    orders: int

    @property
    def each(self) -> Markup:
        return prices.expected(self.guess)

    @property
    def month(self) -> Markup | None:
        """None where nothing can be told: no price is known, or no order came."""
        if not self.guess.micros or not self.orders:
            return None
        return prices.expected(replace(self.guess, micros=self.guess.micros * self.orders))

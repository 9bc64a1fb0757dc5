"""What a message would cost now: for the composer, the template picker, the automation page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from flows.costs.cards import price
from flows.costs.ledger import account_of, quota_counter
from flows.costs.markets import country_of
from flows.costs.rules import (
    FREE_SERVICE_MESSAGES,
    SERVICE,
    SERVICE_BILLED_SINCE,
    Reason,
    category_of,
    guessed,
    worth,
)
from models import db
from models.channel import Channel
from models.merchant import Counter
from models.types import utcnow


@dataclass(frozen=True, slots=True)
class Estimate:
    """What Meta would charge, in millionths of the currency; None = no price is known."""

    micros: int | None
    currency: str
    reason: Reason
    free_left: int | None = None
    """How many of the month's free service messages are left, where that decided."""


def estimate(
    channel: Channel,
    *,
    phone: str | None,
    user_id: str | None,
    category: str,
    window_open: bool,
    at: datetime | None = None,
) -> Estimate:
    """What one message to this recipient would cost; `category` is "service" for free text.

    The window is that of 24 hours since the customer's last message. A free entry point (the
    customer came from an advertisement) is not foreseen: then Meta charges less than this says.
    """
    found = estimates_for(
        channel,
        phone=phone,
        user_id=user_id,
        categories=[category],
        window_open=window_open,
        at=at,
    )
    return found[category]


def estimates_for(
    channel: Channel,
    *,
    phone: str | None,
    user_id: str | None,
    categories: Iterable[str],
    window_open: bool,
    at: datetime | None = None,
) -> dict[str, Estimate]:
    """Category → estimate for one recipient, with one question to the database at most."""
    account = account_of(channel.currency, channel.time_zone)
    day = (at or utcnow()).astimezone(account.zone).date()
    country = country_of(phone, user_id)
    wanted = {name: category_of({}, name) for name in categories}
    counted = SERVICE in wanted.values() and day >= SERVICE_BILLED_SINCE
    used = free_used(channel, day) if counted else 0
    found = {}
    for name, category in wanted.items():
        guess = guessed(category, day, window_open=window_open, nth=used + 1)
        amount, reason = worth(guess, price(account.currency, country, category, day))
        left = max(FREE_SERVICE_MESSAGES - used, 0) if reason is Reason.FREE_TIER else None
        found[name] = Estimate(amount, account.currency, reason, left)
    return found


def free_used(channel: Channel, day: date) -> int:
    """How many service messages of this number were delivered in the month of that day."""
    name = quota_counter(channel.id, day.replace(day=1))
    return db.session().scalar(select(Counter.value).where(Counter.name == name)) or 0

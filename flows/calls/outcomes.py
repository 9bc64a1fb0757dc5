"""What a call can end with, as data: where the order goes, or when to call again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from flows.errors import N_
from models.merchant import Merchant
from models.pipeline import SystemState


@dataclass(frozen=True, slots=True)
class Outcome:
    words: str
    goes: SystemState | None = None
    """The state of the stage the order moves to; None leaves it where it is, to be called again."""
    reached: bool = True
    """Whether somebody answered."""


# In the order of their keys, 1 to 8. Those that cancel do it for the reason of their name.
OUTCOMES: dict[str, Outcome] = {
    "no_answer": Outcome(N_("No answer"), reached=False),
    "busy": Outcome(N_("Busy"), reached=False),
    "postponed": Outcome(N_("Postponed")),
    "wrong_number": Outcome(N_("Wrong number"), SystemState.CANCELLED),
    "fake": Outcome(N_("Fake order"), SystemState.CANCELLED),
    "duplicate": Outcome(N_("Duplicate order"), SystemState.CANCELLED),
    "cancelled": Outcome(N_("Cancelled by the customer"), SystemState.CANCELLED),
    "confirmed": Outcome(N_("Confirmed"), SystemState.CONFIRMED),
}

BUSY = timedelta(minutes=10)
"""A busy line is free soon."""
EVENING, MORNING = time(18), time(10)
FARTHEST = timedelta(days=60)


def _evening(now: datetime) -> datetime | None:
    at = now.replace(hour=EVENING.hour, minute=0, second=0, microsecond=0)
    return at if at > now else None


def morning_after(now: datetime) -> datetime:
    """Tomorrow at ten on the clock of `now`."""
    return datetime.combine(now.date() + timedelta(days=1), MORNING, tzinfo=now.tzinfo)


# When "later" is, on the merchant's clock; None: not any more today.
PRESETS: dict[str, tuple[str, Callable[[datetime], datetime | None]]] = {
    "hour": (N_("In an hour"), lambda now: now + timedelta(hours=1)),
    "evening": (N_("This evening, 18:00"), _evening),
    "morning": (N_("Tomorrow, 10:00"), morning_after),
}


def presets(zone: ZoneInfo, now: datetime) -> dict[str, str]:
    """The choices of "later" that are still ahead, with their words."""
    here = now.astimezone(zone)
    return {name: words for name, (words, at) in PRESETS.items() if at(here) is not None}


def again_at(preset: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When this choice of "later" is; None when it has passed or is none of ours."""
    words_and_time = PRESETS.get(preset)
    return words_and_time[1](now.astimezone(zone)) if words_and_time else None


def after_no_answer(merchant: Merchant, unanswered: int, now: datetime) -> datetime:
    """When to try again after so many calls nobody answered."""
    if unanswered >= merchant.call_limit:
        return morning_after(now.astimezone(merchant.zone))
    return now + timedelta(minutes=merchant.call_again_minutes)


def after_busy(merchant: Merchant, now: datetime) -> datetime:
    return now + min(BUSY, timedelta(minutes=merchant.call_again_minutes))

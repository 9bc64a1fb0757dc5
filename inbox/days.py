"""Days that a filter asks for, in the merchant's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def read_day(text: str) -> date | None:
    """The day an address names; None when it is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    # The first and the last year cannot be told in every time zone.
    return found if 1 < found.year < 9999 else None


def between(first: date | None, last: date | None, zone: ZoneInfo) -> dict[str, datetime | None]:
    """From the start of the first day (`since`) up to the end of the last (`to`)."""
    return {
        "since": _start(first, zone) if first else None,
        "to": _start(last + timedelta(days=1), zone) if last else None,
    }


def _start(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)

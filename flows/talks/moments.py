"""When a customer asked to be called: "demain à 18h", "ghedda f l3chiya" → a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flows.understanding import Entity

DAYS = {"today": 0, "tonight": 0, "tomorrow": 1, "day after tomorrow": 2, "next week": 7}
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOURS = {
    "morning": time(10),
    "noon": time(12),
    "afternoon": time(15),
    "evening": time(18),
    "tonight": time(19),
    "night": time(20),
}
"""When a part of a day is meant as an hour."""
LATE = ("afternoon", "evening", "tonight", "night")
USUAL = time(10)
EARLIEST, LATEST = time(8), time(21)
"""Nobody is called outside these, whatever was understood."""


def moment(entities: Sequence[Entity], now: datetime, zone: ZoneInfo) -> datetime | None:
    """The moment (UTC) that was said, after `now` and within a month; None when none was."""
    said = [entity.value for entity in entities if entity.kind == "time"]
    local = now.astimezone(zone)
    day, hour = _day(said, local.date()), _hour(said)
    if day is None and hour is None:
        return None
    at = datetime.combine(day or local.date(), hour or USUAL, zone)
    if at <= local and day is None:
        at += timedelta(days=1)  # an hour that is over today is tomorrow's
    if at <= local or at - local > timedelta(days=31):
        return None
    return at.astimezone(UTC)


def _day(said: Sequence[str], today: date) -> date | None:
    for value in said:
        if value in DAYS:
            return today + timedelta(days=DAYS[value])
        if value in WEEK:
            ahead = (WEEK.index(value) - today.weekday()) % 7
            return today + timedelta(days=ahead or 7)
        if written := _written(value, today):
            return written
    return None


def _written(value: str, today: date) -> date | None:
    """ "12/12", "3-1-2027"; the day comes first, as everybody here writes it."""
    parts = value.replace("-", "/").replace(".", "/").split("/")
    if not 2 <= len(parts) <= 3 or not all(part.isdecimal() for part in parts):
        return None
    day, month, *year = (int(part) for part in parts)
    try:
        found = date((year[0] + (2000 if year[0] < 100 else 0)) if year else today.year, month, day)
        return found if found >= today or year else found.replace(year=today.year + 1)
    except ValueError:
        return None


def _hour(said: Sequence[str]) -> time | None:
    clock = next((value for value in said if ":" in value), None)
    part = next((value for value in said if value in HOURS), None)
    if clock is None:
        return HOURS[part] if part else None
    hour, minute = (int(each) for each in clock.split(":")[:2])
    if hour < 12 and part != "morning" and (part in LATE or hour < EARLIEST.hour):
        hour += 12  # "at five" is said in the afternoon
    if not (hour < 24 and minute < 60) or not EARLIEST <= time(hour, minute) <= LATEST:
        return None
    return time(hour, minute)

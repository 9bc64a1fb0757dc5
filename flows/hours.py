"""When something is to happen: after so many seconds, at an hour of the shop's clock, by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config import settings
from models import db
from models.automation import Automation
from models.merchant import Merchant


def later(start: datetime, seconds: float) -> datetime:
    """So many seconds after `start`; in a trial WASL_TIMER_SPEED makes them shorter."""
    return start + timedelta(seconds=seconds / settings().timer_speed)


def due(automation: Automation, entered_at: datetime) -> datetime:
    """When the message leaves of an automation whose stage was entered at `entered_at`.

    First the delay, then until its hour on the merchant's clock, then out of the quiet hours.
    """
    at = entered_at + timedelta(seconds=automation.delay)
    if automation.at_time is not None:
        at = next_time(at, automation.at_time, _merchant(automation).zone)
    return _hurried(entered_at, _awake(automation, at))


def due_after(automation: Automation, start: datetime, seconds: float) -> datetime:
    """So many seconds after `start`, and out of the quiet hours where the automation minds them."""
    return _hurried(start, _awake(automation, start + timedelta(seconds=seconds)))


def _hurried(start: datetime, at: datetime) -> datetime:
    return later(start, (at - start).total_seconds())


def _awake(automation: Automation, at: datetime) -> datetime:
    return by_day(at, _merchant(automation)) if automation.respects_quiet else at


def _merchant(automation: Automation) -> Merchant:
    return db.session().get_one(Merchant, automation.merchant_id)


def by_day(at: datetime, merchant: Merchant) -> datetime:
    """`at`, or the end of the quiet hours it falls into."""
    start, end = merchant.quiet_from, merchant.quiet_until
    if start is None or end is None or not _between(start, at.astimezone(merchant.zone), end):
        return at
    return next_time(at, end, merchant.zone)


def next_time(after: datetime, hour: time, zone: ZoneInfo) -> datetime:
    """The first moment (UTC), not before `after`, when clocks in `zone` show `hour`."""
    return next(moment for moment in _moments(after, hour, zone) if moment >= after)


def _moments(after: datetime, hour: time, zone: ZoneInfo) -> Iterator[datetime]:
    """Today's and the next days', each twice: where clocks are put back an hour comes again."""
    today = after.astimezone(zone).date()
    for days in range(3):
        for fold in (0, 1):
            local = datetime.combine(today + timedelta(days=days), hour.replace(fold=fold), zone)
            yield local.astimezone(UTC)


def _between(start: time, local: datetime, end: time) -> bool:
    """Whether the clock shows something from `start` to before `end`, perhaps over midnight."""
    shown = local.time()
    if start <= end:
        return start <= shown < end
    return shown >= start or shown < end

"""Delays, clock times and quiet hours, on the merchant's clock."""

from __future__ import annotations

import os
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

import config
from flows import hours
from models.automation import Automation
from models.db import MerchantSession
from models.merchant import Merchant

NOON = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)  # 12:00 in Casablanca


@pytest.fixture(autouse=True)
def _open(session: MerchantSession) -> None:
    """Quiet hours are the merchant's, so somebody's session is open."""


def automation(merchant: Merchant, **values: object) -> Automation:
    wanted = {"delay": 0, "at_time": None, "respects_quiet": True} | values
    return Automation(merchant_id=merchant.id, **wanted)


def quiet(session: MerchantSession, merchant: Merchant, start: time, end: time) -> None:
    row = session.get_one(Merchant, merchant.id)
    row.quiet_from, row.quiet_until = start, end


def test_without_a_delay_it_is_due_at_once(merchant: Merchant) -> None:
    assert hours.due(automation(merchant), NOON) == NOON


def test_a_delay_is_counted_in_seconds(merchant: Merchant) -> None:
    assert hours.due(automation(merchant, delay=23 * 3600), NOON) == NOON + timedelta(hours=23)


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        (time(14), datetime(2026, 11, 23, 13, 0, tzinfo=UTC)),
        (time(12), NOON),
        (time(9), datetime(2026, 11, 24, 8, 0, tzinfo=UTC)),
    ],
)
def test_it_waits_for_its_hour_on_the_merchants_clock(
    merchant: Merchant, hour: time, expected: datetime
) -> None:
    assert hours.due(automation(merchant, at_time=hour), NOON) == expected


def test_its_hour_is_right_on_both_sides_of_ramadan(merchant: Merchant) -> None:
    """Morocco is at UTC+1, but at UTC+0 in Ramadan: from 15 February to 22 March in 2026."""
    before = datetime(2026, 2, 14, 18, 0, tzinfo=UTC)
    during = datetime(2026, 2, 15, 18, 0, tzinfo=UTC)
    at_nine = automation(merchant, at_time=time(9))

    assert hours.due(at_nine, before) == datetime(2026, 2, 15, 9, 0, tzinfo=UTC)
    assert hours.due(at_nine, during) == datetime(2026, 2, 16, 9, 0, tzinfo=UTC)
    end = datetime(2026, 3, 22, 18, 0, tzinfo=UTC)
    assert hours.due(at_nine, end) == datetime(2026, 3, 23, 8, 0, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_met_the_second_time_when_the_first_is_over() -> None:
    paris = ZoneInfo("Europe/Paris")  # 25 October 2026: 03:00 becomes 02:00
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    assert hours.next_time(first, time(2, 30), paris) == first
    again = hours.next_time(first + timedelta(minutes=1), time(2, 30), paris)
    assert again == first + timedelta(hours=1)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ((23, 20, 59), (23, 20, 59)),
        ((23, 21, 0), (24, 8, 0)),
        ((23, 23, 30), (24, 8, 0)),
        ((24, 3, 0), (24, 8, 0)),
        ((24, 7, 59), (24, 8, 0)),
        ((24, 8, 0), (24, 8, 0)),
    ],
)
def test_quiet_hours_over_midnight_are_waited_for(
    merchant: Merchant,
    session: MerchantSession,
    local: tuple[int, int, int],
    expected: tuple[int, int, int],
) -> None:
    quiet(session, merchant, time(21), time(8))

    due = hours.due(automation(merchant), at_home(merchant, *local))

    assert due == at_home(merchant, *expected)


def at_home(merchant: Merchant, day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=merchant.zone).astimezone(UTC)


def test_quiet_hours_within_a_day_are_waited_for(
    merchant: Merchant, session: MerchantSession
) -> None:
    quiet(session, merchant, time(12), time(14))

    assert hours.due(automation(merchant), NOON) == NOON + timedelta(hours=2)
    assert hours.due(automation(merchant, respects_quiet=False), NOON) == NOON


def test_first_the_delay_then_the_hour_then_the_quiet(
    merchant: Merchant, session: MerchantSession
) -> None:
    quiet(session, merchant, time(20), time(9))
    late = automation(merchant, delay=3600, at_time=time(21))

    assert hours.due(late, NOON) == at_home(merchant, 24, 9, 0)


def test_in_a_trial_an_hour_lasts_a_second(
    merchant: Merchant, session: MerchantSession, hurried: None
) -> None:
    quiet(session, merchant, time(12), time(14))

    assert hours.later(NOON, 3600) == NOON + timedelta(seconds=1)
    assert hours.due(automation(merchant), NOON) == NOON + timedelta(seconds=2)


@pytest.mark.parametrize("typed", ["fast", "0", "-1", "1e9", "nan"])
def test_a_speed_that_is_none_is_refused_by_name(typed: str) -> None:
    with pytest.raises(config.Misconfigured, match="WASL_TIMER_SPEED"):
        config.read(dict(os.environ) | {"WASL_TIMER_SPEED": typed})

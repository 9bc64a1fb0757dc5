"""The strip above the board: rates of a period, the age of what is open, revenue for some."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import time_machine
from sqlalchemy import text

from flows import indicators, tallies
from models import db
from models.merchant import Merchant
from models.pipeline import SystemState
from models.timeline import SYSTEM
from models.types import utcnow
from tests.flows import shop

S = SystemState
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def created(days_ago: float, on: SystemState, price: int = 1) -> None:
    with time_machine.travel(NOON - timedelta(days=days_ago), tick=False):
        shop.order((None, price), on=on, by=SYSTEM)


@pytest.fixture
def month(merchant: Merchant) -> Merchant:
    """Ten orders of the last thirty days, and one that is older."""
    with db.merchant(merchant.id):
        for on in (S.NEW, S.TO_CONFIRM, S.CANCELLED, S.CONFIRMED, S.SHIPPED, S.RETURNED):
            created(3, on)
        for price in (1, 2, 3, 4):
            created(20, S.DELIVERED, price)
        created(45, S.DELIVERED, 9)
    return merchant


@time_machine.travel(NOON, tick=False)
def test_rates_are_of_the_orders_created_in_the_period(month: Merchant) -> None:
    with db.merchant(month.id):
        thirty = indicators.of(30, money=True)
        seven = indicators.of(7, money=True)
        ninety = indicators.of(90, money=True)

    assert (thirty.created, thirty.confirmed, thirty.shipped, thirty.delivered) == (10, 7, 6, 4)
    assert thirty.confirmation_rate == 70
    assert thirty.delivery_rate == pytest.approx(66.67, abs=0.01)
    assert thirty.revenue == 100_000  # applied totals, without delivery fees
    assert (seven.created, seven.delivered, seven.revenue) == (6, 0, 0)
    assert (ninety.created, ninety.revenue) == (11, 190_000)


@time_machine.travel(NOON, tick=False)
def test_folding_changes_nothing_of_it(month: Merchant) -> None:
    with db.merchant(month.id):
        before = indicators.of(30, money=True)

    tallies.fold()

    with db.merchant(month.id):
        assert indicators.of(30, money=True) == before


@pytest.mark.parametrize(
    ("delivered", "mark"), [(86, "green"), (85, "orange"), (70, "orange"), (69, "red")]
)
def test_a_delivery_rate_is_good_above_85_and_bad_below_70(delivered: int, mark: str) -> None:
    rate = indicators.Indicators(30, 100, 100, 100, delivered, None, 0, None, [])

    assert rate.delivery_mark == mark


@time_machine.travel(NOON, tick=False)
def test_without_orders_there_is_no_rate_and_no_age(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        none = indicators.of(30, money=False)

    assert (none.confirmation_rate, none.delivery_rate, none.median_age) == (None, None, None)
    assert none.delivery_mark == "gray"
    assert none.revenue is None
    assert [day.created for day in none.trend] == [0] * 30


@pytest.mark.parametrize(
    ("ages", "median"), [((1, 2, 9), 2), ((1, 2, 3, 9), 2.5), ((4,), 4), ((1, 400), 200.5)]
)
@time_machine.travel(NOON, tick=False)
def test_the_median_age_is_exact_and_of_open_orders_only(
    ages: tuple[float, ...], median: float, merchant: Merchant
) -> None:
    with db.merchant(merchant.id):
        for days in ages:
            created(days, S.NEW)
        for done in (S.DELIVERED, S.RETURNED, S.CANCELLED):
            created(300, done)

        found = indicators.of(30, money=False)

    assert found.open == len(ages)
    assert found.median_age == timedelta(days=median)


@time_machine.travel(NOON, tick=False)
def test_the_trend_has_every_day_the_oldest_first(month: Merchant) -> None:
    with db.merchant(month.id):
        trend = indicators.of(30, money=False).trend

    assert len(trend) == 30
    assert trend[-1].on == NOON.date()
    assert [(day.on, day.confirmed) for day in trend if day.confirmed] == [
        (NOON.date() - timedelta(days=20), 4),
        (NOON.date() - timedelta(days=3), 3),
    ]


def test_the_open_orders_are_read_from_their_index_alone(
    merchant: Merchant, owner_connection: psycopg.Connection
) -> None:
    with db.merchant(merchant.id):
        order = shop.order(on=S.NEW)
        order.created_at = utcnow()
    owner_connection.execute(
        """INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object(
               'id', gen_random_uuid(), 'number', 100000 + n,
               'state', CASE WHEN n %% 20 = 0 THEN 'new' ELSE 'delivered' END))).*
           FROM orders o, generate_series(1, 1500) n WHERE o.id = %s""",
        [order.id],
    )
    owner_connection.execute("VACUUM ANALYZE orders")

    with db.merchant(merchant.id) as session:
        middle = f"SELECT created_at FROM orders WHERE {indicators._OPEN}"  # noqa: S608 - ours
        explained = text(f"EXPLAIN {middle} ORDER BY created_at OFFSET 30 LIMIT 1")
        plan = session.execute(explained).scalars()

        assert any("Index Only Scan using ix_orders_open" in line for line in plan)

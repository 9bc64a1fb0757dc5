"""Meta's own count of the last days is asked for, kept a row a number and day, and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from flask import Flask, jsonify, request
from sqlalchemy import select

from bot import client as meta
from flows import costs, outbox
from models import db
from models.channel import Channel
from models.cost import Reckoning
from models.merchant import Merchant

NOW = datetime(2026, 10, 16, 9, tzinfo=UTC)
YESTERDAY = date(2026, 10, 15)


class Graph:
    """The edge pricing_analytics as Meta documents it, and what it was asked."""

    def __init__(self) -> None:
        self.points: list[dict[str, Any]] | None = []
        self.asked: list[str] = []
        self.broken = 0
        self.app = Flask("graph")
        self.app.add_url_rule("/<version>/<waba>", view_func=self.answer)

    def answer(self, version: str, waba: str) -> Any:
        self.asked.append(request.args["fields"])
        if self.broken:
            return "no", self.broken
        if self.points is None:
            return jsonify(id=waba)
        return jsonify(id=waba, pricing_analytics={"data": [{"data_points": self.points}]})


@pytest.fixture
def graph() -> Iterator[Graph]:
    found = Graph()
    meta.reach(lambda: httpx.WSGITransport(app=found.app))
    yield found
    meta.reach(meta._to_meta)


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def reckon(merchant: Merchant, work: Callable[[], None]) -> Callable[[], None]:
    """Let the clock find the number that is due, and the worker ask."""

    def ask() -> None:
        with db.merchant(merchant.id) as session:
            for channel in session.scalars(select(Channel)):
                channel.reckoning_due_at = NOW
                channel.templates_due_at = NOW + timedelta(days=1)
        outbox.sweep()
        work()

    return ask


def point(start: datetime, volume: int, cost: float | None, **facts: Any) -> dict[str, Any]:
    told = {
        "start": int(start.timestamp()),
        "end": int(start.timestamp()) + 1800,
        "phone_number": "212520000001",
        "pricing_category": "UTILITY",
        "pricing_type": "REGULAR",
        "volume": volume,
    }
    return told | ({} if cost is None else {"cost": cost}) | facts


def charged(merchant: Merchant, count: int, *, at: datetime) -> None:
    with db.merchant(merchant.id) as session:
        channel_id = session.scalars(select(Channel.id)).one()
        costs.settle(
            [
                costs.Delivery(
                    channel_id=channel_id,
                    wamid=f"wamid.{at:%d%H}.{n}",
                    delivered_at=at,
                    phone="+212661234567",
                    pricing={"type": "regular", "category": "utility"},
                )
                for n in range(count)
            ]
        )


def drift_of(merchant: Merchant, day: date) -> costs.Drift:
    with db.merchant(merchant.id):
        return next(one for one in costs.drift(date(2026, 10, 1)) if one.day == day)


def test_what_agrees_with_meta_has_no_drift(
    merchant: Merchant, graph: Graph, reckon: Callable[[], None]
) -> None:
    charged(merchant, 3, at=NOW - timedelta(days=1))
    noon = NOW - timedelta(days=1)
    # Meta adds up binary fractions, and says things by the half-hour.
    graph.points = [point(noon, 2, 0.046), point(noon + timedelta(hours=1), 1, 0.02299999999999)]

    reckon()

    found = drift_of(merchant, YESTERDAY)
    assert (found.ours, found.theirs, found.our_micros, found.their_micros) == (
        3,
        3,
        69_000,
        69_000,
    )
    assert found.agrees
    assert "granularity(HALF_HOUR)" in graph.asked[0]
    assert ".start(1791500400).end(1792105200)" in graph.asked[0]  # midnights in Casablanca


def test_a_message_meta_counts_and_we_do_not_is_a_drift(
    merchant: Merchant, graph: Graph, reckon: Callable[[], None]
) -> None:
    charged(merchant, 1, at=NOW - timedelta(days=1))
    graph.points = [point(NOW - timedelta(days=1), 2, 0.046)]

    reckon()

    found = drift_of(merchant, YESTERDAY)
    assert (found.messages, found.micros, found.agrees) == (-1, -23_000, False)


def test_every_day_asked_for_has_one_row_however_often_meta_is_asked(
    merchant: Merchant, graph: Graph, reckon: Callable[[], None]
) -> None:
    graph.points = [point(NOW - timedelta(days=1), 5, 0.115)]
    reckon()
    graph.points = [point(NOW - timedelta(days=1), 6, 0.138)]
    reckon()

    with db.merchant(merchant.id) as session:
        rows = session.scalars(select(Reckoning).order_by(Reckoning.day)).all()
        assert len(rows) == 7
        assert (rows[-1].day, rows[-1].volume, rows[-1].micros) == (YESTERDAY, 6, 138_000)
        assert rows[-1].parts == [["utility", "regular", 6, 138_000]]
        assert (rows[0].volume, rows[0].micros) == (0, 0)


def test_a_half_hour_belongs_to_the_day_of_the_account(
    merchant: Merchant, graph: Graph, reckon: Callable[[], None]
) -> None:
    midnight = datetime(2026, 10, 14, 23, tzinfo=UTC)  # in Casablanca
    graph.points = [point(midnight - timedelta(minutes=30), 1, 0.023), point(midnight, 2, 0.046)]

    reckon()

    assert drift_of(merchant, YESTERDAY).theirs == 2
    assert drift_of(merchant, YESTERDAY - timedelta(days=1)).theirs == 1


def test_an_account_on_a_resellers_credit_line_has_no_amounts(
    merchant: Merchant, graph: Graph, reckon: Callable[[], None]
) -> None:
    charged(merchant, 1, at=NOW - timedelta(days=1))
    graph.points = [point(NOW - timedelta(days=1), 1, None)]

    reckon()

    found = drift_of(merchant, YESTERDAY)
    assert (found.their_micros, found.micros, found.agrees) == (None, None, True)


def test_what_meta_says_of_another_number_of_the_account_is_not_ours(
    merchant: Merchant, graph: Graph, reckon: Callable[[], None]
) -> None:
    graph.points = [point(NOW - timedelta(days=1), 9, 1.0, phone_number="33100000000")]

    reckon()

    assert drift_of(merchant, YESTERDAY).theirs == 0


@pytest.mark.parametrize(
    "points",
    [
        None,
        [{"start": "never"}],
        [{"start": 1, "volume": "many"}],
        [{"start": 1, "volume": 1, "cost": "NaN"}],
        ["strange"],
    ],
)
def test_an_answer_that_says_nothing_or_nonsense_is_asked_for_again_soon(
    merchant: Merchant, graph: Graph, reckon: Callable[[], None], points: Any
) -> None:
    graph.points = points

    reckon()

    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Reckoning)).all() == []
        due = session.scalars(select(Channel.reckoning_due_at)).one()
        assert due == NOW + timedelta(minutes=30)


def test_a_meta_that_is_down_is_asked_again_soon_and_nothing_is_lost(
    merchant: Merchant, graph: Graph, reckon: Callable[[], None]
) -> None:
    graph.points = [point(NOW - timedelta(days=1), 5, 0.115)]
    reckon()
    graph.broken = 503
    reckon()

    assert drift_of(merchant, YESTERDAY).theirs == 5


def test_nothing_is_asked_twice_at_once(merchant: Merchant) -> None:
    with db.merchant(merchant.id) as session:
        channel = session.scalars(select(Channel)).one()
        channel.reckoning_due_at = NOW

    with db.merchant(merchant.id):
        first = costs.take_question(channel.id)
    with db.merchant(merchant.id):
        second = costs.take_question(channel.id)

    assert first is not None
    assert second is None
    assert first.token not in repr(first)

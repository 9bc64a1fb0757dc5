"""Graph's pricing_analytics, counted from what the simulator delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pywa.client import WhatsApp

from bot.simulator import Simulator, demo
from tests.bot.simulator.business import AMINE, FATIMA, YOUSSEF, confirm, offer

Json = dict[str, Any]
DAY = 86_400


@pytest.fixture
def ask(sim: Simulator) -> Callable[..., Json]:
    http = httpx.Client(
        transport=httpx.WSGITransport(app=sim.app), base_url="https://graph.facebook.com/v26.0"
    )

    def get(path: str = demo.ATLAS, account: str = demo.ATLAS, **params: Any) -> Json:
        headers = {"Authorization": f"Bearer {demo.TOKEN}{account}"}
        answer: Json = http.get(f"/{path}", params=params, headers=headers).json()
        return answer

    return get


def _fields(sim: Simulator, *more: str, granularity: str = "DAILY") -> str:
    now = int(sim.clock.time())
    span = f".start({now - 40 * DAY}).end({now + DAY}).granularity({granularity})"
    return "id,pricing_analytics" + span + "".join(more)


def _points(answer: Json) -> list[Json]:
    points: list[Json] = answer["pricing_analytics"]["data"][0]["data_points"]
    return points


def test_costs_come_by_category_type_and_country(
    sim: Simulator, atlas: WhatsApp, ask: Callable[..., Json], on: Callable[..., None]
) -> None:
    on(2026, 11, 10)
    sim.write("fatima", "Salam")
    atlas.send_text(FATIMA, "Bonjour")
    confirm(atlas)
    offer(atlas, YOUSSEF)
    sim.deliver()

    dims = ".dimensions(PRICING_CATEGORY,PRICING_TYPE,COUNTRY)"
    points = _points(ask(fields=_fields(sim, dims)))

    found = {(p["pricing_category"], p["pricing_type"], p["country"]): p["cost"] for p in points}
    assert found == {
        ("SERVICE", "FREE_CUSTOMER_SERVICE", "MA"): 0.0,
        ("UTILITY", "REGULAR", "MA"): 0.023,
        ("MARKETING", "REGULAR", "MA"): 0.0414,
    }
    assert {p["volume"] for p in points} == {1}


def test_a_day_and_a_month_begin_at_midnight_of_the_account(
    sim: Simulator, atlas: WhatsApp, ask: Callable[..., Json], on: Callable[..., None]
) -> None:
    for day in (3, 4, 4):
        on(2026, 11, day)
        offer(atlas)
    on(2026, 10, 20)
    offer(atlas)
    on(2026, 11, 5)

    daily = _points(ask(fields=_fields(sim)))
    monthly = _points(ask(fields=_fields(sim, granularity="MONTHLY")))

    assert [p["volume"] for p in daily] == [1, 1, 2]
    assert {p["end"] - p["start"] for p in daily} == {DAY}
    assert [p["volume"] for p in monthly] == [1, 3]


def test_filters_metrics_and_the_edge(
    sim: Simulator, atlas: WhatsApp, ask: Callable[..., Json]
) -> None:
    offer(atlas)
    confirm(atlas, YOUSSEF)
    now = int(sim.clock.time())

    few = '.pricing_categories([MARKETING]).metric_types([VOLUME]).country_codes(["MA"])'
    only = _points(ask(fields=_fields(sim, few)))
    edge = ask(f"{demo.ATLAS}/pricing_analytics", start=now - DAY, end=now + DAY,
               granularity="HALF_HOUR")  # fmt: skip

    assert [set(p) for p in only] == [{"start", "end", "volume"}]
    assert edge["data"][0]["data_points"][0]["volume"] == 2


def test_another_account_sees_nothing_and_a_wrong_question_is_refused(
    sim: Simulator, atlas: WhatsApp, algiers: WhatsApp, ask: Callable[..., Json]
) -> None:
    offer(atlas)
    sim.write("amine", "Salam")
    algiers.send_text(AMINE, "Salam")

    theirs = _points(ask(demo.ALGIERS, demo.ALGIERS, fields=_fields(sim, ".dimensions(COUNTRY)")))

    assert [p["country"] for p in theirs] == ["DZ"]
    assert ask(demo.ALGIERS, fields=_fields(sim))["error"]["code"] == 100
    assert ask(fields="pricing_analytics.start(1)")["error"]["code"] == 100
    assert ask(fields=_fields(sim, granularity="HOURLY"))["error"]["code"] == 100

"""Redis is away, or takes connections and says nothing: people work on, only later and not live."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from flows import outbox
from models.merchant import Merchant
from models.message import Sending
from tests import factories
from tests.recovery.conftest import Redis, count

Browse = Callable[[Any], Any]


@pytest.fixture
def without(redis: Redis, merchant: Merchant, request: pytest.FixtureRequest) -> Iterator[None]:
    {"dead": redis.die, "silent": redis.stand_still}[request.param]()
    yield
    redis.die()


@pytest.mark.parametrize("without", ["dead", "silent"], indirect=True)
def test_pages_answer_orders_are_taken_and_messages_wait(
    without: None, signed_in: Browse, merchant: Merchant, talks: list[UUID]
) -> None:
    browser = signed_in(factories.member(merchant, "owner"))
    browser.get("/inbox")  # templates are compiled, and who asks first finds out
    begun = time.monotonic()

    pages = [browser.get(path) for path in ("/inbox", "/board", "/orders", "/runs")]
    said = browser.post(
        f"/inbox/{talks[0]}/messages",
        data={"text": "Bonjour", "client_id": str(uuid4())},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    ready = browser.get("/readyz")

    assert [page.status_code for page in pages] == [200, 200, 200, 200]
    assert said.status_code < 400
    assert count(merchant, Sending.QUEUED) == 1
    assert ready.status_code == 200
    assert ready.json["status"] == "degraded"
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("without", ["dead", "silent"], indirect=True)
def test_one_finds_out_and_the_others_are_told_at_once(
    without: None, merchant: Merchant, talks: list[UUID]
) -> None:
    first = time.monotonic()
    outbox.nudge("ingest")
    assert time.monotonic() - first < 1.5

    begun = time.monotonic()
    for n in range(100):
        outbox.nudge(f"numbers:{n}")
    assert time.monotonic() - begun < 0.5

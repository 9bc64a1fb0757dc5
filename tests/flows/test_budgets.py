"""A month's budget: who sees costs hears once that it nears and once that it is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import costs
from models import db
from models.channel import Channel
from models.merchant import Merchant
from models.notification import Notification
from models.user import Membership

NOW = datetime(2026, 10, 16, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def spend(merchant: Merchant, count: int, start: int = 0, *, at: datetime = NOW) -> None:
    with db.merchant(merchant.id) as session:
        channel_id = session.scalars(select(Channel.id)).one()
        costs.settle(
            [
                costs.Delivery(
                    channel_id=channel_id,
                    wamid=f"wamid.{at:%m}.{n}",
                    delivered_at=at,
                    phone="+212661234567",
                    pricing={"type": "regular", "category": "marketing"},
                )
                for n in range(start, start + count)
            ]
        )


def rung(merchant: Merchant) -> list[tuple[str, int]]:
    with db.merchant(merchant.id) as session:
        found = session.scalars(select(Notification).order_by(Notification.id)).all()
        return [(one.facts["what"], one.facts["percent"]) for one in found]


def test_who_sees_costs_is_told_once_at_80_and_once_at_100_per_cent(
    merchant: Merchant, owner: Membership, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        costs.mean_to_spend("USD", 41_400 * 10)
    spend(merchant, 7)
    costs.warn()
    quiet = rung(merchant)
    spend(merchant, 1, start=7)
    for _ in range(2):
        costs.warn()
    nearing = rung(merchant)
    spend(merchant, 4, start=8)
    for _ in range(2):
        costs.warn()

    assert quiet == []
    assert nearing == [("nearing", 80)]
    assert rung(merchant) == [("nearing", 80), ("gone", 120)]


def test_the_same_sum_saved_again_rings_nobody_and_another_one_does(
    merchant: Merchant, owner: Membership, signed_in: Callable[[Membership], FlaskClient]
) -> None:
    browser, page = signed_in(owner), "/costs/budget?month=2026-10"
    browser.post(page, data={"USD": "0.10"})
    spend(merchant, 2)
    costs.warn()

    browser.post(page, data={"USD": "0.10"})
    costs.warn()
    same = rung(merchant)
    browser.post(page, data={"USD": "0.09"})
    costs.warn()

    assert same == [("nearing", 82)]
    assert rung(merchant) == [("nearing", 82), ("nearing", 92)]


def test_a_new_month_begins_anew(merchant: Merchant, owner: Membership, clock: Any) -> None:
    with db.merchant(merchant.id):
        costs.mean_to_spend("USD", 41_400)
    spend(merchant, 1)
    costs.warn()
    clock.move_to(NOW + timedelta(days=31))
    costs.warn()
    unspent = rung(merchant)
    spend(merchant, 1, at=NOW + timedelta(days=31))
    costs.warn()

    assert unspent == [("gone", 100)]
    assert rung(merchant) == [("gone", 100)] * 2


def test_a_budget_taken_away_warns_nobody(merchant: Merchant, owner: Membership) -> None:
    with db.merchant(merchant.id):
        costs.mean_to_spend("USD", 41_400)
        costs.mean_to_spend("USD", None)
        costs.mean_to_spend("EUR", None)
    spend(merchant, 1)

    costs.warn()

    assert rung(merchant) == []

"""The page of Meta's charges, as the people of the team see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from flows import channels, costs
from inbox import filters
from models import db
from models.channel import Channel
from models.merchant import Merchant
from models.user import Membership

Browse = Callable[[Membership], Any]

OCTOBER = datetime(2026, 10, 15, 12, tzinfo=UTC)


def charge(merchant: Merchant, *categories: str, at: datetime = OCTOBER, **facts: Any) -> None:
    """Delivered messages of these categories; "utility?" is one that Meta has not priced yet."""
    with db.merchant(merchant.id) as session:
        channel_id = session.scalars(select(Channel.id)).one()
        costs.settle(
            [
                costs.Delivery(
                    channel_id=channel_id,
                    wamid=f"wamid.{at:%m%d}.{n}",
                    delivered_at=at,
                    phone=facts.get("phone", "+212661234567"),
                    category_hint=category.rstrip("?"),
                    pricing=None
                    if category.endswith("?")
                    else {"type": facts.get("kind", "regular"), "category": category},
                )
                for n, category in enumerate(categories)
            ]
        )


def test_the_month_is_added_up_to_the_tenth_of_a_cent(
    merchant: Merchant, owner: Membership, signed_in: Browse
) -> None:
    charge(merchant, "marketing", "utility", "utility", "service")

    page = signed_in(owner).get("/costs?month=2026-10").text

    assert "0,1104\u00a0USD" in page  # 0.0414 + 3 × 0.0230
    assert "0,0460\u00a0USD" in page
    assert "15: 0,1104 USD" in page  # the bar of the 15th


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("manager", 200), ("agent", 403), ("stranger", 200)]
)
def test_only_people_who_see_money_see_what_meta_charges(
    request: pytest.FixtureRequest, merchant: Merchant, signed_in: Browse, role: str, status: int
) -> None:
    charge(merchant, "marketing")

    answer = signed_in(request.getfixturevalue(role)).get("/costs?month=2026-10")

    assert answer.status_code == status
    assert ("0,0414" in answer.text) == (role in ("owner", "manager"))


def test_an_empty_month_says_so_and_leads_back_to_the_others(
    merchant: Merchant, owner: Membership, signed_in: Browse
) -> None:
    charge(merchant, "marketing")
    browser = signed_in(owner)

    november = browser.get("/costs?month=2026-11").text
    october = browser.get("/costs?month=2026-10").text

    assert "0,0414" not in november
    assert "month=2026-10" in november
    assert "month=2026-11" in october
    assert "month=2026-09" not in october  # nothing was charged so early


def test_the_page_opens_on_the_present_month(
    merchant: Merchant, owner: Membership, signed_in: Browse
) -> None:
    charge(merchant, "marketing", at=datetime.now(UTC) - timedelta(minutes=1))

    assert "0,0414" in signed_in(owner).get("/costs").text


def test_what_has_no_price_is_shown_as_such_and_not_as_free(
    merchant: Merchant, owner: Membership, signed_in: Browse, english: Browse
) -> None:
    charge(merchant, "marketing", phone=None)

    page = english(owner).get("/costs?month=2026-10").text

    assert "1 delivered message has no known price" in page
    assert "0.0000" not in page
    assert 'Free messages</span><span class="figure-value"><bdi dir="ltr">0</bdi>' in page


def test_an_estimate_is_said_to_be_one(
    merchant: Merchant, owner: Membership, english: Browse
) -> None:
    charge(merchant, "utility?", "utility")

    page = english(owner).get("/costs?month=2026-10").text

    assert "1 message is an estimate" in page
    assert "Partly estimated" in page


def test_the_free_replies_of_each_number_are_counted_since_october(
    merchant: Merchant, owner: Membership, english: Browse
) -> None:
    charge(merchant, "service?", "service?")
    charge(merchant, "service?", at=datetime(2026, 9, 15, tzinfo=UTC))
    browser = english(owner)

    october = browser.get("/costs?month=2026-10").text
    september = browser.get("/costs?month=2026-09").text

    assert 'aria-label="2 of 1,000 free replies used"' in october
    assert "free replies used" not in september
    assert "Free within 24 hours" in september
    assert "Free within 24 hours" not in october


def test_one_number_can_be_looked_at_alone(
    merchant: Merchant, owner: Membership, signed_in: Browse
) -> None:
    charge(merchant, "marketing")
    with db.merchant(merchant.id):
        second = channels.add(
            name="Deuxième",
            phone_number_id="77",
            waba_id="78",
            display_phone_number="+212 520-000077",
            country="MA",
            token="EAA",
        )
    browser = signed_in(owner)

    both = browser.get("/costs?month=2026-10").text
    alone = browser.get(f"/costs?month=2026-10&number={second.id}").text

    assert "0,0414" in both
    assert "0,0414" not in alone
    assert f"number={second.id}" in both


@pytest.mark.parametrize(
    "address",
    [
        "/costs?month=2026-13",
        "/costs?month=nonsense",
        "/costs?number=nonsense",
        "/costs?number=00000000-0000-0000-0000-000000000000",
    ],
)
def test_a_month_or_number_that_does_not_exist_is_not_found(
    owner: Membership, signed_in: Browse, address: str
) -> None:
    assert signed_in(owner).get(address).status_code == 404


def test_a_strangers_number_is_not_found(
    merchant: Merchant, stranger: Membership, signed_in: Browse
) -> None:
    with db.merchant(merchant.id) as session:
        ours = session.scalars(select(Channel.id)).one()

    assert signed_in(stranger).get(f"/costs?number={ours}").status_code == 404


def test_the_open_page_fetches_only_its_account_when_something_is_charged(
    merchant: Merchant, owner: Membership, signed_in: Browse
) -> None:
    charge(merchant, "marketing")
    browser = signed_in(owner)

    page = browser.get("/costs?month=2026-10").text
    piece = browser.get("/costs?month=2026-10", headers={"HX-Request-Type": "partial"}).text

    assert 'data-live="costs"' in page
    assert piece.lstrip().startswith("<section")
    assert 'data-live="costs"' in piece
    assert "0,0414" in piece


def test_a_category_meta_invents_tomorrow_is_shown_as_meta_spells_it(
    merchant: Merchant, owner: Membership, signed_in: Browse
) -> None:
    charge(merchant, "group_marketing")

    assert "group_marketing" in signed_in(owner).get("/costs?month=2026-10").text


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_a_small_price_is_never_rounded_to_nothing(app: Flask, language: str) -> None:
    point, group = {"fr": (",", "\u202f"), "en": (".", ","), "ar": (",", ".")}[language]
    written = {
        23_000: f"0{point}0230",
        1: f"0{point}000001",
        1_234_567_890: f"1{group}234{point}56789",
        0: f"0{point}0000",
    }

    with app.test_request_context(headers={"Cookie": f"language={language}"}):
        for amount, text in written.items():
            assert f">{text}\u00a0USD<" in filters.micros(amount, "USD")

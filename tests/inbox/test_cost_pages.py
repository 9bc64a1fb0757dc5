"""Breakdowns, file, price lists, unpriced charges and budget, as people of the team see them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from flows import costs
from models import db
from models.channel import Channel
from models.cost import Budget, PriceList, Reckoning
from models.merchant import Merchant
from models.user import Membership

Browse = Callable[[Membership], Any]

OCTOBER = datetime(2026, 10, 15, 12, tzinfo=UTC)
META = "Market,Currency,Marketing,Utility\nMorocco,USD,0.0500,0.0230\nOther,USD,0.06,0.0077\n"
EUROS = "Market;Marketing;Utility\nMorocco;0,05 €;0,02 €\n"
ONE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def _lists_are_read_anew() -> Iterator[None]:
    yield
    costs.forget_rate_cards()


def charge(merchant: Merchant, *categories: str, **facts: Any) -> None:
    with db.merchant(merchant.id) as session:
        channel = session.scalars(select(Channel)).one()
        channel.currency = facts.pop("currency", channel.currency)
        values: dict[str, Any] = {"phone": "+212661234567", "delivered_at": OCTOBER, **facts}
        costs.settle(
            [
                costs.Delivery(
                    channel_id=channel.id,
                    wamid=f"wamid.{uuid4()}",
                    pricing={"type": "regular", "category": category},
                    **values,
                )
                for category in categories
            ]
        )


# --- the month ------------------------------------------------------------------------------------


def test_the_month_is_told_by_template_sender_and_reason(
    merchant: Merchant, owner: Membership, english: Browse
) -> None:
    charge(merchant, "utility", template="confirmation_commande", automation_id=uuid4())
    charge(merchant, "service", "service")

    page = english(owner).get("/costs?month=2026-10").text

    assert "confirmation_commande" in page
    assert "An automation that is gone" in page
    assert "Your team" in page
    assert "No template: replies" in page


def test_a_template_name_can_be_no_html(
    merchant: Merchant, owner: Membership, signed_in: Browse
) -> None:
    charge(merchant, "utility", template="<script>alert(1)</script>")

    assert "<script>alert" not in signed_in(owner).get("/costs?month=2026-10").text


def test_the_drift_to_metas_own_count_is_shown(
    merchant: Merchant, owner: Membership, english: Browse
) -> None:
    charge(merchant, "utility", "utility")
    with db.merchant(merchant.id) as session:
        channel_id = session.scalars(select(Channel.id)).one()
        row = Reckoning(
            channel_id=channel_id, day=date(2026, 10, 15), volume=3, micros=69_000, parts=[]
        )
        session.add(row)

    page = english(owner).get("/costs?month=2026-10").text

    assert "It differs" in page
    assert "-0.0230\u00a0USD" in page
    assert "(-33.33 %)" in page


# --- the file -------------------------------------------------------------------------------------


def test_the_file_has_every_charge_and_no_formula(
    merchant: Merchant, owner: Membership, english: Browse
) -> None:
    charge(merchant, "utility", template="=1+1")
    charge(merchant, "marketing", phone=None)

    answer = english(owner).get("/costs/charges.csv?month=2026-10")
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))

    assert answer.headers["Content-Disposition"].endswith('"whatsapp-costs-2026-10.csv"')
    assert [row["Amount"] for row in rows] == ["0.023000", ""]
    assert rows[0]["Template"] == "'=1+1"
    assert rows[0]["Day in the account's time zone"] == "2026-10-15"
    assert rows[0]["Country"] == "MA"


@pytest.mark.parametrize(
    "path",
    [
        "/costs",
        "/costs/charges.csv",
        "/costs/unpriced",
        "/costs/lists",
        "/costs/lists/USD/2026-10-01",
    ],
)
def test_who_does_not_see_money_gets_nothing(
    merchant: Merchant, agent: Membership, signed_in: Browse, path: str
) -> None:
    charge(merchant, "utility")

    answer = signed_in(agent).get(f"{path}?month=2026-10")

    assert answer.status_code == 403
    assert "0,0230" not in answer.text
    assert "0.023" not in answer.text


# --- price lists ----------------------------------------------------------------------------------


def bring_in(browser: Any, text: str = META, **form: str) -> Any:
    data = {"text": text, "name": "list.csv", "currency": "", "day": "2027-01-01"} | form
    return browser.post("/costs/lists/new", data=data, headers=ONE)


def test_a_list_shows_what_changes_before_it_is_taken(
    merchant: Merchant, manager: Membership, english: Browse
) -> None:
    browser = english(manager)

    shown = bring_in(browser)
    with db.merchant(merchant.id) as session:
        nothing = session.scalars(select(PriceList)).all()
    taken = bring_in(browser, go="1")

    assert shown.status_code == 200
    assert "0.0414\u00a0USD" in shown.text
    assert "+20.8 %" in shown.text
    assert nothing == []
    assert taken.headers["HX-Redirect"] == "/costs/lists"
    with db.merchant(merchant.id) as session:
        row = session.scalars(select(PriceList)).one()
        assert (row.currency, row.effective_from, row.by_id) == (
            "USD",
            date(2027, 1, 1),
            manager.id,
        )
    listed = browser.get("/costs/lists").text
    assert "list.csv" in listed
    assert "To come" in listed
    assert "+20.8 %" in browser.get("/costs/lists/USD/2027-01-01").text


def test_a_list_chosen_as_a_file_is_read(
    merchant: Merchant, owner: Membership, english: Browse
) -> None:
    file = (io.BytesIO(EUROS.encode("cp1252")), "prix janvier 2027-01-01 EUR.csv")
    answer = english(owner).post(
        "/costs/lists/new",
        data={"file": file},
        headers=ONE,
        content_type="multipart/form-data",
    )

    assert answer.status_code == 200
    assert "It is the first list in this currency" in answer.text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"text": "hello"}, "No line with the heads"),
        ({"text": "Market,Marketing\nAtlantis,1"}, "Atlantis"),
        ({"text": EUROS, "currency": "EUR", "day": ""}, "from which day"),
        ({"text": META, "day": "2026-10-01"}, "a changed list needs a new date"),
        ({"text": "Market,Marketing\n<b>x</b>,1"}, "&lt;b&gt;x"),
    ],
)
def test_a_list_that_cannot_be_taken_is_refused_with_the_reason(
    merchant: Merchant, owner: Membership, english: Browse, form: dict[str, str], sentence: str
) -> None:
    answer = bring_in(english(owner), **form)

    assert answer.status_code in (409, 422)
    assert sentence in answer.text


def test_an_agent_can_bring_in_no_list(
    merchant: Merchant, agent: Membership, signed_in: Browse
) -> None:
    assert bring_in(signed_in(agent), go="1").status_code == 403


def test_a_strangers_list_is_not_found(
    merchant: Merchant, owner: Membership, stranger: Membership, signed_in: Browse
) -> None:
    bring_in(signed_in(owner), go="1")
    costs.forget_rate_cards()

    theirs = signed_in(stranger)

    assert "list.csv" not in theirs.get("/costs/lists").text
    assert theirs.get("/costs/lists/USD/2027-01-01").status_code == 404


# --- what has no price ----------------------------------------------------------------------------


def test_unpriced_charges_are_listed_and_priced_with_one_click(
    merchant: Merchant, owner: Membership, english: Browse
) -> None:
    charge(merchant, "utility", "utility", currency="EUR")
    browser = english(owner)
    before = browser.get("/costs/unpriced?month=2026-10").text
    bring_in(browser, EUROS, currency="EUR", day="2026-10-01", go="1")
    costs.forget_rate_cards()

    offered = browser.get("/costs?month=2026-10").text
    done = browser.post("/costs/price-now", data={"month": "2026-10"}, headers=ONE)
    after = browser.get("/costs?month=2026-10").text

    assert "Morocco" in before
    assert "Price them now" not in before
    assert "Price them now (2)" in offered
    assert done.status_code == 303
    assert "0.0400\u00a0EUR" in after
    assert "no known price" not in after
    assert "Omar" in browser.get("/costs/unpriced?month=2026-10").text


@pytest.mark.parametrize("month", ["0001-01", "9999-12"])
def test_the_first_and_the_last_month_there_are_can_be_looked_at(
    owner: Membership, english: Browse, month: str
) -> None:
    browser = english(owner)
    browser.post("/costs/budget", data={"USD": "10"}, headers=ONE)

    assert browser.get(f"/costs?month={month}").status_code == 200
    assert browser.get(f"/costs/charges.csv?month={month}").status_code == 200


# --- the budget -----------------------------------------------------------------------------------


def test_a_budget_is_kept_shown_and_taken_away(
    merchant: Merchant, owner: Membership, english: Browse
) -> None:
    charge(merchant, "utility")
    browser = english(owner)

    wrong = browser.post("/costs/budget?month=2026-10", data={"USD": "much"}, headers=ONE)
    negative = browser.post("/costs/budget?month=2026-10", data={"USD": "-1"}, headers=ONE)
    browser.post("/costs/budget?month=2026-10", data={"USD": "0,10"}, headers=ONE)
    shown = browser.get("/costs?month=2026-10").text
    form = browser.get("/costs/budget?month=2026-10").text
    browser.post("/costs/budget?month=2026-10", data={"USD": ""}, headers=ONE)

    assert (wrong.status_code, negative.status_code) == (422, 422)
    assert "This is not an amount." in wrong.text
    assert "% of the budget of" in shown
    assert 'value="0.10"' in form
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Budget)).all() == []

from collections.abc import Callable
from datetime import time

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from models import db
from models.merchant import Merchant
from models.user import Membership
from tests.inbox.test_orders import errors, value

Browser = Callable[[Membership], FlaskClient]
ENGLISH = {"Accept-Language": "en", "HX-Request": "true"}


@pytest.fixture
def mina(manager: Membership, signed_in: Browser) -> FlaskClient:
    return signed_in(manager)


def post(browser: FlaskClient, **changes: str) -> TestResponse:
    form = {"call_limit": "4", "call_again_minutes": "90", "quiet_from": "", "quiet_until": ""}
    return browser.post("/rules", data=form | changes, headers=ENGLISH)


def rules(merchant: Merchant) -> tuple[int, int, time | None, time | None]:
    with db.house() as house:
        now = house.get_one(Merchant, merchant.id)
        return now.call_limit, now.call_again_minutes, now.quiet_from, now.quiet_until


def test_the_rules_are_shown_and_changed(merchant: Merchant, mina: FlaskClient) -> None:
    before = mina.get("/rules", headers={"Accept-Language": "en"})

    saved = post(mina, call_limit="٥", quiet_from="21:00", quiet_until="09:30")

    assert value(before, "call_limit") == "3"
    assert saved.status_code == 200
    assert rules(merchant) == (5, 90, time(21), time(9, 30))
    assert value(mina.get("/rules"), "quiet_from") == "21:00"


def test_quiet_hours_are_taken_away_by_emptying_both(merchant: Merchant, mina: FlaskClient) -> None:
    post(mina, quiet_from="21:00", quiet_until="09:00")

    post(mina)

    assert rules(merchant)[2:] == (None, None)


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"call_limit": "0"}, "call_limit"),
        ({"call_limit": "21"}, "call_limit"),
        ({"call_limit": "many"}, "call_limit"),
        ({"call_limit": ""}, "call_limit"),
        ({"call_again_minutes": "4"}, "call_again_minutes"),
        ({"call_again_minutes": "1441"}, "call_again_minutes"),
        ({"quiet_from": "21:00"}, "quiet_until"),
        ({"quiet_until": "09:00"}, "quiet_from"),
        ({"quiet_from": "09:00", "quiet_until": "09:00"}, "quiet_until"),
        ({"quiet_from": "25:00", "quiet_until": "09:00"}, "quiet_from"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named_and_nothing_changes(
    typed: dict[str, str], wrong: str, merchant: Merchant, mina: FlaskClient
) -> None:
    page = post(mina, **typed)

    assert page.status_code == 422
    assert list(errors(page)) == [wrong]
    assert value(page, wrong) == typed.get(wrong, "")
    assert rules(merchant) == (3, 60, None, None)


def test_agents_and_others_do_not_change_the_rules(
    merchant: Merchant, agent: Membership, stranger: Membership, signed_in: Browser
) -> None:
    assert signed_in(agent).get("/rules").status_code == 403
    assert post(signed_in(agent)).status_code == 403
    assert post(signed_in(stranger)).status_code == 200
    assert rules(merchant) == (3, 60, None, None)

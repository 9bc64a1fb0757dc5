"""Calls over WhatsApp: one line each, whatever the order Meta tells of them in."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import arrivals
from flows.events import Call, Person
from models import db
from models.conversation import Activity, Conversation
from models.merchant import Merchant
from models.types import utcnow
from models.user import Membership
from tests import factories

NOW = utcnow().replace(microsecond=0)
FATIMA = Person(wa_id="212661234567", profile_name="Fatima")
_keys = itertools.count()


def call(event: str, *, at: datetime = NOW, by: str = "USER", id_: str = "c1", **more: Any) -> Call:
    return Call(
        phone_number_id="1" * 15,
        waba_id=None,
        field="calls",
        key=f"key{next(_keys)}",
        at=at,
        payload=more,
        call_id=id_,
        event=event,
        person=FATIMA,
        direction=f"{by}_INITIATED" if by else None,
    )


def tell(merchant: Merchant, *calls: Call) -> None:
    for one in calls:
        with db.merchant(merchant.id):
            arrivals.take_in([one])


def line(merchant: Merchant) -> tuple[Activity, Conversation]:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Activity)).one(), session.scalars(select(Conversation)).one()


def test_a_customers_call_opens_the_window_when_it_rings(merchant: Merchant) -> None:
    tell(merchant, call("connect", at=NOW - timedelta(hours=2)))

    activity, conversation = line(merchant)
    assert activity.facts == {"rang": True, "by": "customer"}
    assert conversation.last_inbound_at == NOW - timedelta(hours=2)
    assert conversation.window_open
    assert (conversation.last_kind, conversation.last_direction) == ("call", "in")


@pytest.mark.parametrize("turned", [False, True])
def test_a_call_is_one_line_in_whatever_order_it_is_told(merchant: Merchant, turned: bool) -> None:
    told = [call("connect"), call("terminate", at=NOW + timedelta(minutes=3), duration=125)]

    tell(merchant, *(reversed(told) if turned else told))

    activity, _ = line(merchant)
    assert activity.facts == {"rang": True, "over": True, "by": "customer", "seconds": 125}
    assert activity.at == NOW


def test_a_call_nobody_took_is_a_missed_one(merchant: Merchant) -> None:
    tell(merchant, call("connect"), call("terminate", at=NOW + timedelta(seconds=40)))

    assert line(merchant)[1].last_kind == "missed_call"


def test_our_own_call_opens_no_window(merchant: Merchant) -> None:
    tell(merchant, call("RINGING", by=""), call("REJECTED", by=""), call("connect", by="BUSINESS"))

    activity, conversation = line(merchant)
    assert activity.facts["by"] == "us"
    assert activity.facts["declined"]
    assert conversation.last_inbound_at is None


def test_an_old_call_covers_no_newer_message(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        arrivals.take_in([factories.inbound("Salam", sender=FATIMA)])
    tell(merchant, call("connect", at=NOW - timedelta(days=1)))

    assert line(merchant)[1].last_preview == "Salam"


def test_a_call_of_nobody_or_to_nobody_is_only_kept(merchant: Merchant) -> None:
    from dataclasses import replace

    tell(merchant, replace(call("connect"), person=Person()))
    with db.merchant(merchant.id):
        arrivals.take_in([replace(call("connect"), phone_number_id=None)])

    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Activity)).all() == []


SAID = [
    ([call("connect")], "The customer is calling on WhatsApp"),
    ([call("terminate", duration=125)], "The customer called on WhatsApp: 2:05"),
    ([call("terminate")], "Missed call of the customer on WhatsApp"),
    ([call("connect", by="BUSINESS")], "You are calling on WhatsApp"),
    ([call("terminate", by="BUSINESS", duration="61")], "You called on WhatsApp: 1:01"),
    ([call("terminate", by="BUSINESS", duration="x")], "You called on WhatsApp, nobody answered"),
    ([call("REJECTED", by="")], "You called on WhatsApp, the customer declined"),
]


@pytest.mark.parametrize(("calls", "words"), SAID, ids=[words for _, words in SAID])
def test_the_thread_says_how_a_call_went(
    signed_in: Callable[[Membership], FlaskClient],
    merchant: Merchant,
    agent: Membership,
    calls: list[Call],
    words: str,
) -> None:
    tell(merchant, *calls)
    browser = signed_in(agent)
    browser.set_cookie("language", "en")

    page = browser.get(f"/inbox/{line(merchant)[1].id}").text
    listed = browser.get("/inbox").text

    assert words in page.replace('<bdi dir="ltr">', "").replace("</bdi>", "")
    assert ("Missed call" in listed) == ("Missed" in words)

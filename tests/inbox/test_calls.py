import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select, update
from werkzeug.test import TestResponse

from flows import pipeline
from models import db
from models.db import MerchantSession
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.timeline import SYSTEM
from models.types import utcnow
from models.user import Membership
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
ENGLISH = {"Accept-Language": "en"}
HTMX = ENGLISH | {"HX-Request": "true"}


def due(merchant: Merchant, **values: Any) -> int:
    """A committed order that waits for a call; its number."""
    with db.merchant(merchant.id):
        lines = values.pop("lines", [(None, 1)])
        return shop.order(*lines, **({"on": SystemState.TO_CONFIRM} | values)).number


def order_of(merchant: Merchant, number: int) -> Order:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Order).where(Order.number == number)).one()


def tell(browser: FlaskClient, number: int, outcome: str, **form: str) -> TestResponse:
    sent = {"outcome": outcome, "client_id": str(uuid4()), "version": "1", "note": ""} | form
    return browser.post(f"/calls/{number}", data=sent, headers=HTMX)


def on_screen(page: TestResponse) -> int | None:
    found = re.search(r'data-call="(\d+)"', page.text)
    return int(found[1]) if found else None


def toasts(page: TestResponse) -> list[str]:
    told = json.loads(page.headers.get("HX-Trigger", "{}"))
    return [note["text"] for note in told.get("toasts", {}).get("notes", [])]


# --- the page -------------------------------------------------------------------------------------


def test_the_page_shows_the_order_to_call_with_all_that_is_said(
    merchant: Merchant, salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        talk = shop.conversation(text="C'est <b>moi</b>")
        number = shop.order(
            (shop.bag(), 2), on=SystemState.TO_CONFIRM, talk=talk, note="Rappeler vite"
        ).number

    page = salma.get("/calls", headers=ENGLISH)

    assert page.status_code == 200
    assert on_screen(page) == number
    for shown in (
        "Fatima Zahra El Idrissi",
        'href="tel:+212661234567"',
        "12 rue des Orangers",
        "Marrakech",
        "Sac cuir",
        "235.00\u00a0MAD",
        "Rappeler vite",
        "C&#39;est &lt;b&gt;moi&lt;/b&gt;",
        f'href="/inbox/{talk.id}"',
        "Not called yet.",
    ):
        assert shown in page.text, shown


def test_eight_outcomes_have_a_key_each(merchant: Merchant, salma: FlaskClient) -> None:
    due(merchant)

    page = salma.get("/calls", headers=ENGLISH)

    buttons = re.findall(r'<button[^>]*class="call-outcome"[^>]*data-key="(\d)"', page.text)
    assert buttons == list("12345678")


def test_without_a_conversation_whatsapp_opens_by_the_number(
    merchant: Merchant, salma: FlaskClient
) -> None:
    due(merchant)

    assert 'href="https://wa.me/212661234567"' in salma.get("/calls").text


def test_nobody_to_call_is_said_and_what_comes_later(
    merchant: Merchant, salma: FlaskClient
) -> None:
    page = salma.get("/calls", headers=ENGLISH)

    assert "Nobody to call" in page.text
    due(merchant)
    assert "1 order is due for a call" in salma.get("/calls/waiting", headers=ENGLISH).text
    taken = salma.post("/calls/next", headers=HTMX)
    assert on_screen(taken) is not None


def test_two_people_never_see_the_same_order(
    merchant: Merchant, agent: Membership, manager: Membership, signed_in: Browser
) -> None:
    numbers = {due(merchant), due(merchant)}

    shown = {on_screen(signed_in(who).get("/calls")) for who in (agent, manager)}

    assert shown == numbers


def test_an_order_asked_for_is_shown_or_refused(
    merchant: Merchant, salma: FlaskClient, manager: Membership, signed_in: Browser
) -> None:
    due(merchant)
    wanted = due(merchant)

    assert on_screen(salma.get(f"/calls?order={wanted}")) == wanted
    assert signed_in(manager).get(f"/calls?order={wanted}").status_code == 409
    assert salma.get("/calls?order=1").status_code == 404


# --- outcomes -------------------------------------------------------------------------------------


def test_after_an_outcome_the_next_order_is_there_at_once(
    merchant: Merchant, salma: FlaskClient
) -> None:
    first, second = due(merchant), due(merchant)
    salma.get("/calls")

    page = tell(salma, first, "confirmed", note="Après 18 h")

    assert (page.status_code, on_screen(page)) == (200, second)
    assert toasts(page) == [f"#{first} · Confirmed"]
    assert order_of(merchant, first).state is SystemState.CONFIRMED
    assert "My calls today" in page.text
    assert "100&nbsp;%" in page.text


def test_a_form_posted_before_the_page_was_ready_counts_all_the_same(
    merchant: Merchant, salma: FlaskClient
) -> None:
    first, second = due(merchant), due(merchant)
    salma.get("/calls")
    plain = {"outcome": "no_answer", "client_id": str(uuid4()), "version": "1"}

    answer = salma.post(f"/calls/{first}", data=plain)
    mixed_up = salma.post(f"/calls/{second}", data=plain)
    salma.get("/calls")
    timeless = plain | {"client_id": str(uuid4()), "again": "own"}
    undated = salma.post(f"/calls/{second}", data=timeless)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/calls")
    assert order_of(merchant, first).call_attempts == 1
    assert (mixed_up.status_code, undated.status_code) == (409, 302)
    assert order_of(merchant, second).call_attempts == 0
    assert on_screen(salma.get("/calls")) == second


def test_postponed_to_a_time_typed_on_the_merchants_clock(
    merchant: Merchant, salma: FlaskClient
) -> None:
    number = due(merchant)
    salma.get("/calls")
    tomorrow = (utcnow().astimezone(merchant.zone) + timedelta(days=1)).replace(
        hour=11, minute=30, second=0, microsecond=0
    )

    typed = tomorrow.strftime("%Y-%m-%dT%H:%M")
    page = tell(salma, number, "", again="own", again_at=typed)

    assert page.status_code == 200
    assert order_of(merchant, number).call_due_at == tomorrow


@pytest.mark.parametrize("typed", ["", "soon", "2020-01-01T10:00"])
def test_a_time_that_is_none_is_said_and_nothing_is_kept(
    typed: str, merchant: Merchant, salma: FlaskClient
) -> None:
    number = due(merchant)
    salma.get("/calls")

    page = tell(salma, number, "", again="own", again_at=typed)

    assert page.status_code == 422
    assert toasts(page) == ["Choose a time ahead, within 60 days."]
    assert order_of(merchant, number).call_attempts == 0


def test_stock_that_is_short_is_said_and_the_order_stays(
    merchant: Merchant, salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        bag = shop.bag(1)
    number = due(merchant, lines=[(bag, 2)])
    salma.get("/calls")

    page = tell(salma, number, "confirmed")

    assert page.status_code == 409
    assert toasts(page) == ["Not enough Sac cuir in stock: 2 needed, 1 available."]
    assert on_screen(salma.get("/calls")) == number


def test_a_late_outcome_says_who_has_the_order_now(
    merchant: Merchant, salma: FlaskClient, manager: Membership, signed_in: Browser
) -> None:
    number = due(merchant)
    salma.get("/calls")
    with db.merchant(merchant.id) as session:
        session.execute(update(Order).values(caller_until=utcnow() - timedelta(seconds=1)))
    signed_in(manager).get("/calls")

    page = tell(salma, number, "confirmed")
    renewed = salma.post(f"/calls/{number}/renew", headers=HTMX)

    assert (page.status_code, renewed.status_code) == (409, 409)
    assert toasts(page) == [f"Mina has order {number} now: what you said was not kept."]
    assert "Mina has this order now." in salma.get(f"/calls/{number}", headers=ENGLISH).text


def test_an_order_confirmed_by_its_customer_meanwhile_says_so_on_the_screen(
    merchant: Merchant, salma: FlaskClient
) -> None:
    number = due(merchant)
    salma.get("/calls")
    with db.merchant(merchant.id) as session:
        order = session.scalars(select(Order)).one()
        pipeline.move(order, shop.stage(SystemState.CONFIRMED), by=SYSTEM)

    page = salma.get(f"/calls/{number}", headers=ENGLISH)

    assert "This order needs no call any more" in page.text
    assert tell(salma, number, "cancelled").status_code == 409


def test_the_last_call_is_undone_in_one_key(merchant: Merchant, salma: FlaskClient) -> None:
    number = due(merchant)
    salma.get("/calls")
    told = tell(salma, number, "fake")
    (undo,) = re.findall(r'hx-post="(/calls/[0-9a-f-]+/undo)"', told.text)

    page = salma.post(undo, headers=HTMX)

    assert (page.status_code, on_screen(page)) == (200, number)
    assert toasts(page) == [f"The call about order #{number} is taken back."]
    assert order_of(merchant, number).state is SystemState.TO_CONFIRM
    assert 'data-key="u"' not in page.text


def test_leaving_gives_the_order_back(merchant: Merchant, salma: FlaskClient) -> None:
    number = due(merchant)
    salma.get("/calls")

    assert salma.post("/calls/release").status_code == 204
    until = order_of(merchant, number).caller_until
    assert until is not None
    assert until < utcnow() + timedelta(minutes=1)


def test_urgent_is_switched_on_and_off(merchant: Merchant, salma: FlaskClient) -> None:
    number = due(merchant)

    answers = [salma.post(f"/orders/{number}/urgent", headers=HTMX) for _ in range(2)]

    assert [toasts(answer)[0] for answer in answers] == [
        f"Order #{number} is urgent: it is called first.",
        f"Order #{number} is no longer urgent.",
    ]


# --- whose it is, and how fast --------------------------------------------------------------------


def test_nobody_else_calls_our_customers(
    merchant: Merchant, stranger: Membership, signed_in: Browser, client: FlaskClient
) -> None:
    number = due(merchant)
    other = signed_in(stranger)

    assert on_screen(other.get("/calls")) is None
    assert other.get(f"/calls/{number}").status_code == 404
    assert tell(other, number, "fake").status_code == 404
    assert other.post(f"/calls/{number}/renew").status_code == 404
    assert client.get("/calls").status_code == 302
    assert order_of(merchant, number).state is SystemState.TO_CONFIRM


@pytest.mark.usefixtures("steady_pulse")
def test_a_call_costs_as_much_sql_with_a_hundred_orders_waiting(
    merchant: Merchant, salma: FlaskClient
) -> None:
    def statements() -> int:
        with _counted() as told:
            number = on_screen(salma.get("/calls"))
            assert number
            tell(salma, number, "no_answer")
        return len(told)

    with db.merchant(merchant.id):
        for _ in range(2):
            shop.order((None, 1), on=SystemState.TO_CONFIRM)
    statements()
    few = statements()
    with db.merchant(merchant.id):
        for _ in range(40):
            shop.order((None, 1), on=SystemState.TO_CONFIRM)

    many = statements()

    assert many <= few + 12  # the empty screen of the few asks for less
    assert many < 90


@contextmanager
def _counted() -> Iterator[list[str]]:
    told: list[str] = []

    def remember(state: Any) -> None:
        told.append(str(state.statement)[:60])

    event.listen(MerchantSession, "do_orm_execute", remember)
    try:
        yield told
    finally:
        event.remove(MerchantSession, "do_orm_execute", remember)

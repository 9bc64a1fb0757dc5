"""The order's page: all of it in one place, and the dialog that changes it."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flows import pipeline
from models import db
from models.merchant import Merchant
from models.order import CallAttempt, Order
from models.pipeline import SystemState
from models.timeline import SYSTEM, By, Entry
from models.types import utcnow
from models.user import Membership
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
ENGLISH = {"Accept-Language": "en"}
HTMX = ENGLISH | {"HX-Request": "true"}
TO_CONFIRM, CONFIRMED, CANCELLED = (
    SystemState.TO_CONFIRM,
    SystemState.CONFIRMED,
    SystemState.CANCELLED,
)


@pytest.fixture
def order(merchant: Merchant) -> Order:
    """An order of two bags from a conversation."""
    with db.merchant(merchant.id):
        return shop.order((shop.bag(), 2), talk=shop.conversation(), number=1042)


@pytest.fixture
def again(merchant: Merchant, order: Order) -> Callable[[], Order]:
    """The order as the database has it, in the open session."""
    return lambda: db.session().get_one(Order, (merchant.id, order.id))


def show(browser: FlaskClient, number: int = 1042) -> str:
    page = browser.get(f"/orders/{number}", headers=ENGLISH)
    assert page.status_code == 200
    return page.text


def plain(html: str) -> str:
    """What a person reads; blocks are apart, words are not."""
    apart = re.sub(r"</?(?:d[dtl]|li|ul|div|p|t[dr]|h\d|button|br|small)[^>]*>", " ", html)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", apart))


def form_of(page: TestResponse, **changes: str) -> dict[str, str]:
    """The fields of the dialog as a browser would post them, but for `changes`."""
    fields: dict[str, str] = {}
    html = page.text.partition("<template data-free-line>")[0]
    html += page.text.partition("</template>")[2]
    for tag in re.findall(r"<input [^>]*>", html):
        name = re.search(r'name="([^"]*)"', tag)
        radio_off = 'type="radio"' in tag and " checked" not in tag
        if name and name[1] != "q" and not radio_off:
            value = re.search(r'value="([^"]*)"', tag)
            fields[name[1]] = value[1] if value else ""
    for name_, body in re.findall(r'<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'value="([^"]*)"[^>]* selected', body)
        fields[name_] = chosen[1] if chosen else ""
    fields["note"] = re.findall(r'<textarea[^>]*name="note"[^>]*>([^<]*)<', html)[0]
    return fields | changes


def errors(page: TestResponse) -> dict[str, str]:
    return dict(re.findall(r'id="e-([^"]+)">.*?<span>(.*?)</span>', page.text, re.DOTALL))


# --- what it shows --------------------------------------------------------------------------------


def test_everything_about_the_order_is_on_one_page(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        it = again()
        it.carrier, it.tracking, it.note = "Sendit", "SD-778", "Appeler le soir"
        other = shop.order((None, 1), customer=it.customer, number=1001)

    page = plain(show(salma))

    for shown in (
        "#1042",
        "Sac cuir",
        "Sendit",
        "SD-778",
        "To the door",
        "Cash on delivery",
        "Appeler le soir",
        "12 rue des Orangers",
        "Salam",
        f"#{other.number}",
        "No automation ran for this order.",
        "Status pending",
    ):
        assert shown in page


def test_the_timeline_tells_every_kind_in_words(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "undone": {"from": "A", "to": "B", "undoes": "x", "cancelled": 2, "gone": 1},
        "stage_deleted": {"from": "A", "to": "B"},
        "reclassified": {"from": "A", "to": "B"},
        "called": {"outcome": "no_answer", "note": "répondeur"},
        "loop_stopped": {"automation": "Demande", "moves": 5, "to": "B"},
        "call_asked": {"automation": "Demande"},
        "run_again": {"automation": "Demande"},
        "automation_failed": {"automation": "Demande", "code": "undeliverable", "deed": "call"},
        "edited": {
            "changes": [
                {"field": "city", "from": "Fès", "to": "Rabat"},
                {"field": "line", "name": "Sac", "from": 2, "to": 0},
                {"field": "discount", "from": 0, "to": 2000},
                {"field": "payment_method", "from": "cod", "to": "online"},
                {"field": "assignee", "from": None, "to": "Salma"},
            ],
            "reason": "Fidèle",
        },
        "teleported_far": {},
    }
    with db.merchant(merchant.id) as session:
        for kind, facts in kinds.items():
            session.add(Entry(order_id=order.id, kind=kind, actor=SYSTEM.actor, facts=facts))

    page = plain(show(salma))

    for shown in (
        "Undone: back from A to B",
        "2 messages cancelled, 1 message is already with the customer",
        "Moved from A to B: the stage was deleted",
        "B means something else now",
        "Called: No answer",
        "répondeur",
        "automations moved the order 5 times within an hour",
        "The automation Demande asks to call",
        "The automation Demande was run again",
        "The automation Demande could not send",
        "WhatsApp could not deliver it",
        "The team is asked to call.",
        "City: Fès → Rabat",
        "Sac: 2 → 0",
        "Discount: 0.00 MAD → 20.00 MAD",
        "Payment: Cash on delivery → Online",
        "Assigned to: – → Salma",
        "Fidèle",
        "Noted: teleported far",
    ):
        assert shown in page


def test_a_move_tells_its_status_and_its_reason(
    merchant: Merchant, agent: Membership, order: Order, again: Callable[[], Order], salma: Any
) -> None:
    with db.merchant(merchant.id) as session:
        who = By.user(session.get_one(Membership, (merchant.id, agent.id)))
        pipeline.move(again(), shop.stage(CANCELLED), by=who, reason="Trop cher")

    page = plain(show(salma))

    assert re.search(r"Moved from Nouvelle to Annulée\s*cancelled\s*Trop cher", page)
    assert "Status cancelled Trop cher" in page


def test_what_each_flag_asks_for_can_be_done_there(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    with db.merchant(merchant.id) as session:
        it = again()
        for flag in ("stock_blocked", "possible_duplicate", "late_tap"):
            it.raise_flag(flag)
        facts = {"to": shop.stage(CONFIRMED).name, "name": "Sac", "needed": 2, "available": 0}
        session.add(Entry(order_id=it.id, kind="stock_blocked", actor=SYSTEM.actor, facts=facts))
        confirmed = shop.stage(CONFIRMED).id

    page = show(salma)

    assert f'name="stage" value="{confirmed}">Try again: <bdi>Confirmée</bdi>' in page
    assert 'href="/orders/1042/duplicate"' in page
    assert page.count('hx-post="/orders/1042/seen"') == 1


def test_a_flag_that_was_looked_at_falls_and_says_who_saw_it(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        again().raise_flag("late_tap")
        again().raise_flag("stock_blocked")

    assert salma.post("/orders/1042/seen", data={"flag": "late_tap"}).status_code == 302
    assert salma.post("/orders/1042/seen", data={"flag": "stock_blocked"}).status_code == 409

    with db.merchant(merchant.id):
        assert again().flags == ["stock_blocked"]
    assert "Seen: Tapped too late" in plain(show(salma))


def test_a_failed_action_can_be_run_again_from_the_order(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        automation = shop.automation(variables=shop.MAPPING | {"body.2": "agent.name"})
        pipeline.move(again(), shop.stage(TO_CONFIRM), by=SYSTEM)
        (run,) = shop.runs_of(again())
    page = show(salma)
    assert "The order does not say: Agent in charge." in plain(page)
    assert f'hx-post="/runs/{run.id}/again"' in page

    still = salma.post(f"/runs/{run.id}/again", headers=HTMX)
    with db.merchant(merchant.id) as session:
        session.merge(automation).variables = dict(shop.MAPPING)
    done = salma.post(f"/runs/{run.id}/again", headers=HTMX)

    assert (still.status_code, done.status_code) == (409, 200)
    with db.merchant(merchant.id):
        (run,) = shop.runs_of(again())
        assert run.message is not None
        assert again().flags == []


def test_undo_is_offered_to_who_moved_it(
    merchant: Merchant, agent: Membership, order: Order, again: Callable[[], Order], salma: Any
) -> None:
    assert "/orders/1042/undo" not in show(salma)
    with db.merchant(merchant.id) as session:
        who = By.user(session.get_one(Membership, (merchant.id, agent.id)))
        pipeline.move(again(), shop.stage(TO_CONFIRM), by=who)

    assert 'hx-post="/orders/1042/undo"' in show(salma)


def test_a_stage_that_wants_a_reason_asks_for_it(
    merchant: Merchant, order: Order, salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        shop.stage(CANCELLED).reasons = ["Trop cher", "Changé d'avis"]

    page = show(salma)

    why = page[page.index('class="move-why"') :].partition("</details>")[0]
    assert 'name="reason"' in why
    assert '<option value="Trop cher">' in why


def test_calls_are_counted_and_the_next_one_named(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    with db.merchant(merchant.id) as session:
        it = again()
        it.call_due_at = utcnow() + timedelta(hours=2)
        session.add(CallAttempt(order_id=it.id, outcome="busy"))

    assert re.search(r"Calls 1 ?next", plain(show(salma)))


def test_why_a_message_was_sent_is_one_click_away(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        shop.automation()
        pipeline.move(again(), shop.stage(TO_CONFIRM), by=SYSTEM)
        (run,) = shop.runs_of(again())
        talk = again().conversation_id

    assert f'<a href="/runs/{run.id}">Why?</a>' in show(salma)
    assert f'href="/runs/{run.id}"' in salma.get(f"/inbox/{talk}", headers=ENGLISH).text


# --- the dialog -----------------------------------------------------------------------------------


def test_the_dialog_begins_with_what_the_order_is(order: Order, salma: FlaskClient) -> None:
    dialog = salma.get("/orders/1042/edit", headers=HTMX)

    fields = form_of(dialog)
    assert fields["address"] == "12 rue des Orangers"
    assert fields["phone"] == "+212 6 61 23 45 67"
    assert (fields["delivery_kind"], fields["payment_method"]) == ("home", "cod")
    assert (fields["lines[0].quantity"], fields["delivery_fee"]) == ("2", "35.00")
    assert UUID(fields["lines[0].id"]) == order.lines[0].id


def test_posting_the_dialog_as_it_is_changes_nothing(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    form = form_of(salma.get("/orders/1042/edit", headers=HTMX))

    answer = salma.post("/orders/1042/edit", data=form, headers=HTMX)

    assert json.loads(answer.headers["HX-Trigger"])["toasts"]["notes"] == [
        {"kind": "good", "text": "Nothing was different."}
    ]
    with db.merchant(merchant.id):
        assert shop.entries_of(again(), "edited") == []


def test_a_change_is_saved_told_and_shown(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    dialog = salma.get("/orders/1042/edit", headers=HTMX)
    form = form_of(
        dialog,
        **{"lines[0].quantity": "3", "city": "Fès", "tracking": "SD-1", "discount": "50"},
    )

    answer = salma.post("/orders/1042/edit", data=form | {"reason": "Fidèle"}, headers=HTMX)

    assert (answer.status_code, answer.text) == (200, "")
    told = json.loads(answer.headers["HX-Trigger"])
    assert {"dialog:close", "order:changed"} <= set(told)
    page = plain(show(salma))
    for shown in ("Sac cuir: 2 → 3", "City: Marrakech → Fès", "Tracking number: – → SD-1"):
        assert shown in page
    assert "Discount Salma" in page
    assert "-50.00 MAD" in page.replace("\u00a0", " ")
    with db.merchant(merchant.id):
        assert (again().applied_total, again().ship_city) == (25000, "Fès")


def test_a_product_and_a_free_one_are_added(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        belt = shop.bag()
        added = {
            "lines[7].product_id": str(belt.product_id),
            "lines[7].variant_id": str(belt.id),
            "lines[7].quantity": "1",
            "lines[9].name": "Emballage",
            "lines[9].unit_price": "15",
            "lines[9].quantity": "1",
        }
    form = form_of(salma.get("/orders/1042/edit", headers=HTMX))

    salma.post("/orders/1042/edit", data=form | added, headers=HTMX)

    with db.merchant(merchant.id):
        assert [line.name for line in again().lines] == ["Sac cuir", "Sac cuir", "Emballage"]
        assert again().catalog_total == 20000 + 32000 + 1500


def test_wrong_fields_come_back_with_all_that_was_typed(order: Order, salma: FlaskClient) -> None:
    form = form_of(salma.get("/orders/1042/edit", headers=HTMX))
    form |= {"name": "", "phone": "0", "lines[0].quantity": "two", "carrier": "Sendit"}

    page = salma.post("/orders/1042/edit", data=form, headers=HTMX)

    assert page.status_code == 422
    assert set(errors(page)) == {"name", "phone", "lines[0].quantity"}
    assert "3 fields need a look." in page.text
    assert form_of(page)["carrier"] == "Sendit"
    assert form_of(page)["lines[0].quantity"] == "two"


def test_the_second_of_two_is_told_and_keeps_what_was_typed(
    merchant: Merchant,
    manager: Membership,
    order: Order,
    again: Callable[[], Order],
    salma: FlaskClient,
    signed_in: Browser,
) -> None:
    mine = form_of(salma.get("/orders/1042/edit", headers=HTMX), address="Derb 5")
    mina = signed_in(manager)
    theirs = form_of(mina.get("/orders/1042/edit", headers=HTMX), city="Fès")
    mina.post("/orders/1042/edit", data=theirs, headers=HTMX)

    refused = salma.post("/orders/1042/edit", data=mine, headers=HTMX)

    assert refused.status_code == 409
    assert "Mina changed this order meanwhile." in refused.text
    assert "City: Marrakech → Fès" in plain(refused.text)
    typed = form_of(refused)
    assert typed["address"] == "Derb 5"
    assert salma.post("/orders/1042/edit", data=typed, headers=HTMX).status_code == 200
    with db.merchant(merchant.id):
        assert (again().ship_line, again().ship_city) == ("Derb 5", "Fès")


def test_of_two_at_the_same_moment_one_is_told(
    order: Order, agent: Membership, manager: Membership, signed_in: Browser
) -> None:
    browsers, together = [signed_in(agent), signed_in(manager)], Barrier(2)
    forms = [form_of(browser.get("/orders/1042/edit", headers=HTMX)) for browser in browsers]

    def save(n: int) -> int:
        together.wait()
        form = forms[n] | {"note": f"note {n}"}
        return browsers[n].post("/orders/1042/edit", data=form, headers=HTMX).status_code

    with ThreadPoolExecutor(2) as people:
        assert sorted(people.map(save, range(2))) == [200, 409]


def test_stock_that_is_short_is_said_at_its_line(
    merchant: Merchant, order: Order, again: Callable[[], Order], salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        pipeline.move(again(), shop.stage(CONFIRMED), by=SYSTEM)
    form = form_of(salma.get("/orders/1042/edit", headers=HTMX))
    form["lines[0].quantity"] = "50"

    page = salma.post("/orders/1042/edit", data=form, headers=HTMX)

    assert page.status_code == 409
    assert list(errors(page)) == ["lines[0].quantity"]
    with db.merchant(merchant.id):
        assert again().lines[0].quantity == 2


def test_what_has_left_is_locked_with_a_clear_sentence(
    merchant: Merchant,
    manager: Membership,
    order: Order,
    again: Callable[[], Order],
    salma: FlaskClient,
    signed_in: Browser,
) -> None:
    with db.merchant(merchant.id):
        for state in (CONFIRMED, SystemState.SHIPPED):
            pipeline.move(again(), shop.stage(state), by=SYSTEM)

    agents = salma.get("/orders/1042/edit", headers=HTMX).text
    managers = signed_in(manager).get("/orders/1042/edit", headers=HTMX).text

    for dialog in (agents, managers):
        assert "The goods have left: products and quantities stay as they are." in dialog
        assert 'id="order-search"' not in dialog
    assert "only a manager changes where it goes" in agents
    assert "only a manager changes where it goes" not in managers


def test_the_dialog_is_the_merchants_own(
    order: Order, stranger: Membership, signed_in: Browser, client: FlaskClient
) -> None:
    other = signed_in(stranger)

    for ask in (other.get, other.post):
        assert ask("/orders/1042/edit").status_code == 404
    assert other.post("/orders/1042/seen", data={"flag": "late_tap"}).status_code == 404
    assert client.get("/orders/1042/edit").status_code == 302


def test_what_people_typed_is_never_markup(
    merchant: Merchant, order: Order, salma: FlaskClient
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    form = form_of(salma.get("/orders/1042/edit", headers=HTMX))
    form |= dict.fromkeys(("name", "address", "city", "carrier", "tracking", "note"), evil)
    form |= {"discount": "5", "reason": evil}

    assert salma.post("/orders/1042/edit", data=form, headers=HTMX).status_code == 200

    assert evil not in show(salma)
    assert evil not in salma.get("/orders/1042/edit", headers=HTMX).text

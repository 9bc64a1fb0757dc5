import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from flows import orders, pipeline
from flows.customers import Number
from models import db
from models.catalog import Product
from models.conversation import Conversation
from models.customer import Customer
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.timeline import SYSTEM
from models.types import Money
from models.user import Membership
from tests import factories
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
ENGLISH = {"Accept-Language": "en", "HX-Request": "true"}


@dataclass(frozen=True)
class Shop:
    """What a test needs to know of the merchant after its session was closed."""

    merchant_id: UUID
    talk: UUID
    bag: UUID
    black: UUID
    red: UUID
    stages: dict[str, UUID]

    @property
    def dialog(self) -> str:
        return f"/conversations/{self.talk}/orders/new"

    @property
    def address(self) -> str:
        return f"/conversations/{self.talk}/orders"

    def form(self, **changes: str) -> dict[str, str]:
        """What the dialog posts for one black bag."""
        return {
            "client_id": str(uuid4()),
            "name": "Fatima Zahra El Idrissi",
            "phone": "06 61 23 45 67",
            "email": "",
            "address": "12 rue Ibn Aïcha",
            "city": "Marrakech",
            "lines[0].product_id": str(self.bag),
            "lines[0].variant_id": str(self.black),
            "lines[0].quantity": "1",
            "discount": "",
            "applied_total": "",
            "delivery_fee": "35,00",
            "stage_id": str(self.stages["Nouvelle"]),
            "payment_method": "cod",
            "payment_status": "pending",
            "assignee_id": "",
            "note": "",
            "amount_due": "",
        } | changes


@pytest.fixture
def at(merchant: Merchant) -> Shop:
    with db.house() as house:
        house.execute(update(Merchant).where(Merchant.id == merchant.id).values(delivery_fee=3500))
    with db.merchant(merchant.id):
        talk = shop.conversation()
        bag = factories.product("Sac cuir", stock_of=10, couleur=["Noir", "Rouge"])
        stages = {stage.name: stage.id for stage in shop.pipeline_of().stages}
        black, red = bag.variants
        return Shop(merchant.id, talk.id, bag.id, black.id, red.id, stages)


def post(browser: FlaskClient, at: Shop, **changes: str) -> TestResponse:
    return browser.post(at.address, data=at.form(**changes), headers=ENGLISH)


def taken(at: Shop, by: Membership, **values: Any) -> int:
    """An order of one black bag, committed; its number."""
    usual: dict[str, Any] = {
        "client_id": uuid4(),
        "name": "Fatima",
        "phone": Number("0661234567", "+212661234567"),
        "address": "12 rue",
        "city": "Fès",
        "lines": (orders.NewLine(variant_id=at.black),),
    }
    form = orders.NewOrder(**usual | values)
    with db.merchant(at.merchant_id) as session:
        talk = session.get_one(Conversation, (at.merchant_id, at.talk))
        member = session.get_one(Membership, (at.merchant_id, by.id))
        return orders.create(form, by=member, conversation=talk).number


def every(table: type[Any], at: Shop) -> list[Any]:
    with db.merchant(at.merchant_id) as session:
        return list(session.scalars(select(table)))


def errors(page: TestResponse) -> dict[str, str]:
    """The sentence beside each field of the dialog."""
    found = re.findall(r'id="e-([^"]+)">.*?<span>(.*?)</span>', page.text, re.DOTALL)
    return dict(found)


def value(page: TestResponse, name: str) -> str | None:
    """What stands in a field of the dialog."""
    tag = re.search(rf'<input[^>]*name="{re.escape(name)}"[^>]*>', page.text)
    found = re.search(r'value="([^"]*)"', tag[0]) if tag else None
    return found[1] if found else None


# --- the dialog -----------------------------------------------------------------------------------


def test_the_dialog_begins_with_what_the_conversation_tells(at: Shop, salma: FlaskClient) -> None:
    page = salma.get(at.dialog, headers=ENGLISH)

    assert page.status_code == 200
    assert "New customer" in page.text
    assert value(page, "name") == "Fatima Zahra El Idrissi"
    assert value(page, "phone") == "+212 6 61 23 45 67"
    assert value(page, "delivery_fee") == "35.00"
    assert str(at.stages["Nouvelle"]) in page.text
    assert UUID(value(page, "client_id") or "")


def test_a_known_customers_addresses_are_there_to_choose(
    at: Shop, agent: Membership, salma: FlaskClient
) -> None:
    taken(at, agent, address="حي السلام، زنقة 12", city="فاس")

    page = salma.get(at.dialog, headers=ENGLISH)

    assert "Existing customer" in page.text
    assert "<bdi>حي السلام، زنقة 12</bdi>" in page.text


def test_each_reader_types_amounts_as_at_home(at: Shop, salma: FlaskClient) -> None:
    french = salma.get(at.dialog, headers={"Accept-Language": "fr"})

    assert value(french, "delivery_fee") == "35,00"
    assert 'data-point=","' in french.text


def test_the_dialog_knows_no_other_merchants_conversation(
    at: Shop, stranger: Membership, signed_in: Browser, client: FlaskClient
) -> None:
    other = signed_in(stranger)

    for url in (at.dialog, at.address):
        assert other.get(url).status_code == 404
        assert client.get(url).status_code == 302
    assert other.post(at.address, data=at.form()).status_code == 404
    assert other.get(f"/conversations/{uuid4()}/orders/new").status_code == 404
    assert every(Order, at) == []


# --- creating -------------------------------------------------------------------------------------


def test_an_order_is_created_and_the_page_is_told(
    at: Shop, agent: Membership, salma: FlaskClient
) -> None:
    answer = post(salma, at, discount="20", reason="Fidèle", amount_due="33500")

    assert (answer.status_code, answer.text) == (201, "")
    assert answer.headers["Location"] == "/orders/1001"
    told = json.loads(answer.headers["HX-Trigger"])
    assert list(told) == ["dialog:close", "order:created", "toasts"]
    assert told["order:created"] == {"number": 1001, "conversation": str(at.talk)}
    assert told["toasts"]["notes"] == [{"kind": "good", "text": "Order #1001 created"}]
    (order,) = every(Order, at)
    assert (order.conversation_id, order.amount_due) == (at.talk, Money(33500, "MAD"))


def test_an_emptied_delivery_fee_is_no_fee(at: Shop, salma: FlaskClient) -> None:
    post(salma, at, delivery_fee="")

    (order,) = every(Order, at)
    assert order.delivery_fee == 0


def test_a_free_product_and_amounts_in_arabic_digits_are_read(at: Shop, salma: FlaskClient) -> None:
    free = {"lines[7].name": "هدية", "lines[7].unit_price": "١٠٫٥", "lines[7].quantity": "٣"}

    answer = post(salma, at, name="خديجة العلوي", **free)

    assert answer.status_code == 201
    (order,) = every(Order, at)
    assert (order.ship_name, order.catalog_total) == ("خديجة العلوي", 32000 + 3150)
    assert [card.name for card in every(Customer, at)] == ["خديجة العلوي"]


def test_all_wrong_fields_are_named_and_nothing_typed_is_lost(at: Shop, salma: FlaskClient) -> None:
    page = post(
        salma,
        at,
        name=" ",
        phone="call me",
        email="fatima@",
        city="",
        delivery_fee="35 DH",
        stage_id="x",
        assignee_id=str(uuid4()),
        **{
            "lines[4].product_id": str(at.bag),
            "lines[4].variant_id": "",
            "lines[4].quantity": "two",
            "lines[9].name": "<b>Cadeau</b>",
            "lines[9].quantity": "0",
            "lines[9].unit_price": "",
        },
    )

    assert page.status_code == 422
    said = errors(page)
    assert said["name"] == "Enter the customer&#39;s name."
    assert said["phone"] == "This is not a phone number."
    assert said["lines[1].variant_id"] == "Choose which one."
    assert set(said) == {
        "name",
        "phone",
        "email",
        "city",
        "delivery_fee",
        "stage_id",
        "assignee_id",
        "lines[1].variant_id",
        "lines[1].quantity",
        "lines[2].unit_price",
        "lines[2].quantity",
    }
    assert "11 fields need a look." in page.text
    assert value(page, "phone") == "call me"
    assert value(page, "email") == "fatima@"
    assert value(page, "delivery_fee") == "35 DH"
    assert value(page, "lines[1].quantity") == "two"
    assert value(page, "lines[2].name") == "&lt;b&gt;Cadeau&lt;/b&gt;"
    assert every(Order, at) == every(Customer, at) == []


def test_the_form_keeps_its_id_so_that_trying_again_is_the_same_order(
    at: Shop, salma: FlaskClient
) -> None:
    form = at.form(name="")

    again = salma.post(at.address, data=form, headers=ENGLISH)

    assert value(again, "client_id") == form["client_id"]


def test_stock_that_is_short_is_said_at_its_line_and_nothing_is_kept(
    at: Shop, salma: FlaskClient
) -> None:
    free = {"lines[0].quantity": "1", "lines[0].name": "Cadeau", "lines[0].unit_price": "5"}
    bags = {
        "lines[1].product_id": str(at.bag),
        "lines[1].variant_id": str(at.black),
        "lines[1].quantity": "11",
    }
    stage = str(at.stages["Confirmée"])
    form = at.form(stage_id=stage) | {"lines[0].product_id": "", "lines[0].variant_id": ""}

    page = salma.post(at.address, data=form | free | bags, headers=ENGLISH)

    assert page.status_code == 409
    assert errors(page) == {
        "lines[1].quantity": "Not enough Sac cuir (Noir) in stock: 11 needed, 10 available."
    }
    assert value(page, "lines[1].quantity") == "11"
    assert f'<option value="{stage}" dir="auto" selected>' in page.text
    assert every(Order, at) == every(Customer, at) == []


def test_prices_that_changed_meanwhile_are_looked_at_again(at: Shop, salma: FlaskClient) -> None:
    with db.merchant(at.merchant_id) as session:
        session.get_one(Product, (at.merchant_id, at.bag)).price = 40000

    page = post(salma, at, amount_due="35500")

    assert page.status_code == 422
    assert "Prices changed meanwhile" in page.text
    assert 'data-price="40000"' in page.text
    assert every(Order, at) == []


def test_a_double_click_is_one_order(at: Shop, agent: Membership, signed_in: Browser) -> None:
    form, together = at.form(), Barrier(4)

    def click(browser: FlaskClient) -> TestResponse:
        together.wait()
        return browser.post(at.address, data=form, headers=ENGLISH)

    with ThreadPoolExecutor(4) as clicks:
        answers = list(clicks.map(click, [signed_in(agent) for _ in range(4)]))

    assert [answer.status_code for answer in answers] == [201] * 4
    assert {answer.headers["Location"] for answer in answers} == {"/orders/1001"}
    assert [order.number for order in every(Order, at)] == [1001]


@pytest.mark.parametrize("field", ["lines[0].variant_id", "stage_id", "assignee_id", "address_id"])
def test_identifiers_of_another_merchant_are_wrong_fields(
    field: str, at: Shop, stranger: Membership, salma: FlaskClient
) -> None:
    with db.merchant(stranger.merchant_id):
        theirs = {
            "lines[0].variant_id": shop.bag().id,
            "stage_id": shop.stage(SystemState.NEW).id,
            "assignee_id": stranger.id,
            "address_id": uuid4(),
        }

    page = post(salma, at, **{field: str(theirs[field])})

    assert page.status_code == 422
    assert list(errors(page)) == [field]


def test_nothing_that_is_posted_breaks_the_page(at: Shop, salma: FlaskClient) -> None:
    nonsense = dict.fromkeys(at.form(), "\x00\ud7ff'\"<script>" + "9" * 400)

    page = salma.post(at.address, data=nonsense | {"lines[0].": "x"}, headers=ENGLISH)
    empty = salma.post(at.address, data={}, headers=ENGLISH)

    assert (page.status_code, empty.status_code) == (422, 422)
    assert "<script>" not in page.text


# --- finding products -----------------------------------------------------------------------------


def test_the_search_brings_the_line_that_a_product_becomes(at: Shop, salma: FlaskClient) -> None:
    found = salma.get("/products/search", query_string={"q": "sac rou"}, headers=ENGLISH)

    assert found.text.count('role="option"') == 1
    assert "10 left" in found.text
    assert f'value="{at.red}" dir="auto" data-price="32000"' in found.text
    assert 'name="lines[__].quantity"' in found.text


def test_a_search_that_finds_nothing_says_what_to_do(at: Shop, salma: FlaskClient) -> None:
    found = salma.get("/products/search", query_string={"q": "x" * 500}, headers=ENGLISH)

    assert "Add it as a free product" in found.text


def test_nobody_else_searches_in_the_catalogue(
    at: Shop, stranger: Membership, signed_in: Browser, client: FlaskClient
) -> None:
    assert 'role="option"' not in signed_in(stranger).get("/products/search?q=sac").text
    assert client.get("/products/search?q=sac").status_code == 302


# --- the order's page -----------------------------------------------------------------------------


@pytest.fixture
def sold(at: Shop, agent: Membership) -> int:
    """A discounted order, delivered."""
    number = taken(at, agent, discount=2000, reason="Cliente fidèle", delivery_fee=3500)
    with db.merchant(at.merchant_id) as session:
        order = session.scalars(select(Order)).one()
        for state in (SystemState.CONFIRMED, SystemState.SHIPPED, SystemState.DELIVERED):
            pipeline.move(order, shop.stage(state), by=SYSTEM)
    return number


def test_the_page_shows_the_order_whole(sold: int, salma: FlaskClient) -> None:
    page = salma.get(f"/orders/{sold}", headers={"Accept-Language": "en"})

    assert page.status_code == 200
    for shown in (
        "#1001",
        "Livrée",
        "Sac cuir (Noir)",
        "Products at catalogue price",
        "320.00\u00a0MAD",
        "-20.00\u00a0MAD",
        "335.00\u00a0MAD",
        "Cliente fidèle",
        "Moved from <bdi>Expédiée</bdi> to <bdi>Livrée</bdi>",
        "Order created on <bdi>Nouvelle</bdi>",
    ):
        assert shown in page.text
    assert page.text.index("Moved from") < page.text.index("Order created on")


def test_the_page_fetches_itself_as_a_fragment(sold: int, salma: FlaskClient) -> None:
    fragment = salma.get(f"/orders/{sold}", headers={"HX-Request-Type": "partial"})

    assert fragment.text.startswith('<div class="order-page" id="order" data-live="order:1001 ')
    assert "<html" not in fragment.text


def test_only_moves_that_this_person_may_make_are_offered(
    at: Shop, agent: Membership, owner: Membership, signed_in: Browser
) -> None:
    number = taken(at, agent)
    with db.merchant(at.merchant_id) as session:
        order = session.scalars(select(Order)).one()
        pipeline.move(order, shop.stage(SystemState.CANCELLED), by=SYSTEM)

    reopening = f'name="stage" value="{at.stages["Nouvelle"]}"'

    assert reopening not in signed_in(agent).get(f"/orders/{number}").text
    assert reopening in signed_in(owner).get(f"/orders/{number}").text


def test_the_page_is_the_merchants_own(
    sold: int, stranger: Membership, signed_in: Browser, client: FlaskClient, salma: FlaskClient
) -> None:
    assert signed_in(stranger).get(f"/orders/{sold}").status_code == 404
    assert client.get(f"/orders/{sold}").status_code == 302
    assert salma.get("/orders/99").status_code == 404


def test_what_a_message_cost_is_not_on_the_page_of_who_may_not_see_money(
    at: Shop, agent: Membership, owner: Membership, signed_in: Browser
) -> None:
    with db.merchant(at.merchant_id):
        shop.automation(on=SystemState.NEW)
    number = taken(at, agent)

    pages = {
        who: signed_in(who).get(f"/orders/{number}", headers=ENGLISH).text for who in (agent, owner)
    }

    assert all("Bonjour Fatima, votre commande 1001" in page for page in pages.values())
    assert "USD" in pages[owner]
    assert "USD" not in pages[agent]
    assert "Price unknown" not in pages[agent]


# --- beside the conversation ----------------------------------------------------------------------


def test_the_total_spent_is_in_no_answer_to_who_may_not_see_money(
    at: Shop, sold: int, agent: Membership, owner: Membership, signed_in: Browser
) -> None:
    panel = f"/inbox/{at.talk}/panel"

    agents, owners = (signed_in(who).get(panel, headers=ENGLISH).text for who in (agent, owner))

    assert all(f'href="/orders/{sold}"' in page for page in (agents, owners))
    assert "Total spent" in owners
    assert "300.00\u00a0MAD" in owners
    assert "Total spent" not in agents
    assert "300.00" not in agents


def test_older_orders_follow_when_asked_for(
    at: Shop, agent: Membership, salma: FlaskClient
) -> None:
    for _ in range(3):
        taken(at, agent)

    page = salma.get(f"{at.address}?before=1003")

    assert re.findall(r'href="/orders/(\d+)"', page.text) == ["1002", "1001"]


def test_a_text_of_a_customer_is_never_markup(
    at: Shop, agent: Membership, salma: FlaskClient
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    number = taken(at, agent, name=evil, note=evil, address=evil, discount=100, reason=evil)

    for url in (f"/orders/{number}", at.dialog, at.address):
        page = salma.get(url).text
        assert evil not in page

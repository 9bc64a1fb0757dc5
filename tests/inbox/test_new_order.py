import json
import re
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from flows import customers
from models import db
from models.catalog import Product
from models.customer import Consent, Customer
from models.delivery import DeliveryCity, DeliveryZone
from models.merchant import Merchant
from models.notification import Notification, Preference
from models.order import Order
from models.user import Membership
from tests import factories
from tests.flows import shop
from tests.inbox.test_orders import errors, value

Browser = Callable[[Membership], FlaskClient]
ENGLISH = {"Accept-Language": "en", "HX-Request": "true"}


@pytest.fixture
def bag(merchant: Merchant) -> Product:
    with db.merchant(merchant.id):
        return factories.product("Sac cuir")


def form(bag: Product, **changes: str) -> dict[str, str]:
    """What the dialog posts for one bag of somebody new."""
    return {
        "client_id": str(uuid4()),
        "customer_id": "",
        "name": "Hassan Amrani",
        "phone": "06 77 00 00 01",
        "email": "",
        "address": "3 derb Sidi",
        "city": "Fès",
        "source": "phone",
        "lines[0].product_id": str(bag.id),
        "lines[0].variant_id": str(bag.variants[0].id),
        "lines[0].quantity": "1",
        "delivery_fee": "35",
        "payment_method": "cod",
        "payment_status": "pending",
    } | changes


def post(browser: FlaskClient, bag: Product, **changes: str) -> TestResponse:
    return browser.post("/orders", data=form(bag, **changes), headers=ENGLISH)


def card(merchant: Merchant, name: str, phone: str, *, blocked: str = "") -> UUID:
    with db.merchant(merchant.id):
        made = customers.open_card(name, number=customers.read_phone(phone, "MA"))
        made.email = "carte@example.com"
        if blocked:
            made.blocked_at, made.blocked_reason = made.created_at, blocked
            db.session().flush()
            made.blocked_at = db.session().scalar(select(Customer.created_at))
        return made.id


def orders_of(merchant: Merchant) -> list[Order]:
    with db.merchant(merchant.id) as session:
        return list(session.scalars(select(Order).order_by(Order.number)))


# --- the dialog -----------------------------------------------------------------------------------


def test_the_dialog_begins_empty_and_asks_for_name_or_phone(salma: FlaskClient) -> None:
    page = salma.get("/orders/new", headers=ENGLISH)

    assert page.status_code == 200
    assert value(page, "name") == value(page, "phone") == ""
    assert "New customer" in page.text
    assert re.search(r'<input[^>]*name="name"[^>]*autofocus', page.text)
    assert 'hx-post="/orders"' in page.text
    sources = re.findall(r'name="source" value="(\w+)"', page.text)
    assert sources == ["manual", "phone"]


def test_the_dialog_of_a_customer_knows_them(merchant: Merchant, salma: FlaskClient) -> None:
    hassan = card(merchant, "Hassan Amrani", "0677000001")

    page = salma.get(f"/orders/new?customer={hassan}", headers=ENGLISH)

    assert "Existing customer" in page.text
    assert value(page, "name") == "Hassan Amrani"
    assert value(page, "phone") == "+212 6 77 00 00 01"
    assert value(page, "email") == "carte@example.com"


def test_an_order_is_taken_by_phone(bag: Product, merchant: Merchant, salma: FlaskClient) -> None:
    answer = post(salma, bag)

    assert (answer.status_code, answer.text) == (201, "")
    told = json.loads(answer.headers["HX-Trigger"])
    assert told["order:created"] == {"number": 1001, "conversation": ""}
    (order,) = orders_of(merchant)
    assert (order.source, order.conversation_id) == ("phone", None)
    assert (order.ship_phone, order.ship_city) == ("+212677000001", "Fès")


def test_numbers_are_read_as_in_the_merchants_country(
    signed_in: Browser,
) -> None:
    algiers = factories.merchant("Alger Mode", country="DZ", number="3")
    with db.merchant(algiers.id):
        product = factories.product("Robe")

    answer = post(signed_in(factories.member(algiers, "owner")), product, phone="0550 12 34 56")

    assert answer.status_code == 201
    assert orders_of(algiers)[0].ship_phone == "+213550123456"


def test_wrong_fields_are_named_and_nothing_typed_is_lost(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    page = post(salma, bag, phone="call me", city="", source="pigeon", note="deux fois", name="X")

    assert page.status_code == 422
    assert set(errors(page)) == {"phone", "city", "source"}
    assert value(page, "phone") == "call me"
    assert value(page, "name") == "X"
    assert "deux fois" in page.text
    assert 'hx-post="/orders"' in page.text
    assert orders_of(merchant) == []


def test_the_card_that_was_picked_gets_the_order_and_the_new_number(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    hassan = card(merchant, "Hassan Amrani", "0677000001")

    post(salma, bag, customer_id=str(hassan), phone="0655000000")

    (order,) = orders_of(merchant)
    assert order.customer_id == hassan
    with db.merchant(merchant.id) as session:
        phones = session.get_one(Customer, (merchant.id, hassan)).phones
        assert [phone.e164 for phone in phones] == ["+212677000001", "+212655000000"]


def test_a_number_typed_over_the_picked_cards_is_its_owners(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    hassan = card(merchant, "Hassan Amrani", "0677000001")
    nadia = card(merchant, "Nadia", "0655000000")

    post(salma, bag, customer_id=str(hassan), phone="0655 00 00 00")

    assert orders_of(merchant)[0].customer_id == nadia


def test_a_card_of_another_merchant_is_no_card(
    bag: Product, merchant: Merchant, stranger: Membership, salma: FlaskClient
) -> None:
    with db.merchant(stranger.merchant_id):
        theirs = customers.open_card("Somebody").id

    page = post(salma, bag, customer_id=str(theirs))

    assert page.status_code == 422
    assert list(errors(page)) == ["customer_id"]
    assert "Somebody" not in page.text


# --- finding the customer -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "hass",
        "AMRANI h",
        "0677000001",
        "06 77 00 00 01",
        "+212 677 000 001",
        "00212677000001",
        "+2120677000001",
        "0677",
        "212677",
        "000001",
        "٠٦٧٧٠٠٠٠٠١",
    ],
)
def test_a_customer_is_found_by_name_or_any_spelling_of_the_number(
    typed: str, merchant: Merchant, salma: FlaskClient
) -> None:
    hassan = card(merchant, "Hassan Amrani", "0677000001")
    card(merchant, "Nadia", "0655999999")

    found = salma.get("/orders/new/people", query_string={"name": typed}, headers=ENGLISH)

    assert re.findall(r'data-customer="([^"]+)"', found.text) == [str(hassan)]
    assert "0 orders" in found.text


@pytest.mark.parametrize("typed", ["", "  ", "06", "zzz", "%", "' OR 1=1"])
def test_what_means_nobody_finds_nobody(typed: str, merchant: Merchant, salma: FlaskClient) -> None:
    card(merchant, "Hassan Amrani", "0677000001")

    found = salma.get("/orders/new/people", query_string={"name": typed})

    assert 'role="option"' not in found.text


def test_nobody_else_finds_our_customers(
    merchant: Merchant, stranger: Membership, signed_in: Browser, client: FlaskClient
) -> None:
    hassan = card(merchant, "Hassan Amrani", "0677000001")
    other = signed_in(stranger)

    assert "Hassan" not in other.get("/orders/new/people?name=hassan").text
    assert "Hassan" not in other.get(f"/orders/new?customer={hassan}").text
    assert "Existing" not in other.get("/orders/new/known?phone=0677000001", headers=ENGLISH).text
    assert client.get("/orders/new").status_code == 302


def test_typing_a_number_that_exists_shows_whose_it_is(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    post(salma, bag)

    known = salma.get("/orders/new/known?phone=0677.00.00.01&name=Fils", headers=ENGLISH)
    new = salma.get("/orders/new/known?phone=0677", headers=ENGLISH)

    assert "Existing customer" in known.text
    assert "<bdi>3 derb Sidi</bdi>" in known.text
    assert 'data-name-kept="Hassan Amrani"' in known.text
    assert "New customer" in new.text


def test_only_a_card_that_was_chosen_stays_when_its_number_is_changed(
    merchant: Merchant, salma: FlaskClient
) -> None:
    hassan = card(merchant, "Hassan Amrani", "0677000001")
    asked = {"phone": "0655000000", "customer_id": str(hassan)}

    found = salma.get("/orders/new/known?phone=0677000001", headers=ENGLISH)
    chosen = salma.get("/orders/new/known", query_string=asked, headers=ENGLISH)

    assert (value(found, "customer_id"), value(chosen, "customer_id")) == ("", str(hassan))
    assert "This number is new on the card of <bdi>Hassan Amrani</bdi>" in chosen.text
    assert "data-unpick" in chosen.text
    assert "data-unpick" not in found.text


# --- twins, blocked, consent, fees ----------------------------------------------------------------


def test_the_same_product_again_is_hinted_at_while_filling(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    post(salma, bag)

    asked = {"phone": "0677000001", "lines[3].product_id": str(bag.id), "lines[3].name": ""}
    hint = salma.get("/orders/new/twins", query_string=asked, headers=ENGLISH)
    asked["lines[3].product_id"] = str(uuid4())
    none = salma.get("/orders/new/twins", query_string=asked, headers=ENGLISH)

    assert 'href="/orders/1001"' in hint.text
    assert "already ordered this today" in hint.text
    assert none.text.strip() == ""


def test_a_twin_is_created_flagged_and_cancelled_in_one_key(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    post(salma, bag)
    told = json.loads(post(salma, bag, city="Rabat").headers["HX-Trigger"])

    page = salma.get("/orders/1002/duplicate", headers={"Accept-Language": "en"})
    done = salma.post("/orders/1002/duplicate", data={"version": "1"}, headers=ENGLISH)

    texts = [note["text"] for note in told["toasts"]["notes"]]
    assert "Order #1002 may be a duplicate." in texts
    assert 'data-key="d"' in page.text
    differing = re.findall(r'class="twins-differ"><th scope="row">([\w ]+)', page.text)
    assert [name.strip() for name in differing] == ["City"]
    assert done.headers["HX-Redirect"] == "/orders/1001"
    assert [order.state for order in orders_of(merchant)] == ["new", "cancelled"]
    assert salma.get("/orders/1002/duplicate").headers["Location"] == "/orders/1002"


def test_both_are_kept_when_somebody_says_so(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    post(salma, bag)
    post(salma, bag)

    done = salma.post("/orders/1002/duplicate/keep", data={"back": "/calls"}, headers=ENGLISH)

    assert done.headers["HX-Redirect"] == "/calls"
    assert [order.flags for order in orders_of(merchant)] == [[], []]
    assert salma.post("/orders/1002/duplicate/keep", headers=ENGLISH).status_code == 404


def test_a_back_that_leads_elsewhere_is_not_followed(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    post(salma, bag)
    post(salma, bag)

    evil = {"back": "https://evil.example/"}
    done = salma.post("/orders/1002/duplicate/keep", data=evil, headers=ENGLISH)

    assert done.headers["HX-Redirect"] == "/orders/1002"


def test_an_order_for_a_blocked_customer_is_refused_and_a_manager_may_override(
    bag: Product, merchant: Merchant, salma: FlaskClient, manager: Membership, signed_in: Browser
) -> None:
    card(merchant, "Hassan Amrani", "0677000001", blocked="Deux colis refusés")
    mina = signed_in(manager)

    refused = post(salma, bag, override="1")
    asked = post(mina, bag)
    taken = post(mina, bag, override="1")

    assert (refused.status_code, asked.status_code, taken.status_code) == (409, 409, 201)
    assert "Deux colis refusés" in refused.text
    assert 'name="override"' not in refused.text
    assert 'name="override"' in asked.text
    assert value(asked, "phone") == "06 77 00 00 01"
    assert len(orders_of(merchant)) == 1


def test_consent_is_kept_with_the_words_that_were_ticked(
    bag: Product, merchant: Merchant, agent: Membership, salma: FlaskClient
) -> None:
    post(salma, bag, consent="1")
    post(salma, bag, phone="0655000000", name="Nadia")

    with db.merchant(merchant.id) as session:
        (said,) = session.scalars(select(Consent)).all()
        agreed = {c.name: c.marketing_at is not None for c in session.scalars(select(Customer))}
    assert (said.source, said.given, said.by_id) == ("order", True, agent.id)
    assert said.wording == "The customer agrees to receive offers on WhatsApp."
    assert agreed == {"Hassan Amrani": True, "Nadia": False}


def test_the_office_is_a_choice_only_where_a_zone_has_one(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    before = salma.get("/orders/new").text
    with db.merchant(merchant.id) as session:
        zone = DeliveryZone(name="Fès", position=1, home=4000, desk=2000)
        zone.cities = [DeliveryCity(name="Fès", key="fes")]
        session.add(zone)

    after = salma.get("/orders/new").text
    post(salma, bag, delivery_kind="desk", delivery_fee="20")

    assert 'name="delivery_kind"' not in before
    assert 'name="delivery_kind" value="desk"' in after
    assert orders_of(merchant)[0].delivery_kind == "desk"


def test_others_who_want_to_know_are_told_of_a_new_order(
    bag: Product, merchant: Merchant, manager: Membership, salma: FlaskClient
) -> None:
    with db.merchant(merchant.id) as session:
        session.add(Preference(member_id=manager.id, kind="new_order", on=True))

    post(salma, bag)

    with db.merchant(merchant.id) as session:
        told = session.scalars(select(Notification)).all()
        assert [(bell.kind, bell.member_id) for bell in told] == [("new_order", manager.id)]


def test_from_a_conversation_an_order_may_have_come_by_telephone(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        talk = shop.conversation().id

    page = salma.get(f"/conversations/{talk}/orders/new")
    salma.post(f"/conversations/{talk}/orders", data=form(bag), headers=ENGLISH)
    sent = form(bag, source="")
    salma.post(f"/conversations/{talk}/orders", data=sent, headers=ENGLISH)

    assert re.findall(r'name="source" value="(\w+)"', page.text) == ["whatsapp", "phone"]
    assert [order.source for order in orders_of(merchant)] == ["phone", "whatsapp"]

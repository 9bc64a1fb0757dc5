"""The table of orders in the browser: who sees it, what an address means, views, exports."""

import io
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import search
from models import db
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.user import Membership
from models.view import View
from tests import factories
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def taken(merchant: Merchant, **values: Any) -> Order:
    with db.merchant(merchant.id):
        order = shop.order((None, 2), **values)
        search.index(order)
        return order


def shown(html: str) -> list[str]:
    return [part.partition('"')[0] for part in html.split('id="row-')[1:]]


def test_the_table_shows_orders_newest_first_in_the_usual_columns(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    for number in (1041, 1042):
        taken(merchant, number=number, assignee=agent)

    page = signed_in(agent).get("/orders").text

    assert shown(page) == ["1042", "1041"]
    assert "2 commandes" in page or "2 orders" in page
    for text in ("#1042", "Fatima Zahra El Idrissi", "Marrakech", "2 × Cadeau", "Salma"):
        assert text in page
    assert 'data-item href="/orders/1042"' in page or 'href="/orders/1042" data-item' in page


def test_filters_stand_in_the_address_and_can_be_taken_off(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    taken(merchant, number=1, source="phone", ship_city="Fès")
    taken(merchant, number=2, source="phone", ship_city="Rabat")
    browser = signed_in(agent)

    page = browser.get("/orders?source=phone&city=fes&status=pending").text

    assert shown(page) == ["1"]
    assert "/orders?status=pending&amp;source=phone" in page
    assert 'data-query="status=pending&amp;city=fes&amp;source=phone"' in page


def test_pages_turn_by_key_and_a_fragment_is_the_list_alone(
    merchant: Merchant, agent: Membership, signed_in: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.listing.pages.PAGE", 2)
    for number in range(1, 6):
        taken(merchant, number=number)
    browser = signed_in(agent)
    listed, address = [], "/orders"

    while address:
        page = browser.get(address, headers=HTMX).text
        assert page.startswith("<section")
        listed.append(shown(page))
        address = page.rpartition('hx-get="/orders?below=')[2].partition('"')[0]
        address = (
            f"/orders?below={address}" if "below=" in page.partition("listing-foot")[2] else ""
        )

    assert listed == [["5", "4"], ["3", "2"], ["1"]]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/orders", "N"),
        ("/orders?q=nobody", "q"),
        ("/orders?status=shipped", "status"),
        ("/orders?below=junk&since=never&stage=x&view=y", "N"),
    ],
)
def test_an_empty_table_says_why(
    agent: Membership, signed_in: Browser, path: str, says: str
) -> None:
    answer = signed_in(agent).get(path)

    assert answer.status_code == 200
    assert 'class="empty"' in answer.text


def test_what_was_searched_is_marked(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    taken(merchant, number=1042, ship_name="Fátima <b>", ship_phone="+212661234567")
    browser = signed_in(agent)

    by_name = browser.get("/orders?q=fati").text
    by_phone = browser.get("/orders/search?q=0661 23").text
    by_number = browser.get("/orders/search?q=104").text

    assert "<mark>Fáti</mark>ma &lt;b&gt;" in by_name
    assert "<mark>6 61 23</mark>" in by_phone
    assert "#<mark>104</mark>2" in by_number
    assert "/orders?q=104" in by_number


def test_typing_nothing_finds_nothing(agent: Membership, signed_in: Browser) -> None:
    browser = signed_in(agent)

    assert browser.get("/orders/search?q=").text.strip() == ""
    assert "found-none" in browser.get("/orders/search?q=zzz").text


def test_somebody_elses_orders_are_on_no_page(
    merchant: Merchant, stranger: Membership, signed_in: Browser
) -> None:
    order = taken(merchant, ship_name="Kanari")
    browser = signed_in(stranger)

    for path in ("/orders", "/orders?q=kanari", "/orders/search?q=kanari", "/orders/filters"):
        assert "Kanari" not in browser.get(path).text
    assert shown(browser.get(f"/orders?stage={order.stage_id}").text) == []
    assert "Kanari" not in browser.get("/orders/export.csv").get_data(as_text=True)


def test_the_dialog_of_filters_knows_what_is_on(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    order = taken(merchant, carrier="Amana")

    page = signed_in(agent).get(f"/orders/filters?stage={order.stage_id}&carrier=Amana").text

    assert f'value="{order.stage_id}" checked' in page
    assert " selected>Amana" in page
    assert f'value="{agent.id}"' in page


# --- columns and views ----------------------------------------------------------------------------


def test_chosen_columns_stay_with_the_person(
    merchant: Merchant, agent: Membership, manager: Membership, signed_in: Browser
) -> None:
    taken(merchant, note="Sonner deux fois")
    browser = signed_in(agent)

    answer = browser.post("/orders/columns", data={"columns": ["note"]}, headers=HTMX)

    assert answer.status_code == 204
    assert "columns:chosen" in answer.headers["HX-Trigger"]
    assert "Sonner deux fois" in browser.get("/orders").text
    assert "Marrakech" not in browser.get("/orders").text
    assert "Sonner deux fois" not in signed_in(manager).get("/orders").text


def kept(merchant: Merchant, name: str) -> View:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(View).where(View.name == name)).one()


def test_a_view_is_kept_opened_changed_and_deleted(
    merchant: Merchant, manager: Membership, agent: Membership, signed_in: Browser
) -> None:
    taken(merchant, number=7, source="phone")
    browser, other = signed_in(manager), signed_in(agent)

    dialog = browser.get("/views/new?source=phone", headers=HTMX).text
    form = {"name": "By phone", "query": "source=phone", "shared": "1"}
    made = browser.post("/views", data=form, headers=HTMX)
    view = kept(merchant, "By phone")

    assert 'value="source=phone"' in dialog
    assert made.headers["HX-Redirect"] == f"/orders?source=phone&view={view.id}"
    assert "By phone" in other.get("/orders").text
    assert other.post(f"/views/{view.id}", data={"name": "Mine"}, headers=HTMX).status_code == 409

    browser.post(f"/views/{view.id}", data={"query": "source=manual"}, headers=HTMX)
    assert kept(merchant, "By phone").filters == {"source": ["manual"]}
    browser.post(f"/views/{view.id}", data={"name": "By hand"}, headers=HTMX)
    assert "By hand" in browser.get("/orders").text
    gone = browser.post(f"/views/{view.id}/delete", headers=HTMX)
    assert gone.headers["HX-Redirect"] == "/orders"
    assert ">By hand</a>" not in browser.get("/orders").text


def test_a_view_without_a_name_gives_the_form_back(agent: Membership, signed_in: Browser) -> None:
    answer = signed_in(agent).post(
        "/views", data={"name": " ", "query": "source=phone"}, headers=HTMX
    )

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'value="source=phone"' in answer.text


def test_a_strangers_view_is_not_there(
    merchant: Merchant, manager: Membership, stranger: Membership, signed_in: Browser
) -> None:
    signed_in(manager).post("/views", data={"name": "Ours", "shared": "1"}, headers=HTMX)
    view = kept(merchant, "Ours")
    browser = signed_in(stranger)

    assert browser.get(f"/views/{view.id}").status_code == 404
    assert browser.post(f"/views/{view.id}/delete").status_code == 404
    assert "Ours" not in browser.get("/orders").text


# --- exports --------------------------------------------------------------------------------------


def test_a_manager_takes_the_filtered_orders_along(
    merchant: Merchant, manager: Membership, signed_in: Browser
) -> None:
    taken(merchant, number=1, source="phone", note="=1+1")
    taken(merchant, number=2, source="manual")
    browser = signed_in(manager)

    shown_columns = browser.get("/orders/export.csv?source=phone")
    every = browser.get("/orders/export.csv?columns=all").get_data(as_text=True)
    book = browser.get("/orders/export.xlsx?source=phone")

    text = shown_columns.get_data(as_text=True)
    assert shown_columns.headers["Content-Disposition"].startswith('attachment; filename="orders-')
    assert text.count("\r\n") == 2
    assert "Marrakech" in text
    assert "'=1+1" not in text
    assert "'=1+1" in every
    assert every.count("\r\n") == 3
    sheet = zipfile.ZipFile(io.BytesIO(book.data)).read("xl/worksheets/sheet1.xml")
    assert b"Marrakech" in sheet
    assert book.content_length == len(book.data)


def test_an_agent_takes_nothing_along(agent: Membership, signed_in: Browser) -> None:
    browser = signed_in(agent)

    for kind in ("csv", "xlsx"):
        assert browser.get(f"/orders/export.{kind}").status_code == 403
    assert "export.csv" not in browser.get("/orders").text


# --- moving together ------------------------------------------------------------------------------


def test_everything_a_filter_finds_is_moved(
    merchant: Merchant, agent: Membership, signed_in: Browser, work: Callable[[], None]
) -> None:
    moved, left = taken(merchant, source="phone"), taken(merchant, source="manual")
    with db.merchant(merchant.id):
        there = shop.stage(SystemState.CONFIRMED).id
    form = {"all": "1", "query": "source=phone", "stage": str(there), "client_id": str(_id())}

    answer = signed_in(agent).post("/bulk", data=form, headers=HTMX)
    work()

    assert answer.status_code < 300
    with db.merchant(merchant.id) as session:
        standing = {o.id: o.stage_id for o in session.scalars(select(Order))}
    assert standing[moved.id] == there
    assert standing[left.id] != there


def _id() -> UUID:
    return factories.some_id()

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from flows import picking, pipeline
from models import db
from models.catalog import Product
from models.db import MerchantSession
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.timeline import SYSTEM
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def bag(merchant: Merchant) -> Product:
    with db.merchant(merchant.id):
        return factories.product("Sac cuir", couleur=["Noir", "Rouge"])


def confirmed(merchant: Merchant, *lines: Any, **values: Any) -> int:
    with db.merchant(merchant.id):
        return shop.order(*lines, **({"on": SystemState.CONFIRMED} | values)).number


def rows(text: str, section: str) -> list[list[str]]:
    """The cells of a table of the page, without markup."""
    table = text.split(f'class="card card-flush {section}"')[1].split("</table>")[0]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in table.split("<tr>")[2:]]
    return [[" ".join(re.sub(r"<[^>]+>", " ", c).split()) for c in row] for row in cells]


def test_totals_per_version_come_first_then_order_by_order(
    bag: Product, merchant: Merchant, salma: FlaskClient
) -> None:
    black, red = bag.variants
    first = confirmed(merchant, (black, 2), (None, 1))
    second = confirmed(merchant, (black, 1), (red, 1), on="Préparation")
    confirmed(merchant, (black, 50), on=SystemState.NEW)

    page = salma.get("/orders/picking", headers=ENGLISH)

    assert page.status_code == 200
    assert rows(page.text, "pick-totals") == [
        ["", black.sku, "Sac cuir", "Noir", "2", "3"],
        ["", red.sku, "Sac cuir", "Rouge", "1", "1"],
        ["", "", "Cadeau", "", "1", "1"],
    ]
    listed = rows(page.text, "pick-orders")
    assert [row[1] for row in listed] == [f"#{first}", f"#{second}"]
    assert listed[0][2:4] == ["Fatima Zahra El Idrissi", "Marrakech"]
    assert "2 orders" in page.text
    assert "5 pieces" in page.text


def test_one_stage_can_be_chosen(bag: Product, merchant: Merchant, salma: FlaskClient) -> None:
    confirmed(merchant, (bag.variants[0], 2))
    packing = confirmed(merchant, (bag.variants[0], 1), on="Préparation")
    with db.merchant(merchant.id):
        stage = shop.stage("Préparation").id

    page = salma.get(f"/orders/picking?stage={stage}", headers=ENGLISH)

    assert [row[1] for row in rows(page.text, "pick-orders")] == [f"#{packing}"]


def test_one_day_can_be_chosen(bag: Product, merchant: Merchant, salma: FlaskClient) -> None:
    today = confirmed(merchant, (bag.variants[0], 2))
    before = confirmed(merchant, (bag.variants[0], 1))
    with db.merchant(merchant.id) as session:
        order = session.scalars(select(Order).where(Order.number == before)).one()
        order.confirmed_at = utcnow() - timedelta(days=3)
    day = utcnow().astimezone(merchant.zone).date()

    page = salma.get(f"/orders/picking?day={day}", headers=ENGLISH)
    nonsense = salma.get("/orders/picking?day=today&stage=x", headers=ENGLISH)

    assert [row[1] for row in rows(page.text, "pick-orders")] == [f"#{today}"]
    assert len(rows(nonsense.text, "pick-orders")) == 2


def test_nothing_to_prepare_is_said(merchant: Merchant, salma: FlaskClient) -> None:
    assert "Nothing to prepare" in salma.get("/orders/picking", headers=ENGLISH).text


def test_the_list_is_the_merchants_own(
    bag: Product, merchant: Merchant, stranger: Membership, signed_in: Browser, client: FlaskClient
) -> None:
    confirmed(merchant, (bag.variants[0], 2))

    assert "Sac cuir" not in signed_in(stranger).get("/orders/picking").text
    assert client.get("/orders/picking").status_code == 302


def test_a_list_too_long_says_what_is_missing(
    session: MerchantSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picking, "MOST", 2)
    for _ in range(3):
        shop.order((None, 1), on=SystemState.CONFIRMED)

    listed = picking.pick_list(picking.choices(shop.pipeline_of()))

    assert (len(listed.orders), listed.count, listed.cut) == (2, 3, True)


def test_a_shipped_order_has_left_the_list(session: MerchantSession) -> None:
    order = shop.order((None, 1), on=SystemState.CONFIRMED)
    pipeline.move(order, shop.stage(SystemState.SHIPPED), by=SYSTEM)

    assert picking.pick_list(picking.choices(shop.pipeline_of())).orders == []

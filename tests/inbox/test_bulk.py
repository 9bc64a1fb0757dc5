"""The pages of a bulk: begun from the board or the table, watched, stopped, taken back."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import func, select

from flows import bulk
from models import db
from models.bulk import Bulk, BulkItem
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.timeline import SYSTEM
from models.types import new_id
from models.user import Membership
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
S = SystemState
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "Accept-Language": "en"}


def taken(merchant: Merchant, count: int, on: SystemState = S.NEW, **values: Any) -> list[Order]:
    with db.merchant(merchant.id):
        return [shop.order(on=on, by=SYSTEM, **values) for _ in range(count)]


def stage(merchant: Merchant, state: SystemState) -> UUID:
    with db.merchant(merchant.id):
        return shop.stage(state).id


def post(client: FlaskClient, merchant: Merchant, to: SystemState, **form: Any) -> Any:
    return client.post("/bulk", data={"stage": str(stage(merchant, to))} | form, headers=HTMX)


def ids(orders: list[Order]) -> list[str]:
    return [str(order.id) for order in orders]


def address(html: str) -> str:
    found = re.search(r'hx-get="(/bulk/[^"]+)"', html)
    assert found is not None
    return found[1]


def states(merchant: Merchant) -> Counter[SystemState]:
    with db.merchant(merchant.id) as session:
        return Counter(session.scalars(select(Order.state)))


def test_the_selected_orders_move_and_the_dialog_follows(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    orders = taken(merchant, 4)
    client = signed_in(agent)

    begun = post(client, merchant, S.TO_CONFIRM, ids=ids(orders[:3]))
    assert begun.status_code == 200
    assert "0 of 3" in begun.text
    bulk.drain(merchant.id)
    after = client.get(address(begun.text), headers=HTMX).text

    assert states(merchant) == {S.NEW: 1, S.TO_CONFIRM: 3}
    assert "3 of 3" in after
    assert 'id="dialog-title"' in after
    assert f'data-live="bulk:{address(begun.text).rpartition("/")[2]}"' in after


def test_whoever_watches_a_bulk_to_its_end_hears_no_bell(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    orders = taken(merchant, 2)
    client = signed_in(agent)
    begun = post(client, merchant, S.TO_CONFIRM, ids=ids(orders))
    bulk.drain(merchant.id)
    rang = client.get("/notifications").text

    client.get(address(begun.text), headers=HTMX)

    assert "Vos commandes ont été déplacées" in rang or "Your orders have been moved" in rang
    assert client.get("/notifications/unread").text == ""


def test_all_that_the_table_finds_move(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    taken(merchant, 3, ship_city="Fès")
    taken(merchant, 2, on=S.UNREACHABLE)

    query = f"state={S.NEW}"
    post(signed_in(agent), merchant, S.TO_CONFIRM, all="1", query=query)
    bulk.drain(merchant.id)

    assert states(merchant) == {S.TO_CONFIRM: 3, S.UNREACHABLE: 2}


def test_ten_thousand_ids_are_one_form(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    orders = taken(merchant, 1)

    answer = post(
        signed_in(agent),
        merchant,
        S.TO_CONFIRM,
        ids=[*ids(orders), *(str(new_id()) for _ in range(9_999))],
    )

    assert answer.status_code == 200
    with db.merchant(merchant.id) as session:
        assert session.scalar(select(func.count()).select_from(BulkItem)) == 1


def test_nothing_selected_is_said(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    answer = post(signed_in(agent), merchant, S.TO_CONFIRM, ids=["nonsense"])

    assert answer.status_code == 409
    assert "Select at least one order." in answer.headers["HX-Trigger"]


def test_a_double_click_is_one_bulk(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    orders, click = taken(merchant, 1), str(new_id())
    client = signed_in(agent)

    answers = [
        post(client, merchant, S.TO_CONFIRM, ids=ids(orders), client_id=click).text
        for _ in range(2)
    ]

    assert address(answers[0]) == address(answers[1])
    with db.merchant(merchant.id) as session:
        assert len(session.scalars(select(Bulk)).all()) == 1


def test_what_was_refused_is_listed_with_its_reason_and_a_link(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    (delivered,) = taken(merchant, 1, on=S.DELIVERED)
    fine = taken(merchant, 1)
    client = signed_in(agent)

    begun = post(client, merchant, S.CONFIRMED, ids=ids([delivered, *fine]))
    bulk.drain(merchant.id)
    page = client.get(address(begun.text), headers={"Accept-Language": "en"}).text

    assert "1 order was refused" in page
    assert f'href="/orders/{delivered.number}"' in page
    assert "an order cannot go to" in page


def test_stopped_undone_and_tried_again_from_the_page(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    orders = taken(merchant, 2) + taken(merchant, 1, on=S.DELIVERED)
    client = signed_in(agent)
    where = address(post(client, merchant, S.CONFIRMED, ids=ids(orders)).text)

    assert "Stop" in client.get(where, headers=HTMX).text
    bulk.drain(merchant.id)
    over = client.get(where, headers=HTMX).text
    again = client.post(f"{where}/again", headers=HTMX)
    back = client.post(f"{where}/undo", headers=HTMX)
    bulk.drain(merchant.id)

    assert "Stop</span>" not in over
    assert (again.status_code, back.status_code) == (200, 200)
    assert "0 of 1" in again.text
    assert "0 of 2" in back.text
    assert states(merchant) == {S.NEW: 2, S.DELIVERED: 1}


def test_a_stop_leaves_what_was_not_yet_moved(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    client = signed_in(agent)
    where = address(post(client, merchant, S.CONFIRMED, ids=ids(taken(merchant, 2))).text)

    stopped = client.post(f"{where}/stop", headers=HTMX)
    bulk.drain(merchant.id)

    assert "2 orders were left alone" in stopped.text
    assert states(merchant) == {S.NEW: 2}
    assert client.post(f"{where}/stop", headers=HTMX).status_code == 409


def test_a_strangers_bulk_is_not_there(
    merchant: Merchant, agent: Membership, stranger: Membership, signed_in: Browser
) -> None:
    where = address(post(signed_in(agent), merchant, S.CONFIRMED, ids=ids(taken(merchant, 1))).text)
    client = signed_in(stranger)

    assert client.get(where).status_code == 404
    for deed in ("stop", "undo", "again"):
        assert client.post(f"{where}/{deed}").status_code == 404


def test_without_scripts_a_bulk_is_a_page(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    client = signed_in(agent)
    form = {"stage": str(stage(merchant, S.CONFIRMED)), "ids": ids(taken(merchant, 1))}

    answer = client.post("/bulk", data=form)

    assert answer.status_code == 302
    assert "0 of 1" in client.get(answer.location, headers={"Accept-Language": "en"}).text

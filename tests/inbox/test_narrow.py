"""Who sees only their own orders: everything else is not there, whatever a page asks (R13)."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from types import SimpleNamespace

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from flows import indicators, notifications, orders, permissions, runs
from inbox.auth import needs_of
from models import db
from models.conversation import Conversation
from models.customer import Customer
from models.db import Base, Row
from models.merchant import Merchant
from models.message import Media, Message
from models.notification import Notification
from models.order import Order
from models.pipeline import SystemState
from models.timeline import By
from models.user import Membership, Role
from tests import factories
from tests.flows import shop
from tests.inbox.test_everybody import (
    CANARY,
    TABLE,
    _plain,
    ask,
    calls,
    everything_of,
    world,  # noqa: F401 - a fixture
)

Browser = Callable[[Membership], FlaskClient]
ENGLISH = {"Accept-Language": "en"}

# Tables of a merchant in which nothing is said of one order or its customer. A new table is in
# this list, or narrowed in its migration (migrations/protect.narrow).
FOR_EVERYBODY = {
    *("automations", "automation_buttons", "message_templates", "channels", "channel_events"),
    *("pipelines", "stages", "transitions", "products", "variants", "warehouses"),
    *("stock_levels", "movements", "delivery_zones", "delivery_cities", "counters"),
    *("memberships", "teams", "team_members", "custom_roles", "notices", "snippets"),
    *("bots", "questions", "phrases"),
}
# Routes whose ids are of the shop, not of an order.
OF_THE_SHOP = {"board.column", "board.older"}
OWN = ("table.", "notifications.")
# Saved answers are the shop's: whoever may answer reads them.
OF_EVERYBODY = {"library.index", "library.found"}


@pytest.fixture
def courier(merchant: Merchant) -> Membership:
    return factories.member(merchant, "delivery_agent")


def test_every_table_is_narrowed_or_for_everybody(owner_connection: psycopg.Connection) -> None:
    tables = {m.local_table.name for m in Base.registry.mappers if issubclass(m.class_, Row)}  # type: ignore[attr-defined]
    narrowed = {
        name
        for (name,) in owner_connection.execute(
            "SELECT tablename FROM pg_policies WHERE permissive = 'RESTRICTIVE'"
            " AND roles = '{wasl_courier}' GROUP BY 1"
            " HAVING array_agg(cmd ORDER BY cmd) = '{DELETE,SELECT,UPDATE}'"
        )
    }

    assert narrowed | FOR_EVERYBODY == tables
    assert not narrowed & FOR_EVERYBODY


def test_over_every_route_a_delivery_agent_finds_nothing_of_others(
    app: Flask,
    signed_in: Browser,
    courier: Membership,
    world: SimpleNamespace,  # noqa: F811
    owner_connection: psycopg.Connection,
) -> None:
    browser = signed_in(courier)
    before = ""

    # A person's own views, columns and bell are theirs to change: these come first.
    for endpoint, method, _ in sorted(calls(app), key=lambda call: not call[0].startswith(OWN)):
        if not before and not endpoint.startswith(OWN):
            before = everything_of(world.merchant, owner_connection)
        answer = ask(app, browser, world, endpoint, method)

        entitled = all(permissions.may(courier, p) for p in needs_of(app, endpoint) or ())
        assert (answer.status_code == 403) != entitled, endpoint
        if entitled and TABLE[endpoint].ids and endpoint not in OF_THE_SHOP:
            assert answer.status_code == 404, (endpoint, answer.status_code)
        assert CANARY not in _plain(answer) or endpoint in OF_EVERYBODY, endpoint
        assert f"#{world.number}" not in _plain(answer), endpoint

    assert everything_of(world.merchant, owner_connection) == before


@pytest.fixture
def given(merchant: Merchant, courier: Membership, agent: Membership) -> SimpleNamespace:
    """One order of the courier with its conversation, one of the agent with another's."""
    with db.merchant(merchant.id) as session:
        theirs = _order("Fatima", "212661234567", courier)
        others = _order("Hicham", "212669999999", agent)
        session.flush()
        return SimpleNamespace(
            merchant=merchant.id,
            number=theirs.number,
            talk=theirs.conversation_id,
            customer=theirs.customer_id,
            other_number=others.number,
            other_talk=others.conversation_id,
            other_customer=others.customer_id,
            shipped=shop.stage(SystemState.SHIPPED).id,
        )


def _order(name: str, wa_id: str, member: Membership) -> Order:
    talk = shop.conversation(sender=factories.person(name, wa_id), text=f"Salam {name}")
    order = shop.order(
        (None, 1),
        on=SystemState.CONFIRMED,
        talk=talk,
        ship_name=name,
        assignee_id=member.id,
    )
    order.customer.rename(name)
    talk.identity.customer = order.customer
    return order


@pytest.fixture
def youssef(courier: Membership, signed_in: Browser) -> FlaskClient:
    return signed_in(courier)


@pytest.mark.parametrize(
    "page", ["/board", "/orders", "/inbox", "/inbox/list", "/orders/search?q=10", "/calls"]
)
def test_the_lists_hold_their_own_and_nothing_else(
    page: str, given: SimpleNamespace, youssef: FlaskClient
) -> None:
    text = youssef.get(page, headers=ENGLISH).text

    assert "Hicham" not in text
    # Not as a part of something longer: a moment has six digits after its point.
    assert not re.search(rf"(?<!\d){given.other_number}(?!\d)", text)


@pytest.mark.parametrize("page", ["/board", "/orders", "/inbox"])
def test_their_own_are_there(page: str, given: SimpleNamespace, youssef: FlaskClient) -> None:
    assert "Fatima" in youssef.get(page, headers=ENGLISH).text


def test_one_page_after_another(given: SimpleNamespace, youssef: FlaskClient) -> None:
    for address, own, other in (
        ("/orders/{}", given.number, given.other_number),
        ("/inbox/{}", given.talk, given.other_talk),
        ("/customers/{}", given.customer, given.other_customer),
        ("/conversations/{}/orders?before=99999", given.talk, given.other_talk),
    ):
        assert youssef.get(address.format(own)).status_code == 200, address
        assert youssef.get(address.format(other)).status_code == 404, address


def test_the_board_counts_their_own(given: SimpleNamespace, youssef: FlaskClient) -> None:
    page = youssef.get("/board", headers=ENGLISH).text

    (ones,) = [re.findall(r'column-count"><bdi dir="ltr">([1-9])', page)]
    assert ones == ["1"]
    assert youssef.get("/board/indicators").status_code == 403
    assert 'id="strip"' not in page


def test_they_move_their_own_with_all_that_follows(
    merchant: Merchant, courier: Membership, given: SimpleNamespace, youssef: FlaskClient
) -> None:
    with db.merchant(merchant.id):
        shop.automation(on=SystemState.SHIPPED)

    moved = youssef.post(f"/orders/{given.number}/stage", data={"stage": given.shipped})
    refused = youssef.post(f"/orders/{given.other_number}/stage", data={"stage": given.shipped})

    assert (moved.status_code, refused.status_code) == (302, 404)
    with db.merchant(merchant.id) as session:
        order = orders.find(given.number)
        assert order.state is SystemState.SHIPPED
        assert len(runs.of_order(order)) == 1
        sent = session.scalar(
            select(func.count()).select_from(Message).where(Message.order_id == order.id)
        )
        assert sent == 1
        assert orders.find(given.other_number).state is SystemState.CONFIRMED
        # The sums the others see are as true as ever.
        assert indicators.of(30, money=True).shipped == 1


def test_what_their_move_sends_has_the_picture_of_its_template(
    merchant: Merchant, given: SimpleNamespace, youssef: FlaskClient
) -> None:
    with db.merchant(merchant.id) as session:
        picture = Media(file="a.png", filename="a.png", mime_type="image/png", size=48, sha256="0")
        session.add(picture)
        session.flush()
        parts = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "En route"}]
        with_picture = shop.template(components=parts, media_id=picture.id)
        shop.automation(on=SystemState.SHIPPED, template=with_picture, variables={}, buttons={})

    moved = youssef.post(f"/orders/{given.number}/stage", data={"stage": given.shipped})

    assert moved.status_code == 302
    with db.merchant(merchant.id) as session:
        sent = session.scalars(select(Message).where(Message.direction == "out")).one()
        assert (sent.text, sent.media_id) == ("En route", picture.id)


def test_they_take_their_move_back(given: SimpleNamespace, youssef: FlaskClient) -> None:
    youssef.post(f"/orders/{given.number}/stage", data={"stage": given.shipped})

    assert youssef.post(f"/orders/{given.number}/undo").status_code == 302
    assert youssef.post(f"/orders/{given.other_number}/undo").status_code == 404


def test_they_answer_in_their_own_conversation(
    merchant: Merchant, given: SimpleNamespace, youssef: FlaskClient
) -> None:
    words = {"text": "J'arrive", "client_id": str(factories.some_id())}

    own = youssef.post(f"/inbox/{given.talk}/messages", data=words)
    other = youssef.post(f"/inbox/{given.other_talk}/messages", data=words)

    assert own.status_code < 400
    assert other.status_code == 404
    with db.merchant(merchant.id) as session:
        said = session.scalars(select(Message).where(Message.text == "J'arrive")).one()
        assert said.conversation_id == given.talk


def test_many_at_once_are_only_their_own(
    merchant: Merchant,
    given: SimpleNamespace,
    youssef: FlaskClient,
    work: Callable[[], None],
) -> None:
    with db.merchant(merchant.id) as session:
        every = [str(id_) for id_ in session.scalars(select(Order.id))]
    form = {"ids": every, "stage": str(given.shipped), "client_id": str(factories.some_id())}

    started = youssef.post("/bulk", data=form)
    work()

    assert started.status_code < 400
    with db.merchant(merchant.id):
        assert orders.find(given.number).state is SystemState.SHIPPED
        assert orders.find(given.other_number).state is SystemState.CONFIRMED


def test_an_order_taken_from_them_is_gone_at_once(
    merchant: Merchant, given: SimpleNamespace, youssef: FlaskClient, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        orders.find(given.number).assignee_id = agent.id

    assert youssef.get(f"/orders/{given.number}").status_code == 404
    assert youssef.get(f"/inbox/{given.talk}").status_code == 404
    assert youssef.get(f"/customers/{given.customer}").status_code == 404


def test_their_bell_rings_for_their_own_orders_alone(
    merchant: Merchant, courier: Membership, given: SimpleNamespace
) -> None:
    with db.merchant(merchant.id):
        for number in (given.number, given.other_number):
            notifications.tell("review", order=orders.find(number))

    with db.merchant(merchant.id) as session:
        rung = select(Notification.order_id).where(Notification.member_id == courier.id)
        assert session.scalars(rung).all() == [orders.find(given.number).id]


def test_even_raw_sql_finds_no_more(
    merchant: Merchant, courier: Membership, given: SimpleNamespace
) -> None:
    session = db.begin(merchant.id, only=courier.id)

    counted = {
        table: session.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
        for table in ("orders", "conversations", "customers", "order_lines", "tallies", "charges")
    }
    touched = session.execute(text("UPDATE orders SET note = 'stolen'")).rowcount  # type: ignore[attr-defined]
    db.close()

    assert counted == {
        "orders": 1,
        "conversations": 1,
        "customers": 1,
        "order_lines": 1,
        "tallies": 0,
        "charges": 0,
    }
    assert touched == 1


def test_a_narrow_session_without_a_member_sees_no_order(
    merchant: Merchant, given: SimpleNamespace
) -> None:
    session = db.begin(merchant.id, only=factories.some_id())
    assert session.scalars(select(Order)).all() == []
    assert session.scalars(select(Customer)).all() == []
    assert session.scalars(select(Conversation)).all() == []
    with pytest.raises(DBAPIError):
        session.execute(text("SELECT * FROM users"))
    db.close()


def test_an_own_role_without_everybodys_orders_is_as_narrow(
    merchant: Merchant, given: SimpleNamespace, signed_in: Browser
) -> None:
    who = factories.member(merchant, "custom")
    with db.merchant(merchant.id) as session:
        session.merge(who).grants = ["orders.read", "inbox.read"]
    browser = signed_in(who)

    assert browser.get("/orders").status_code == 200
    assert browser.get(f"/orders/{given.number}").status_code == 404

    with db.merchant(merchant.id) as session:
        session.merge(who).grants = ["orders.read", "inbox.read", "orders.all"]
    assert browser.get(f"/orders/{given.number}").status_code == 200


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_holds_their_own_orders_alone(
    kind: str, merchant: Merchant, courier: Membership, given: SimpleNamespace, signed_in: Browser
) -> None:
    with db.merchant(merchant.id) as session:
        who = session.merge(courier)
        who.role, who.grants = Role.CUSTOM, ["orders.read", "orders.export"]

    answer = signed_in(courier).get(f"/orders/export.{kind}?columns=all")

    text = answer.text if kind == "csv" else _texts(answer.get_data())
    assert "Fatima" in text
    assert "Hicham" not in text


def _texts(workbook: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts:
        return " ".join(parts.read(n).decode() for n in parts.namelist() if n.endswith(".xml"))


# --- the viewer -----------------------------------------------------------------------------------


def test_a_viewer_reads_everything_and_changes_nothing(
    app: Flask,
    signed_in: Browser,
    merchant: Merchant,
    world: SimpleNamespace,  # noqa: F811
    owner_connection: psycopg.Connection,
) -> None:
    browser = signed_in(factories.member(merchant, Role.VIEWER.value))
    with db.merchant(merchant.id) as session:
        session.get_one(Conversation, (merchant.id, world.conversation)).unread = 1
    before = everything_of(world.merchant, owner_connection)

    for endpoint, method, _ in calls(app):
        if not endpoint.startswith(OWN):
            ask(app, browser, world, endpoint, method)

    assert everything_of(world.merchant, owner_connection) == before
    assert "data-read" not in browser.get(f"/inbox/{world.conversation}").text


def test_who_moved_it_is_said(
    merchant: Merchant, courier: Membership, given: SimpleNamespace, youssef: FlaskClient
) -> None:
    youssef.post(f"/orders/{given.number}/stage", data={"stage": given.shipped})

    with db.merchant(merchant.id):
        (entry,) = shop.entries_of(orders.find(given.number), "moved")
        assert entry.actor_id == By.user(courier).member.id  # type: ignore[union-attr]

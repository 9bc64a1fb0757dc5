"""The board: what it shows to whom, how cards move, and why they go back."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, text

from flows import board, outbox, pipeline
from models import db
from models.merchant import Merchant
from models.order import Order
from models.pipeline import Stage, SystemState
from models.timeline import SYSTEM, By
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

Browser = Callable[[Membership], FlaskClient]
NEW, TO_CONFIRM, CONFIRMED = SystemState.NEW, SystemState.TO_CONFIRM, SystemState.CONFIRMED
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def stages(merchant: Merchant) -> dict[SystemState, UUID]:
    with db.merchant(merchant.id):
        return {s.state: s.id for s in shop.pipeline_of().stages if s.state}


def taken(merchant: Merchant, *lines: Any, **values: Any) -> Order:
    with db.merchant(merchant.id):
        return shop.order(*lines, **values)


def now(merchant: Merchant, order: Order) -> Order:
    with db.merchant(merchant.id) as session:
        return session.get_one(Order, (merchant.id, order.id))


def drag(client: FlaskClient, order: Order, to: UUID, version: int = 1, **fields: str) -> Any:
    posted = {"stage": str(to), "version": str(version), "board": "1"} | fields
    return client.post(f"/orders/{order.number}/stage", data=posted, headers=HTMX)


def shown(html: str) -> list[int]:
    return [int(n) for n in re.findall(r'data-number="(\d+)"', html)]


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that merchant sessions send meanwhile."""
    sent: list[str] = []

    def note(*args: Any) -> None:
        sent.append(args[2])

    engine = db._engine("wasl_app")
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


MANY = """INSERT INTO orders
    SELECT (jsonb_populate_record(o, jsonb_build_object(
        'id', gen_random_uuid(), 'number', s.position * 100000 + n, 'stage_id', s.id))).*
    FROM orders o JOIN stages s USING (merchant_id), generate_series(1, 150) n
    WHERE o.id = %(like)s"""


# --- looking --------------------------------------------------------------------------------------


def test_every_stage_is_a_column_with_its_orders_newest_first(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    orders = [taken(merchant, on=NEW) for _ in range(3)]

    page = signed_in(agent).get("/board").text

    assert page.count('class="column"') == 10
    assert shown(page) == [order.number for order in reversed(orders)]


def test_a_card_says_who_where_how_much_and_what_is_wrong(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.automation()
        order = shop.order(
            (None, 1),
            on=TO_CONFIRM,
            ship_name="خديجة العلوي",
            ship_city="Fès",
            urgent=True,
            assignee_id=agent.id,
        )

        order.raise_flag("stock_blocked")
        order.raise_flag("possible_duplicate")

    page = signed_in(agent).get("/board", headers={"Accept-Language": "en"}).text

    card = page[page.index(f'id="order-{order.id}"') :].partition("</li>")[0]
    assert "<bdi>خديجة العلوي</bdi>" in card
    assert "<bdi>Fès</bdi>" in card
    assert "135.00" in card
    assert "Urgent" in card
    assert "Waiting for stock" in card
    assert "Possible duplicate" in card
    assert "Demande de confirmation: " in card
    assert "Assigned to Salma" in card


def test_what_a_column_comes_to_is_only_on_the_page_of_those_who_see_money(
    merchant: Merchant, agent: Membership, manager: Membership, signed_in: Browser
) -> None:
    for _ in range(2):
        taken(merchant, (None, 1), on=NEW)

    assert "270,00" in signed_in(manager).get("/board").text
    page = signed_in(agent).get("/board").text
    assert "column-sum" not in page
    assert "270,00" not in page


def test_a_hidden_stage_has_no_column(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.stage("Préparation").active = False

    page = signed_in(agent).get("/board", headers={"Accept-Language": "en"}).text

    assert "Préparation" not in page
    assert "hidden stage" not in page


def test_orders_on_a_hidden_stage_are_a_note_and_a_link(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    for _ in range(3):
        taken(merchant, on="Préparation", by=SYSTEM)
    with db.merchant(merchant.id):
        hidden = shop.stage("Préparation")
        hidden.active = False

    page = signed_in(agent).get("/board", headers={"Accept-Language": "en"}).text

    assert "3 orders on hidden stages" in page
    assert f'href="/orders?stage={hidden.id}"' in page
    assert shown(page) == []


def test_a_deleted_stage_is_on_no_board(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.stage("Préparation").deleted_at = utcnow()

    assert "Préparation" not in signed_in(agent).get("/board").text


def test_an_empty_board_says_where_orders_come_from(agent: Membership, signed_in: Browser) -> None:
    page = signed_in(agent).get("/board", headers={"Accept-Language": "en"}).text

    assert "New orders appear here" in page


def test_a_stranger_sees_nothing_of_it(
    merchant: Merchant, stranger: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    order = taken(merchant, on=NEW)
    client = signed_in(stranger)

    assert shown(client.get("/board").text) == []
    assert client.get(f"/board/stages/{stages[NEW]}").status_code == 404
    assert client.get(f"/board/stages/{stages[NEW]}/older").status_code == 404
    assert drag(client, order, stages[TO_CONFIRM]).status_code == 404
    assert now(merchant, order).state is NEW


def test_a_long_column_comes_page_by_page_without_gap_or_repetition(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        orders = [shop.order(on=NEW).number for _ in range(board.FIRST + 7)]
    client = signed_in(agent)

    first = client.get("/board").text
    onward = re.search(r'hx-get="(/board/stages/[^"]*/older[^"]*)"', first)
    assert onward is not None
    second = client.get(onward[1].replace("&amp;", "&")).text

    assert shown(first) + shown(second) == list(reversed(orders))
    assert "/older" not in second


def test_a_column_that_refreshes_itself_keeps_the_cards_that_are_shown(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        orders = [shop.order(on=NEW).number for _ in range(board.FIRST + 7)]
    column = f"/board/stages/{stages[NEW]}"
    client = signed_in(agent)

    assert len(shown(client.get(column).text)) == board.FIRST
    assert shown(client.get(f"{column}?shown={board.FIRST + 5}").text) == orders[:1:-1]


def test_a_board_of_many_orders_asks_the_database_no_more_often(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    client = signed_in(owner)
    asked = []
    for count in (2, 40):
        members = [factories.member(merchant, "confirmation_agent") for _ in range(3)]
        with db.merchant(merchant.id):
            shop.automation(buttons={})
            for n in range(count):
                state = list(SystemState)[n % 9]
                shop.order((None, 1), on=state, assignee_id=members[n % 3].id)
        with statements() as sent:
            client.get("/board")
        asked.append(len(sent))

    assert asked[0] == asked[1]


def test_what_a_column_counts_is_kept_and_never_counted(
    merchant: Merchant, owner: Membership, signed_in: Browser
) -> None:
    taken(merchant, on=NEW)

    with statements() as sent:
        signed_in(owner).get("/board")

    about_orders = [sql for sql in sent if "FROM orders" in sql or "JOIN orders" in sql]
    assert not [sql for sql in about_orders if "count(" in sql or "sum(" in sql]
    assert any("sum(tallies.orders)" in sql for sql in sent)


def test_every_column_walks_its_index(
    merchant: Merchant, owner_connection: psycopg.Connection
) -> None:
    order = taken(merchant, on=NEW)
    owner_connection.execute(MANY, {"like": order.id})
    owner_connection.execute("ANALYZE orders")

    with db.merchant(merchant.id) as session:
        wanted = board._newest_of(shop.pipeline_of())
        sql = wanted.compile(session.connection(), compile_kwargs={"literal_binds": True})
        plan = session.execute(text(f"EXPLAIN {sql}".replace(":", r"\:"))).scalars().all()

    assert any("using ix_orders_board" in line for line in plan)
    assert not any("Seq Scan on orders" in line for line in plan)


# --- moving ---------------------------------------------------------------------------------------


def test_a_drop_moves_the_order_and_answers_with_both_columns(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    order = taken(merchant, on=NEW)

    answer = drag(signed_in(agent), order, stages[TO_CONFIRM])

    assert answer.status_code == 200
    targets = re.findall(r'<hx-partial hx-target="#stage-([^"]+)"', answer.text)
    assert targets == [str(stages[NEW]), str(stages[TO_CONFIRM])]
    after = answer.text.partition(f'id="stage-{stages[TO_CONFIRM]}"')[2]
    assert f'data-number="{order.number}" data-version="2"' in after
    moved = now(merchant, order)
    assert (moved.state, moved.version) == (TO_CONFIRM, 2)


def test_the_timeline_names_who_dragged(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    order = taken(merchant, on=NEW)

    drag(signed_in(agent), order, stages[TO_CONFIRM])

    with db.merchant(merchant.id):
        assert pipeline.last_entry(order).actor_id == agent.id


def test_a_card_somebody_else_moved_goes_back_with_a_word(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    order = taken(merchant, on=NEW)
    client = signed_in(agent)
    drag(client, order, stages[TO_CONFIRM])

    answer = drag(client, order, stages[CONFIRMED], version=1)

    assert answer.status_code == 409
    assert answer.headers["HX-Reswap"] == "none"
    assert "toasts" in answer.headers["HX-Trigger"]
    assert now(merchant, order).state is TO_CONFIRM


def test_short_stock_puts_the_card_back_and_says_what_is_missing(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        order = shop.order((shop.bag(stock_of=1), 2), on=NEW)

    answer = signed_in(agent).post(
        f"/orders/{order.number}/stage",
        data={"stage": str(stages[CONFIRMED]), "version": "1"},
        headers={"Accept": "application/json", "Accept-Language": "en"},
    )

    assert answer.status_code == 409
    assert answer.json is not None
    assert answer.json["error"]["code"] == "insufficient_stock"
    assert "2 needed, 1 available" in answer.json["error"]["message"]
    assert now(merchant, order).state is NEW


def test_a_card_goes_only_where_its_columns_say(
    merchant: Merchant,
    agent: Membership,
    manager: Membership,
    stages: dict[SystemState, UUID],
    signed_in: Browser,
) -> None:
    order = taken(merchant, on=SystemState.SHIPPED)

    assert goes(signed_in(agent).get("/board").text) == "5 7 8 9 10"
    assert goes(signed_in(manager).get("/board").text) == "4 5 7 8 9 10"
    assert drag(signed_in(agent), order, stages[CONFIRMED]).status_code == 409
    assert drag(signed_in(manager), order, stages[CONFIRMED]).status_code == 200


def goes(page: str) -> str:
    found = re.search(r'data-goes="([\d ]*)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("stage", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_stage_that_is_none_is_refused(
    stage: str, merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    order = taken(merchant, on=NEW)

    answer = signed_in(agent).post(f"/orders/{order.number}/stage", data={"stage": stage})

    assert answer.status_code in (400, 404)


def test_a_refused_move_says_where_the_card_can_go(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    order = taken(merchant, on=SystemState.SHIPPED)
    client = signed_in(agent)

    told = drag(client, order, stages[NEW]).headers["HX-Trigger"]
    answer = client.post(
        f"/orders/{order.number}/stage",
        data={"stage": str(stages[NEW])},
        headers={"Accept": "application/json"},
    )

    assert "Livrée" in json.loads(told)["toasts"]["notes"][0]["text"]
    assert answer.status_code == 409
    assert answer.json is not None
    assert "Livrée" in [stage["name"] for stage in answer.json["error"]["allowed"]]


def test_the_reason_goes_with_the_move_and_onto_the_order(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    order = taken(merchant, on=NEW)

    drag(signed_in(agent), order, stages[SystemState.CANCELLED], reason="  Trop  cher ")

    assert now(merchant, order).reason == "Trop cher"


def test_only_columns_entered_for_a_reason_ask_for_one(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.stage(SystemState.CANCELLED).reasons = ["Trop cher", "Doublon"]

    page = signed_in(agent).get("/board").text

    asked = re.findall(r'data-stage="([^"]+)" data-place="\d+" data-reasons="([^"]*)"', page)
    assert {UUID(id_) for id_, _ in asked} == {
        stages[state] for state in (SystemState.CANCELLED, *NOT_HOME)
    }
    words = dict(asked)[str(stages[SystemState.CANCELLED])].replace("&#34;", '"')
    assert json.loads(words) == ["Trop cher", "Doublon"]


NOT_HOME = (SystemState.DELIVERY_FAILURE, SystemState.RETURNED)


def test_fifty_people_drag_one_card_and_one_of_them_moves_it(
    app: Any, merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID]
) -> None:
    order = taken(merchant, on=NEW)
    # Whoever is first, the others saw a card that is no longer there.
    targets = [stages[TO_CONFIRM], stages[CONFIRMED]] * 25
    browsers = [factories.browser(app, agent) for _ in targets]

    with ThreadPoolExecutor(25) as hands:
        answers = list(hands.map(lambda b, to: drag(b, order, to), browsers, targets))

    statuses = sorted(answer.status_code for answer in answers)
    winner = next(
        stages_to for a, stages_to in zip(answers, targets, strict=True) if a.status_code == 200
    )
    with db.merchant(merchant.id):
        assert len(shop.entries_of(order, "moved")) == 1
    assert now(merchant, order).stage_id == winner
    # To where it is already, nothing happens and nobody is scolded.
    assert statuses == [200] * 25 + [409] * 25
    refused = [answer for answer in answers if answer.status_code == 409]
    assert all("toasts" in answer.headers["HX-Trigger"] for answer in refused)


# --- undoing --------------------------------------------------------------------------------------


def test_a_move_by_hand_is_offered_to_be_undone(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    order = taken(merchant, on=NEW)
    client = signed_in(agent)

    offer = json.loads(drag(client, order, stages[TO_CONFIRM]).headers["HX-Trigger"])["undoable"]
    answer = client.post(offer["url"], data={"version": offer["version"]}, headers=HTMX)

    assert answer.status_code == 200
    assert now(merchant, order).state is NEW
    told = json.loads(answer.headers["HX-Trigger"])
    assert set(told["moved"]["stages"]) == {str(stages[NEW]), str(stages[TO_CONFIRM])}


def test_an_undo_says_what_was_stopped_and_what_has_gone(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.automation()
        orders = [shop.order(on=NEW, talk=shop.conversation()) for _ in range(2)]
    client = signed_in(agent)
    for order in orders:
        drag(client, order, stages[TO_CONFIRM])
    with db.merchant(merchant.id):
        shop.accept(orders[1])

    told = [
        json.loads(
            client.post(
                f"/orders/{order.number}/undo", headers=HTMX | {"Accept-Language": "en"}
            ).headers["HX-Trigger"]
        )["toasts"]["notes"][0]["text"]
        for order in orders
    ]

    assert "1 message was stopped before it left." in told[0]
    assert "1 message has already gone to the customer." in told[1]


def test_an_undo_of_what_moved_on_is_refused(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    order = taken(merchant, on=NEW)
    client = signed_in(agent)
    drag(client, order, stages[TO_CONFIRM])
    drag(client, order, stages[CONFIRMED], version=2)

    answer = client.post(f"/orders/{order.number}/undo", data={"version": "2"}, headers=HTMX)

    assert answer.status_code == 409
    assert now(merchant, order).state is CONFIRMED


# --- what else is heard ---------------------------------------------------------------------------


def test_a_move_from_the_orders_page_says_so(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    order = taken(merchant, on=NEW)
    posted = {"stage": str(stages[TO_CONFIRM]), "version": "1"}

    answer = signed_in(agent).post(f"/orders/{order.number}/stage", data=posted, headers=HTMX)

    assert (answer.status_code, answer.text) == (200, "")
    assert f"#{order.number}" in answer.headers["HX-Trigger"]


def test_only_the_columns_concerned_hear_of_a_move(
    merchant: Merchant, agent: Membership, stages: dict[SystemState, UUID], signed_in: Browser
) -> None:
    order = taken(merchant, on=NEW)
    ear = outbox.connection().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis
    ear.subscribe(f"live:{merchant.id}")
    ear.get_message(timeout=5)

    drag(signed_in(agent), order, stages[TO_CONFIRM])

    heard = str(ear.get_message(timeout=5))
    ear.close()
    assert str(stages[NEW]) in heard
    assert str(stages[TO_CONFIRM]) in heard
    assert str(stages[CONFIRMED]) not in heard


def test_the_age_of_a_card_counts_from_its_stage(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    with db.merchant(merchant.id):
        shop.order(on=NEW).stage_entered_at = utcnow() - timedelta(hours=5, minutes=2)

    page = signed_in(agent).get("/board", headers={"Accept-Language": "en"}).text

    assert re.search(r"<bdi>5 hrs?</bdi>", page)


def test_a_second_pipeline_is_one_click_away(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    from flows import presets

    with db.merchant(merchant.id) as session:
        second = presets.apply(merchant, "cod", "en")
        session.flush()
        second_id = second.id
    client = signed_in(agent)

    assert "Unreachable" not in client.get("/board").text
    assert f"pipeline={second_id}" in client.get("/board").text
    assert "Unreachable" in client.get(f"/board?pipeline={second_id}").text


def test_the_column_of_the_last_entry_is_the_column_of_the_card(
    merchant: Merchant, agent: Membership
) -> None:
    with db.merchant(merchant.id) as session:
        order = shop.order(on=NEW)
        entry = pipeline.move(order, shop.stage(CONFIRMED), by=By.user(agent))
        session.flush()
        column = board.column(session.get_one(Stage, (merchant.id, entry.to_stage_id)), money=False)

    assert [card.order.id for card in column.cards] == [order.id]
    assert (column.count, column.due) == (1, None)


# --- the strip ------------------------------------------------------------------------------------


def test_the_strip_comes_apart_from_the_board(
    merchant: Merchant, agent: Membership, signed_in: Browser
) -> None:
    client = signed_in(agent)

    with statements() as sent:
        page = client.get("/board").text

    assert 'hx-get="/board/indicators" hx-trigger="load"' in page
    assert not [sql for sql in sent if "tallies.confirmed" in sql]


def test_revenue_is_on_the_strip_of_those_who_see_money_alone(
    merchant: Merchant, agent: Membership, manager: Membership, signed_in: Browser
) -> None:
    taken(merchant, (None, 77), on=SystemState.DELIVERED, by=SYSTEM)

    theirs = signed_in(manager).get("/board/indicators").text
    mine = signed_in(agent).get("/board/indicators").text

    assert "7\u202f700,00" in theirs
    assert re.search(r"100\s%", mine)
    assert "700,00" not in mine


def test_the_period_somebody_chose_stays_theirs(agent: Membership, signed_in: Browser) -> None:
    client = signed_in(agent)
    client.get("/board/indicators?days=90")

    page = client.get("/board/indicators").text

    assert 'hx-get="/board/indicators?days=90" hx-trigger="live' in page


@pytest.mark.parametrize(("asked", "days"), [("7", 7), ("90", 90), ("31", 30), ("x", 30)])
def test_the_strip_looks_back_as_far_as_it_can(
    asked: str, days: int, agent: Membership, signed_in: Browser
) -> None:
    page = signed_in(agent).get(f"/board/indicators?days={asked}").text

    assert f'hx-get="/board/indicators?days={days}" hx-trigger="live' in page

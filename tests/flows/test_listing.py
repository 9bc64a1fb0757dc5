"""The table: filters combine, pages go on by key, counts are kept or capped, views are kept."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from sqlalchemy import select

from flows import listing, pipeline, search, views
from flows.errors import Invalid, NotFound, Refused
from flows.listing import Filters
from models import db
from models.merchant import Merchant
from models.order import Order
from models.pipeline import Stage, SystemState
from models.timeline import SYSTEM
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

NEW, CONFIRMED, SHIPPED = SystemState.NEW, SystemState.CONFIRMED, SystemState.SHIPPED


def asked(**query: Any) -> Filters:
    values = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    return Filters.read({name: [str(one) for one in each] for name, each in values.items()})


def numbers(**query: Any) -> list[int]:
    matching = listing.matching(asked(**query))
    page = listing.page(matching)
    assert listing.count(matching) == listing.Count(len(page.orders))
    every = db.session().scalars(listing.select_matching(asked(**query))).all()
    assert set(every) == {order.id for order in page.orders}
    return [order.number for order in page.orders]


@pytest.fixture
def orders(agent: Membership, session: Any) -> dict[str, Order]:
    """Orders that differ in everything one can filter by."""
    packing = session.scalars(select(Stage).where(Stage.state.is_(None))).one()
    made = {
        "fresh": shop.order(number=1001, ship_city="Fès", source="phone"),
        "agents": shop.order(number=1002, ship_city="Rabat", assignee=agent),
        "paid": shop.order(number=1003, payment_method="online", payment_status="paid"),
        "confirmed": shop.order(number=1004, on=CONFIRMED, ship_city="فاس"),
        "packed": shop.order(number=1005, on=CONFIRMED, carrier="Amana"),
        "flagged": shop.order(number=1006, on=CONFIRMED, assignee=agent),
    }
    pipeline.move(made["packed"], packing, by=SYSTEM)
    made["flagged"].raise_flag("review")
    session.flush()
    search.index(*made.values())
    return made


FOUND: tuple[tuple[dict[str, Any], list[int]], ...] = (
    ({}, [1006, 1005, 1004, 1003, 1002, 1001]),
    ({"status": "pending"}, [1003, 1002, 1001]),
    ({"status": "confirmed"}, [1006, 1004]),
    ({"status": "processing"}, [1005]),
    ({"status": ["processing", "pending"]}, [1005, 1003, 1002, 1001]),
    ({"state": "confirmed"}, [1006, 1005, 1004]),
    ({"state": "confirmed", "status": "processing"}, [1005]),
    ({"state": "new", "status": "confirmed"}, []),
    ({"city": "fes"}, [1004, 1001]),
    ({"city": ["Rabat", "FES"]}, [1004, 1002, 1001]),
    ({"city": "fes", "status": "pending"}, [1001]),
    ({"carrier": "Amana"}, [1005]),
    ({"agent": "nobody"}, [1005, 1004, 1003, 1001]),
    ({"agent": "nobody", "payment": "cod"}, [1005, 1004, 1001]),
    ({"paid": "paid"}, [1003]),
    ({"source": ["phone", "store"]}, [1001]),
    ({"flag": "any"}, [1006]),
    ({"flag": "review", "status": "confirmed"}, [1006]),
    ({"flag": "late_tap"}, []),
    ({"q": "1004"}, [1004]),
    ({"q": "fatima", "status": "processing"}, [1005]),
    ({"q": "nobody here"}, []),
    ({"q": "%%"}, []),
    ({"sort": "oldest", "status": "pending"}, [1001, 1002, 1003]),
    (
        {"stage": "not-an-id", "status": "lost", "flag": "pink", "since": "soon"},
        [1006, 1005, 1004, 1003, 1002, 1001],
    ),
)


def test_filters_combine(orders: dict[str, Order]) -> None:
    for query, found in FOUND:
        assert numbers(**query) == found, query


def test_orders_of_a_stage_of_an_agent_and_of_a_pipeline(
    orders: dict[str, Order], agent: Membership
) -> None:
    stage = orders["confirmed"].stage

    assert numbers(stage=stage.id) == [1006, 1004]
    assert numbers(agent=agent.id) == [1006, 1002]
    assert numbers(agent=[agent.id, "nobody"]) == [1006, 1005, 1004, 1003, 1002, 1001]
    assert numbers(stage=stage.id, agent=agent.id) == [1006]
    assert len(numbers(pipeline=stage.pipeline_id)) == 6
    assert numbers(pipeline=stage.id) == []


def test_days_begin_and_end_at_the_merchants_midnight(session: Any) -> None:
    # Morocco's clock is an hour ahead: 23:30 UTC is the next day there.
    for number, at in enumerate(["2026-11-01T22:59", "2026-11-01T23:30", "2026-11-02T23:30"], 1):
        shop.order(number=number, created_at=datetime.fromisoformat(at).replace(tzinfo=UTC))

    assert numbers(since="2026-11-02", until="2026-11-02") == [2]
    assert numbers(until="2026-11-01") == [1]
    assert numbers(since="2026-11-02") == [3, 2]
    with time_machine.travel(datetime(2026, 11, 3, 12, tzinfo=UTC), tick=False):
        assert numbers(period="today") == [3]
        assert numbers(period="yesterday") == [2]
        assert numbers(period="week") == [3, 2, 1]
    assert numbers(until=date.max.isoformat()) == [3, 2, 1]


@pytest.mark.parametrize("sort", listing.SORTS)
def test_pages_follow_one_another_both_ways_without_a_gap(
    session: Any, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(listing.pages, "PAGE", 3)
    for number in range(8):
        made = shop.order(number=number, on=(NEW, CONFIRMED)[number % 2])
        # Two by two at the same moment: the place of each is told by its identifier.
        made.created_at = made.stage_entered_at = utcnow() - timedelta(days=number // 2)
    session.flush()
    matching = listing.matching(asked(sort=sort))

    pages = [listing.page(matching)]
    while pages[-1].after:
        pages.append(listing.page(matching, below=pages[-1].place(pages[-1].orders[-1])))
    back = [pages[-1]]
    while back[-1].before:
        back.append(listing.page(matching, above=back[-1].place(back[-1].orders[0])))

    shown = [[order.number for order in page.orders] for page in pages]
    moments = [o.created_at for page in pages for o in page.orders]
    assert [len(page) for page in shown] == [3, 3, 2]
    assert len({n for page in shown for n in page}) == 8
    assert moments == sorted(moments, reverse=sort == "newest")
    # Back from the last page the one before ends where it begins.
    assert [o.number for o in back[1].orders] == shown[1]
    assert [o.number for o in back[2].orders] == shown[0]


def test_a_page_says_what_is_in_each_order(session: Any) -> None:
    order = shop.order((shop.bag(), 2), (None, 1))

    page = listing.page(listing.matching(Filters()), items=True)

    assert page.items == {order.id: "2 × Sac cuir, 1 × Cadeau"}


def test_matches_are_counted_by_kept_sums_or_up_to_a_thousand(
    session: Any, owner_connection: psycopg.Connection
) -> None:
    like = shop.order()
    session.commit()
    owner_connection.execute(
        """INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object(
            'id', gen_random_uuid(), 'number', 5000 + n))).*
        FROM orders o, generate_series(1, 1100) n WHERE id = %s""",
        [like.id],
    )

    def counted(**query: Any) -> listing.Count:
        matching = listing.matching(asked(**query))
        return listing.count(matching)

    assert counted() == listing.Count(1101)
    assert counted(stage=like.stage_id) == listing.Count(1101)
    assert counted(status="pending") == listing.Count(1000, more=True)
    assert counted(status="delivered") == listing.Count(0)


def test_another_merchants_orders_never_match(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        made = shop.order(carrier="Amana")
        stage_id = made.stage_id

    with db.merchant(factories.merchant(name="Else", number="2").id):
        assert numbers() == []
        assert numbers(stage=stage_id) == []
        assert listing.carriers() == []


def test_what_an_address_says_comes_back_as_it_was() -> None:
    said = {
        "status": ["pending", "shipped"],
        "city": ["Fès"],
        "agent": ["nobody"],
        "since": ["2026-01-31"],
        "q": ["moh 06"],
        "sort": ["longest"],
    }

    assert Filters.read(said).query() == said
    assert Filters.read({"sort": ["newest"], "color": ["red"], "q": ["  "]}).query() == {}


# --- views ----------------------------------------------------------------------------------------


def test_a_view_is_its_owners_until_a_manager_shares_one(
    agent: Membership, manager: Membership, session: Any
) -> None:
    views.keep("Rabat", asked(city="Rabat"), ["city"], by=agent)
    views.keep("Late", asked(status="pending"), [], by=manager, shared=True)
    session.flush()

    assert [view.name for view in views.listed(agent)] == ["Late", "Rabat"]
    assert [view.name for view in views.listed(manager)] == ["Late"]
    with pytest.raises(Refused, match="forbidden"):
        views.keep("Mine for all", Filters(), [], by=agent, shared=True)


def test_only_who_may_changes_or_deletes_a_view(
    agent: Membership, manager: Membership, session: Any
) -> None:
    own = views.keep("Mine", Filters(), [], by=manager)
    shared = views.keep("Ours", Filters(), [], by=manager, shared=True)
    session.flush()

    with pytest.raises(NotFound):
        views.find(own.id, agent)
    with pytest.raises(Refused, match="forbidden"):
        views.change(views.find(shared.id, agent), by=agent, name="Theirs")
    with pytest.raises(Refused, match="forbidden"):
        views.delete(shared, by=agent)
    views.change(shared, by=manager, name="Everybody's", filters=asked(flag="any"))
    assert (shared.name, shared.filters) == ("Everybody's", {"flag": ["any"]})


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "rabat", " RABAT "])
def test_a_view_has_a_name_of_its_own(agent: Membership, session: Any, name: str) -> None:
    views.keep("Rabat", Filters(), [], by=agent)

    with pytest.raises(Invalid) as refusal:
        views.keep(name, Filters(), [], by=agent)

    assert set(refusal.value.fields) == {"name"}


def test_chosen_columns_are_kept_in_ones_own_view_else_for_the_person(
    agent: Membership, manager: Membership, session: Any
) -> None:
    own = views.keep("Mine", Filters(), ["city"], by=agent)
    shared = views.keep("Ours", Filters(), [], by=manager, shared=True)
    session.flush()

    views.choose_columns(["phone", "bogus"], by=agent, view=own)
    views.choose_columns(["note", "amount"], by=agent, view=shared)
    views.choose_columns(["note", "city"], by=agent)

    kept = views.listed(agent)
    assert views.columns_of(kept, own) == ["number", "phone"]
    assert views.columns_of(kept, None) == ["number", "city", "note"]
    assert views.columns_of(views.listed(manager), None)[:2] == ["number", "created"]
    assert [view.name for view in views.named(kept)] == ["Mine", "Ours"]

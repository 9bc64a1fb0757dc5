"""An order is changed: what was and is stands on its timeline, stock and totals follow."""

from typing import Any

import pytest
from sqlalchemy import select

from flows import invariants, pipeline, search, stock
from flows.customers import Number
from flows.errors import Invalid, Refused
from flows.orders import editing
from flows.orders.form import NewLine
from flows.orders.revision import KeptLine, Revision
from flows.stock import OutOfStock
from models import db
from models.db import MerchantSession
from models.order import Order, PriceAdjustment
from models.pipeline import SystemState
from models.stock import Movement
from models.timeline import SYSTEM, By
from models.types import Money
from models.user import Membership
from tests.flows import shop

PHONE = Number("0661234567", "+212661234567")


def revised(order: Order, **changes: Any) -> Revision:
    """The form as the dialog would post it, nothing typed but `changes`."""
    values: dict[str, Any] = {
        "seen": editing.last_change(order),
        "name": order.ship_name,
        "phone": PHONE,
        "address": order.ship_line,
        "city": order.ship_city,
        "delivery_kind": order.delivery_kind,
        "carrier": order.carrier,
        "tracking": order.tracking,
        "lines": tuple(KeptLine(line.id, line.quantity) for line in order.lines),
        "discount": order.discount or None,
        "delivery_fee": order.delivery_fee,
        "payment_method": order.payment_method,
        "payment_status": order.payment_status,
        "assignee_id": order.assignee_id,
        "note": order.note,
    }
    return Revision(**(values | changes))


def changes_of(order: Order) -> list[dict[str, Any]]:
    (entry,) = shop.entries_of(order, "edited")
    return [{k: v for k, v in one.items() if k != "line"} for one in entry.facts["changes"]]


@pytest.fixture
def team(agent: Membership, manager: Membership, session: MerchantSession) -> list[Membership]:
    """An agent and a manager, as rows of the open session."""
    return [session.get_one(Membership, (one.merchant_id, one.id)) for one in (agent, manager)]


@pytest.fixture
def here(team: list[Membership]) -> Membership:
    return team[0]


@pytest.fixture
def boss(team: list[Membership]) -> Membership:
    return team[1]


def kept(order: Order, *quantities: int) -> tuple[KeptLine, ...]:
    """The order's lines, the first ones with these quantities."""
    wanted = dict(enumerate(quantities))
    return tuple(
        KeptLine(line.id, wanted.get(n, line.quantity)) for n, line in enumerate(order.lines)
    )


def test_what_was_and_what_is_stands_on_the_timeline_with_who(here: Membership) -> None:
    order = shop.order((None, 1), carrier="Sendit")

    entry = editing.edit(
        order,
        revised(order, address="5 avenue Hassan II", tracking="SD-123", assignee_id=here.id),
        by=here,
    )

    assert entry is not None
    assert entry.actor_id == here.id
    assert (order.ship_line, order.tracking) == ("5 avenue Hassan II", "SD-123")
    assert changes_of(order) == [
        {"field": "address", "from": "12 rue des Orangers", "to": "5 avenue Hassan II"},
        {"field": "tracking", "from": "", "to": "SD-123"},
        {"field": "assignee", "from": None, "to": "Salma", "ids": ["", str(here.id)]},
    ]


def test_a_form_that_changes_nothing_leaves_no_trace(here: Membership) -> None:
    order = shop.order((None, 1))

    assert editing.edit(order, revised(order), by=here) is None
    assert shop.entries_of(order, "edited") == []


def test_lines_are_added_changed_and_taken_off_with_their_amounts(here: Membership) -> None:
    bag, belt = shop.bag(), shop.bag()
    order = shop.order((bag, 2), (None, 1))
    lines = (KeptLine(order.lines[0].id, 3), NewLine(variant_id=belt.id, quantity=1))

    editing.edit(order, revised(order, lines=lines), by=here)

    assert [line.quantity for line in order.lines] == [3, 1]
    assert order.catalog_total == 3 * 10000 + 32000
    assert order.amount_due == Money(3 * 10000 + 32000 + 3500, "MAD")
    assert changes_of(order) == [
        {"field": "line", "name": "Sac cuir", "from": 2, "to": 3},
        {"field": "line", "name": "Cadeau", "from": 1, "to": 0},
        {"field": "line", "name": "Sac cuir", "from": 0, "to": 1},
    ]


def test_what_is_promised_follows_the_lines_and_the_ledger_adds_up(here: Membership) -> None:
    bag, belt, hat = shop.bag(), shop.bag(), shop.bag()
    order = shop.order((bag, 2), (belt, 4), on=SystemState.CONFIRMED)
    lines = (KeptLine(order.lines[0].id, 5), NewLine(variant_id=hat.id, quantity=3))

    editing.edit(order, revised(order, lines=lines), by=here)
    db.session().flush()

    assert (shop.held(bag), shop.held(belt), shop.held(hat)) == ((5, 5), (10, 0), (7, 3))
    db.session().commit()
    assert [check.name for check in invariants.check() if not check.holds] == []


def test_fewer_pieces_free_what_was_promised(here: Membership) -> None:
    bag = shop.bag()
    order = shop.order((bag, 4), on=SystemState.CONFIRMED)

    editing.edit(order, revised(order, lines=kept(order, 1)), by=here)

    assert shop.held(bag) == (9, 1)


def test_more_than_there_is_is_refused_and_nothing_is_changed(
    here: Membership, session: MerchantSession
) -> None:
    bag = shop.bag(3)
    order = shop.order((bag, 2), on=SystemState.CONFIRMED)
    session.commit()

    with pytest.raises(OutOfStock) as no:
        editing.edit(order, revised(order, lines=kept(order, 9), note="vite"), by=here)
    session.rollback()

    assert no.value.facts["available"] == 1
    session.refresh(order)
    assert (order.note, order.lines[0].quantity, shop.held(bag)) == ("", 2, (1, 2))


def test_before_it_is_confirmed_no_stock_is_asked(here: Membership) -> None:
    bag = shop.bag(3)
    order = shop.order((bag, 1))

    editing.edit(order, revised(order, lines=kept(order, 9)), by=here)

    assert shop.held(bag) == (3, 0)


def test_a_discount_is_traced_with_its_reason(here: Membership) -> None:
    order = shop.order((None, 3))

    editing.edit(order, revised(order, applied_total=25000, reason="Cliente fidèle"), by=here)
    db.session().flush()

    (trace,) = db.session().scalars(select(PriceAdjustment))
    assert (trace.catalog_total, trace.applied_total, trace.reason, trace.by_id) == (
        30000,
        25000,
        "Cliente fidèle",
        here.id,
    )
    assert changes_of(order) == [{"field": "discount", "from": 0, "to": 5000}]
    assert shop.entries_of(order, "edited")[0].facts["reason"] == "Cliente fidèle"


def test_a_discount_stays_when_only_lines_change(here: Membership) -> None:
    order = shop.order((None, 3), applied_total=28000)

    editing.edit(order, revised(order, lines=kept(order, 2)), by=here)

    assert (order.catalog_total, order.applied_total) == (20000, 18000)
    assert db.session().scalars(select(PriceAdjustment)).all() == []


def test_every_wrong_field_is_named_at_once(here: Membership) -> None:
    order = shop.order((shop.bag(), 1))

    with pytest.raises(Invalid) as no:
        editing.edit(
            order,
            revised(
                order,
                name="",
                phone=None,
                city="",
                payment_method="gold",
                delivery_kind="moon",
                carrier="x" * 61,
                assignee_id=order.id,
                lines=(KeptLine(order.id, 1), NewLine(name="", unit_price=-1, quantity=0)),
                delivery_fee=-1,
            ),
            by=here,
        )

    assert sorted(no.value.fields) == [
        "assignee_id",
        "carrier",
        "city",
        "delivery_fee",
        "delivery_kind",
        "lines[0].quantity",
        "lines[1].name",
        "lines[1].quantity",
        "lines[1].unit_price",
        "name",
        "payment_method",
        "phone",
    ]


def test_an_order_keeps_a_product(here: Membership) -> None:
    order = shop.order((None, 1))

    with pytest.raises(Invalid) as no:
        editing.edit(order, revised(order, lines=()), by=here)

    assert list(no.value.fields) == ["lines"]


def test_once_the_goods_have_left_their_lines_stay(here: Membership, boss: Membership) -> None:
    order = shop.order((shop.bag(), 2), on=SystemState.CONFIRMED)
    pipeline.move(order, shop.stage(SystemState.SHIPPED), by=SYSTEM)

    for who in (here, boss):
        with pytest.raises(Invalid) as no:
            editing.edit(order, revised(order, lines=kept(order, 1)), by=who)
        assert no.value.fields["lines"].code == "goods_gone"


def test_where_a_parcel_on_its_way_goes_is_for_who_may_correct(
    here: Membership, boss: Membership
) -> None:
    order = shop.order((shop.bag(), 2), on=SystemState.CONFIRMED)
    pipeline.move(order, shop.stage(SystemState.SHIPPED), by=SYSTEM)

    with pytest.raises(Invalid) as no:
        editing.edit(order, revised(order, city="Fès"), by=here)
    editing.edit(order, revised(order, tracking="SD-9"), by=here)
    editing.edit(order, revised(order, city="Fès"), by=boss)

    assert list(no.value.fields) == ["city"]
    assert (order.ship_city, order.tracking) == ("Fès", "SD-9")


def test_who_comes_second_is_told_what_is_different(here: Membership, boss: Membership) -> None:
    order = shop.order((None, 1))
    seen = editing.last_change(order)
    editing.edit(order, revised(order, note="Appeler le soir"), by=boss)
    db.session().flush()

    with pytest.raises(Refused) as no:
        editing.edit(order, revised(order, seen=seen, note="Fragile"), by=here)

    assert (no.value.code, no.value.facts["who"]) == ("changed_meanwhile", "Mina")
    assert order.note == "Appeler le soir"
    (meanwhile,) = editing.changed_since(order, seen)
    assert meanwhile.facts["changes"][0]["to"] == "Appeler le soir"


def test_a_move_meanwhile_is_no_contradiction(here: Membership) -> None:
    order = shop.order((None, 1))
    form = revised(order, note="Fragile")
    pipeline.move(order, shop.stage(SystemState.CONFIRMED), by=SYSTEM)

    editing.edit(order, form, by=here)

    assert order.note == "Fragile"


def test_prices_that_changed_meanwhile_are_looked_at_again(here: Membership) -> None:
    bag = shop.bag()
    order = shop.order((None, 1))
    lines = (*kept(order), NewLine(variant_id=bag.id, quantity=1))

    with pytest.raises(Invalid) as no:
        editing.edit(order, revised(order, lines=lines, amount_due=1), by=here)

    assert list(no.value.fields) == ["amount_due"]


def test_a_new_address_is_on_the_card_for_next_time(here: Membership) -> None:
    order = shop.order((None, 1))

    editing.edit(order, revised(order, address="Immeuble 7", city="Agadir"), by=here)

    assert [(a.line, a.city) for a in order.customer.addresses] == [("Immeuble 7", "Agadir")]


def test_a_line_that_was_taken_off_leaves_its_movements(here: Membership) -> None:
    bag = shop.bag()
    order = shop.order((bag, 2), (None, 1), on=SystemState.CONFIRMED)

    editing.edit(order, revised(order, lines=kept(order)[1:]), by=here)
    db.session().flush()

    kinds = db.session().scalars(
        select(Movement.kind).where(Movement.variant_id == bag.id).order_by(Movement.at)
    )
    assert list(kinds) == ["adjust", "reserve", "release"]
    assert [level.reserved for level in stock.levels(bag)] == [0]


def test_a_move_can_still_be_undone_after_lines_were_changed(here: Membership) -> None:
    bag = shop.bag()
    order = shop.order((bag, 2))
    pipeline.move(order, shop.stage(SystemState.CONFIRMED), by=By.user(here))
    editing.edit(order, revised(order, lines=kept(order, 5)), by=here)

    pipeline.undo(order, by=By.user(here))

    assert shop.held(bag) == (10, 0)
    assert order.lines[0].quantity == 5


def test_the_order_is_found_by_what_it_says_now(here: Membership) -> None:
    order = shop.order((None, 1))

    editing.edit(order, revised(order, tracking="SD-77812", name="Khadija Alaoui"), by=here)

    assert [one.id for one in search.found("khadija")] == [order.id]
    assert [one.id for one in search.found("SD-77812")] == [order.id]

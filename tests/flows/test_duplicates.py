from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from flows import customers, duplicates, orders, pipeline
from flows.customers import Number
from flows.errors import NotFound, Refused
from flows.orders import NewLine, NewOrder
from models import db
from models.catalog import Product
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.timeline import SYSTEM
from models.user import Membership
from tests import factories
from tests.flows import shop

NOON = datetime(2026, 11, 18, 11, 0, tzinfo=UTC)
FATIMA = Number("0661234567", "+212661234567")
HASSAN = Number("0677000001", "+212677000001")


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def bag(salma: Membership) -> Product:
    return factories.product("Sac cuir", couleur=["Noir", "Rouge"])


def taken(by: Membership, *lines: NewLine, phone: Number = FATIMA, **values: Any) -> Order:
    usual: dict[str, Any] = {"name": "Fatima", "address": "12 rue", "city": "Fès"}
    form = NewOrder(client_id=uuid4(), phone=phone, lines=lines, **usual | values)
    order = orders.create(form, by=by)
    db.session().flush()
    return order


def of(product: Product, which: int = 0) -> NewLine:
    return NewLine(product_id=product.id, variant_id=product.variants[which].id)


def test_the_same_product_again_within_a_day_is_flagged_on_the_newer(
    bag: Product, salma: Membership
) -> None:
    first = taken(salma, of(bag))

    with time_machine.travel(NOON + timedelta(hours=23), tick=False):
        second = taken(salma, of(bag))

    assert (second.duplicate_of_id, second.flags) == (first.id, ["possible_duplicate"])
    assert (first.duplicate_of_id, first.flags) == (None, [])


def test_another_colour_of_the_same_product_is_the_same_product(
    bag: Product, salma: Membership
) -> None:
    taken(salma, of(bag, 0))

    assert taken(salma, of(bag, 1)).flags == ["possible_duplicate"]


def test_a_free_product_is_known_by_its_name_in_any_spelling(salma: Membership) -> None:
    taken(salma, NewLine(name="Boîte Cadeau", unit_price=100))

    assert taken(salma, NewLine(name="boite cadeau", unit_price=900)).flags
    assert not taken(salma, NewLine(name="Ruban", unit_price=100)).flags


@pytest.mark.parametrize("hours", [25, 48])
def test_a_day_later_it_is_another_order(hours: int, bag: Product, salma: Membership) -> None:
    taken(salma, of(bag))

    with time_machine.travel(NOON + timedelta(hours=hours), tick=False):
        assert taken(salma, of(bag)).flags == []


def test_others_and_other_products_are_no_twins(bag: Product, salma: Membership) -> None:
    belt = factories.product("Ceinture")
    taken(salma, of(bag))

    assert taken(salma, of(bag), phone=HASSAN, name="Hassan").flags == []
    assert taken(salma, of(belt)).flags == []


def test_two_cards_with_one_number_are_one_household(bag: Product, salma: Membership) -> None:
    first = taken(salma, of(bag))
    other = customers.open_card("Youssef", number=FATIMA)
    db.session().flush()

    second = taken(salma, of(bag), name="Youssef", customer_id=other.id)

    assert second.customer_id == other.id
    assert second.duplicate_of_id == first.id


def test_cancelled_orders_are_no_twins(bag: Product, salma: Membership) -> None:
    pipeline.move(taken(salma, of(bag)), shop.stage(SystemState.CANCELLED), by=SYSTEM)

    assert taken(salma, of(bag)).flags == []


def test_of_three_both_later_ones_point_at_the_first(bag: Product, salma: Membership) -> None:
    first, second, third = (taken(salma, of(bag)) for _ in range(3))

    assert second.duplicate_of_id == third.duplicate_of_id == first.id


def test_two_at_the_same_moment_still_find_each_other(merchant: Merchant) -> None:
    people = [factories.member(merchant, "confirmation_agent") for _ in range(2)]
    with db.merchant(merchant.id):
        line = of(factories.product("Sac"))
    together = Barrier(2)

    def take(who: Membership) -> list[str]:
        with db.merchant(merchant.id) as session:
            together.wait()
            return list(taken(session.merge(who, load=False), line).flags)

    with ThreadPoolExecutor(2) as threads:
        flags = sorted(threads.map(take, people))

    assert flags == [[], ["possible_duplicate"]]


def test_while_typing_the_earlier_orders_are_named(bag: Product, salma: Membership) -> None:
    order = taken(salma, of(bag))
    goods = duplicates.Goods.of([bag.id], [])

    assert duplicates.alike(goods, e164=FATIMA.e164) == [order]
    assert duplicates.alike(goods, e164=None, customer_id=order.customer_id) == [order]
    assert duplicates.alike(goods, e164=HASSAN.e164) == []
    assert duplicates.alike(duplicates.Goods.of([], [" "]), e164=FATIMA.e164) == []


def test_cancelling_as_duplicate_moves_it_with_its_reason(bag: Product, salma: Membership) -> None:
    first, second = taken(salma, of(bag)), taken(salma, of(bag))

    entry = duplicates.cancel(second, of=first, by=salma, version=1)

    assert (second.state, second.reason) == (SystemState.CANCELLED, "duplicate")
    assert (second.flags, second.duplicate_of_id) == ([], None)
    assert entry.facts["duplicate_of"] == first.number
    with pytest.raises(NotFound):
        duplicates.twin_of(second)


def test_the_earlier_one_can_go_instead(bag: Product, salma: Membership) -> None:
    first, second = taken(salma, of(bag)), taken(salma, of(bag))

    duplicates.cancel(first, of=second, by=salma)

    assert first.state is SystemState.CANCELLED
    assert (second.state, second.flags) == (SystemState.NEW, [])


def test_keeping_both_lowers_the_flag_and_tells_who_decided(
    bag: Product, salma: Membership
) -> None:
    first, second = taken(salma, of(bag)), taken(salma, of(bag))

    duplicates.keep_both(second, by=salma)

    assert (second.flags, second.duplicate_of_id) == ([], None)
    (entry,) = shop.entries_of(second, "kept_both")
    assert (entry.facts, entry.actor_id) == ({"other": first.number}, salma.id)


def test_without_a_stage_for_cancelled_orders_it_says_so(bag: Product, salma: Membership) -> None:
    first, second = taken(salma, of(bag)), taken(salma, of(bag))
    shop.stage(SystemState.CANCELLED).active = False

    with pytest.raises(Refused) as no:
        duplicates.cancel(second, of=first, by=salma)

    assert no.value.code == "no_such_stage"

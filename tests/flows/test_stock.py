from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import func, select

from flows import pipeline, stock
from flows.errors import Refused
from models import db
from models.catalog import Variant
from models.db import MerchantSession
from models.merchant import Merchant
from models.order import Order, OrderLine, StockPosition
from models.pipeline import SystemState
from models.stock import Movement, StockLevel, Warehouse
from models.timeline import SYSTEM, By
from models.user import Membership
from tests import factories
from tests.effort import examples
from tests.flows import shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)


def movements(variant: Variant) -> list[tuple[str, int, int]]:
    db.session().flush()
    ledger = select(Movement).where(Movement.variant_id == variant.id).order_by(Movement.id)
    return [(m.kind, m.available, m.reserved) for m in db.session().scalars(ledger)]


def allow_negative(merchant: Merchant) -> None:
    db.session().get_one(Merchant, merchant.id).allow_negative_stock = True
    db.session().flush()


# --- one order on its way -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "level"),
    [
        ([NEW], (10, 0)),
        ([CONFIRMED], (7, 3)),
        ([NEW, TO_CONFIRM, CONFIRMED], (7, 3)),
        ([CONFIRMED, "Préparation"], (7, 3)),
        ([CONFIRMED, CANCELLED], (10, 0)),
        ([CONFIRMED, TO_CONFIRM], (10, 0)),
        ([CONFIRMED, NEW], (10, 0)),
        ([CONFIRMED, SHIPPED], (7, 0)),
        ([NEW, SHIPPED], (7, 0)),
        ([CONFIRMED, SHIPPED, DELIVERED], (7, 0)),
        ([CONFIRMED, SHIPPED, FAILURE, SHIPPED, DELIVERED], (7, 0)),
        ([CONFIRMED, SHIPPED, RETURNED], (7, 0)),
        ([CONFIRMED, SHIPPED, CANCELLED], (7, 0)),
        ([CONFIRMED, SHIPPED, CONFIRMED], (7, 3)),
        ([CONFIRMED, SHIPPED, FAILURE, TO_CONFIRM], (10, 0)),
        ([CONFIRMED, CANCELLED, NEW, CONFIRMED], (7, 3)),
        ([CONFIRMED, SHIPPED, CANCELLED, NEW], (7, 0)),
        ([CONFIRMED, SHIPPED, CANCELLED, NEW, CONFIRMED], (4, 3)),
        ([CONFIRMED, SHIPPED, CANCELLED, NEW, SHIPPED], (7, 0)),
    ],
    ids=lambda way: "-".join(way) if isinstance(way, list) else "",
)
def test_stock_is_where_the_state_wants_it(
    way: list[str], level: tuple[int, int], manager: Membership, session: MerchantSession
) -> None:
    bag = shop.bag(stock_of=10)
    order = shop.order((bag, 3), on=way[0])

    for stage in way[1:]:
        pipeline.move(order, shop.stage(stage), by=By.user(manager))

    assert shop.held(bag) == level
    ledger = movements(bag)
    assert (sum(m[1] for m in ledger), sum(m[2] for m in ledger)) == level


def test_the_ledger_says_what_each_move_did(manager: Membership, session: MerchantSession) -> None:
    bag = shop.bag(stock_of=10)
    order = shop.order((bag, 3), on=CONFIRMED)
    for stage in (SHIPPED, CONFIRMED, CANCELLED):
        pipeline.move(order, shop.stage(stage), by=By.user(manager))

    assert movements(bag) == [
        ("adjust", 10, 0),
        ("reserve", -3, 3),
        ("issue", 0, -3),
        ("recall", 0, 3),
        ("release", 3, -3),
    ]


def test_a_ledger_line_names_the_line_the_entry_and_the_person(
    manager: Membership, session: MerchantSession
) -> None:
    bag = shop.bag()
    order = shop.order((bag, 3), on=NEW)

    entry = pipeline.move(order, shop.stage(CONFIRMED), by=By.user(manager))

    db.session().flush()
    reserve = db.session().scalars(select(Movement).where(Movement.kind == "reserve")).one()
    assert (reserve.order_line_id, reserve.entry_id) == (order.lines[0].id, entry.id)
    assert reserve.by_id == manager.id


def test_following_the_same_entry_twice_changes_nothing(session: MerchantSession) -> None:
    bag = shop.bag(stock_of=10)
    order = shop.order((bag, 3), on=CONFIRMED)

    stock.follow(order, pipeline.last_entry(order))

    assert shop.held(bag) == (7, 3)
    assert len(movements(bag)) == 2


def test_two_lines_of_one_variant_both_count(session: MerchantSession) -> None:
    bag = shop.bag(stock_of=10)

    shop.order((bag, 3), (bag, 4), on=CONFIRMED)

    assert shop.held(bag) == (3, 7)


def test_a_returned_line_waits_for_its_reception(
    manager: Membership, session: MerchantSession
) -> None:
    order = shop.order((shop.bag(), 3), on=SHIPPED)

    pipeline.move(order, shop.stage(RETURNED), by=By.user(manager))

    assert order.lines[0].stock is StockPosition.IN_RETURN


# --- what never moves -----------------------------------------------------------------------------


def test_free_products_never_touch_stock(manager: Membership, session: MerchantSession) -> None:
    order = shop.order((None, 3), on=CONFIRMED)

    pipeline.move(order, shop.stage(SHIPPED), by=By.user(manager))

    assert order.lines[0].stock is StockPosition.NONE
    assert db.session().scalar(select(func.count()).select_from(Movement)) == 0


def test_untracked_products_never_touch_stock(session: MerchantSession) -> None:
    bag = shop.bag(stock_of=10)
    bag.product.track_stock = False

    shop.order((bag, 300), on=CONFIRMED)

    assert shop.held(bag) == (10, 0)


def test_what_was_promised_is_released_even_when_stock_is_no_longer_counted(
    manager: Membership, session: MerchantSession
) -> None:
    bag = shop.bag(stock_of=10)
    order = shop.order((bag, 3), on=CONFIRMED)
    bag.product.track_stock = False

    pipeline.move(order, shop.stage(CANCELLED), by=By.user(manager))

    assert shop.held(bag) == (10, 0)


# --- when it is short -----------------------------------------------------------------------------


def test_a_move_is_refused_when_stock_is_short_and_says_what_is_missing(
    agent: Membership, session: MerchantSession
) -> None:
    bag = shop.bag(stock_of=2, couleur="Noir")
    order = shop.order((bag, 3), on=NEW)

    with pytest.raises(stock.OutOfStock) as no:
        pipeline.move(order, shop.stage(CONFIRMED), by=By.user(agent))

    assert (no.value.status, no.value.code) == (409, "insufficient_stock")
    assert no.value.facts == {
        "sku": bag.sku,
        "name": "Sac cuir (Noir)",
        "available": 2,
        "needed": 3,
    }


def test_a_refused_move_leaves_nothing_behind(merchant: Merchant, agent: Membership) -> None:
    with db.merchant(merchant.id):
        enough, short = shop.bag(stock_of=9), shop.bag(stock_of=1)
        order = shop.order((enough, 2), (short, 2), on=NEW)

    db.begin(merchant.id)
    again = db.session().get_one(Order, (merchant.id, order.id))
    with pytest.raises(stock.OutOfStock):
        pipeline.move(again, shop.stage(CONFIRMED), by=By.user(agent))
    db.rollback()
    db.close()

    with db.merchant(merchant.id) as session:
        again = session.get_one(Order, (merchant.id, order.id))
        assert (again.state, again.version) == (NEW, 1)
        assert [e.kind for e in shop.entries_of(again)] == ["created"]
        assert (shop.held(enough), shop.held(short)) == ((9, 0), (1, 0))


def test_an_order_taken_straight_to_confirmed_needs_its_stock(session: MerchantSession) -> None:
    bag = shop.bag(stock_of=2)

    with pytest.raises(stock.OutOfStock):
        shop.order((bag, 3), on=CONFIRMED)


def test_a_variant_that_was_never_stocked_is_short(session: MerchantSession) -> None:
    bag = shop.bag(stock_of=1)
    db.session().delete(stock.levels(bag)[0])
    db.session().flush()

    with pytest.raises(stock.OutOfStock) as no:
        shop.order((bag, 1), on=CONFIRMED)

    assert no.value.facts["available"] == 0


def test_a_merchant_may_sell_what_is_not_there(
    merchant: Merchant, session: MerchantSession
) -> None:
    allow_negative(merchant)
    bag = shop.bag(stock_of=2)

    shop.order((bag, 3), on=CONFIRMED)

    assert shop.held(bag) == (-1, 3)


def test_a_merchant_may_sell_what_was_never_stocked(
    merchant: Merchant, session: MerchantSession
) -> None:
    allow_negative(merchant)
    bag = shop.bag()
    db.session().delete(stock.levels(bag)[0])
    db.session().flush()

    shop.order((bag, 3), on=CONFIRMED)

    assert shop.held(bag) == (-3, 3)


# --- by hand --------------------------------------------------------------------------------------


def test_an_adjustment_is_written_with_its_reason_and_who_made_it(
    owner: Membership, session: MerchantSession
) -> None:
    bag = shop.bag(stock_of=10)

    stock.adjust(bag, -4, reason="Abîmés", by=owner)

    db.session().flush()
    written = db.session().scalars(select(Movement).where(Movement.reason == "Abîmés")).one()
    assert (written.available, written.by_id) == (-4, owner.id)
    assert shop.held(bag) == (6, 0)


def test_nobody_takes_away_what_was_promised(session: MerchantSession) -> None:
    bag = shop.bag(stock_of=10)
    shop.order((bag, 8), on=CONFIRMED)

    with pytest.raises(stock.OutOfStock) as no:
        stock.adjust(bag, -3, reason="Perdus")

    assert (no.value.facts["available"], no.value.facts["needed"]) == (2, 3)


def test_goods_come_from_the_oldest_warehouse_and_go_back_where_they_came_from(
    manager: Membership, session: MerchantSession
) -> None:
    bag = shop.bag(stock_of=10)
    first = stock.default_warehouse()
    order = shop.order((bag, 3), on=CONFIRMED)
    older = Warehouse(name="Older", created_at=first.created_at.replace(year=2000))
    db.session().add(older)
    db.session().flush()

    pipeline.move(order, shop.stage(CANCELLED), by=By.user(manager))

    assert stock.default_warehouse().id == older.id
    assert [level.warehouse_id for level in stock.levels(bag)] == [first.id]
    assert shop.held(bag) == (10, 0)


# --- many at once ---------------------------------------------------------------------------------


def test_the_last_units_are_never_sold_twice(merchant: Merchant, agent: Membership) -> None:
    with db.merchant(merchant.id):
        bag = shop.bag(stock_of=10)
        orders = [shop.order((bag, 3), on=NEW).id for _ in range(8)]
    line_up = Barrier(8)

    def confirm(order_id: UUID) -> str:
        with db.merchant(merchant.id) as session:
            order = session.get_one(Order, (merchant.id, order_id))
            stage = shop.stage(CONFIRMED)
            line_up.wait()
            try:
                pipeline.move(order, stage, by=By.user(agent))
            except stock.OutOfStock as no:
                session.rollback()
                return no.code
        return "confirmed"

    with ThreadPoolExecutor(8) as people:
        told = Counter(people.map(confirm, orders))

    assert told == {"confirmed": 3, "insufficient_stock": 5}
    with db.merchant(merchant.id):
        assert shop.held(bag) == (1, 9)


def test_orders_that_want_the_same_goods_in_another_order_do_not_block_each_other(
    merchant: Merchant, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        bags = [shop.bag(stock_of=1000) for _ in range(4)]
        orders = [
            shop.order(*[(bag, 1) for bag in (bags if n % 2 else bags[::-1])], on=NEW).id
            for n in range(24)
        ]

    def confirm(order_id: UUID) -> None:
        with db.merchant(merchant.id) as session:
            order = session.get_one(Order, (merchant.id, order_id))
            pipeline.move(order, shop.stage(CONFIRMED), by=By.user(agent))

    with ThreadPoolExecutor(8) as people:
        list(people.map(confirm, orders))

    with db.merchant(merchant.id):
        assert {shop.held(bag) for bag in bags} == {(976, 24)}


# --- anything, in any order -----------------------------------------------------------------------


@dataclass
class Parcel:
    """What a person in the warehouse would say of one order's goods."""

    quantities: dict[int, int]
    """Pieces of each tracked variant."""
    order_id: UUID
    promised: bool = False
    left: bool = False
    coming_back: bool = False
    never_came_back: Counter[int] = field(default_factory=Counter)

    def moved(self, state: SystemState) -> None:
        if state in (SHIPPED, FAILURE, DELIVERED):
            # Going on with a parcel that was on its way back: it is the same parcel.
            self.promised, self.left, self.coming_back = False, True, False
        elif state is CONFIRMED:
            if self.coming_back:
                self.never_came_back.update(self.quantities)
            self.promised, self.left, self.coming_back = True, False, False
        elif state in (RETURNED, CANCELLED):
            self.coming_back = self.coming_back or self.left
            self.promised = self.left = False
        else:
            self.promised = self.left = False

    @property
    def outside(self) -> bool:
        return self.left or self.coming_back


class Shop(RuleBasedStateMachine):
    """Orders come, move, are corrected and reopened; stock is adjusted; the books always agree."""

    merchant: Merchant
    manager: Membership

    @initialize(openings=st.lists(st.integers(0, 8), min_size=3, max_size=3), debt=st.booleans())
    def open_shop(self, openings: list[int], debt: bool) -> None:
        self.parcels: list[Parcel] = []
        self.debt = debt
        with db.merchant(self.merchant.id) as session:
            session.get_one(Merchant, self.merchant.id).allow_negative_stock = debt
            session.flush()
            products = [factories.product(stock_of=n) for n in openings]
            uncounted = factories.product(stock_of=0)
            uncounted.track_stock = False
            self.variants = [p.variants[0].id for p in (*products, uncounted)]
        self.owned = list(openings)

    def _variant(self, n: int) -> Variant:
        return db.session().get_one(Variant, (self.merchant.id, self.variants[n]))

    @rule(
        lines=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), min_size=1, max_size=3),
        state=st.sampled_from([NEW, NEW, TO_CONFIRM, CONFIRMED, SHIPPED]),
    )
    def take_order(self, lines: list[tuple[int, int]], state: SystemState) -> None:
        try:
            with db.merchant(self.merchant.id):
                chosen = [(None if n == 4 else self._variant(n), q) for n, q in lines]
                order = shop.order(*chosen, on=state)
        except stock.OutOfStock:
            assert not self.debt
            return
        tracked: Counter[int] = Counter()
        for n, quantity in lines:
            if n < 3:
                tracked[n] += quantity
        self.parcels.append(Parcel(dict(tracked), order.id))
        self.parcels[-1].moved(state)

    @precondition(lambda self: self.parcels)
    @rule(which=st.integers(0, 99), state=st.sampled_from([*SystemState, "Préparation"]))
    def move(self, which: int, state: SystemState | str) -> None:
        parcel = self.parcels[which % len(self.parcels)]
        try:
            with db.merchant(self.merchant.id) as session:
                order = session.get_one(Order, (self.merchant.id, parcel.order_id))
                before = order.state
                pipeline.move(order, shop.stage(state), by=By.user(self.manager))
                after = order.state
        except stock.OutOfStock:
            assert not self.debt
            return
        except Refused:
            return
        if after is not before:
            parcel.moved(after)

    @rule(n=st.integers(0, 2), quantity=st.integers(-4, 6).filter(bool))
    def adjust(self, n: int, quantity: int) -> None:
        try:
            with db.merchant(self.merchant.id):
                stock.adjust(self._variant(n), quantity, reason="count")
        except stock.OutOfStock:
            assert not self.debt
            return
        self.owned[n] += quantity

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "variants"):
            return
        with db.merchant(self.merchant.id) as session:
            shelves = select(StockLevel.variant_id, StockLevel.available, StockLevel.reserved)
            ledger = select(
                Movement.variant_id, func.sum(Movement.available), func.sum(Movement.reserved)
            ).group_by(Movement.variant_id)
            held = {id_: (a, r) for id_, a, r in session.execute(shelves)}
            written = {id_: (int(a), int(r)) for id_, a, r in session.execute(ledger)}
            free = select(func.count()).where(
                OrderLine.variant_id.is_(None), OrderLine.stock != StockPosition.NONE
            )
            assert session.scalar(free) == 0
        assert written[self.variants[3]] == held[self.variants[3]] == (0, 0)
        for n in range(3):
            assert written[self.variants[n]] == held[self.variants[n]]
            self._check(n, *held[self.variants[n]])

    def _check(self, n: int, available: int, reserved: int) -> None:
        outside = sum(p.quantities.get(n, 0) for p in self.parcels if p.outside)
        lost = sum(p.never_came_back[n] for p in self.parcels)
        assert reserved == sum(p.quantities.get(n, 0) for p in self.parcels if p.promised)
        assert available + reserved == self.owned[n] - outside - lost
        assert available >= 0 or self.debt


def test_whatever_happens_the_books_agree(merchant: Merchant, manager: Membership) -> None:
    machine = type("ThisShop", (Shop,), {"merchant": merchant, "manager": manager})

    run_machine(
        machine,
        settings=settings(
            max_examples=examples(6),
            stateful_step_count=12,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_what_the_system_does_names_no_person(session: MerchantSession) -> None:
    bag = shop.bag()

    shop.order((bag, 1), on=CONFIRMED, by=SYSTEM)

    reserve = db.session().scalars(select(Movement).where(Movement.kind == "reserve")).one()
    assert reserve.by_id is None

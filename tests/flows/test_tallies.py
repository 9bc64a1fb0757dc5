"""The kept sums: true after whatever happens to orders, and few once they are folded."""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from threading import Event
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from flows import invariants, pipeline, tallies
from models import db
from models.merchant import Merchant
from models.order import Order
from models.pipeline import Stage, SystemState
from models.tally import Tally
from models.timeline import SYSTEM, By
from models.user import Membership
from tests.flows import shop

TRUE_SUMS = invariants.QUESTIONS["what a board counts is what there is"]
WALK = (SystemState.TO_CONFIRM, SystemState.UNREACHABLE, SystemState.CONFIRMED)


def wrong_sums() -> int:
    with db.house() as house:
        return int(house.scalar(text(TRUE_SUMS)) or 0)


def rows() -> int:
    with db.house() as house:
        return house.scalar(select(func.count()).select_from(Tally)) or 0


def test_the_sums_follow_an_order_from_first_to_last(merchant: Merchant, owner: Membership) -> None:
    with db.merchant(merchant.id):
        order = shop.order((None, 2), on=SystemState.NEW)
    for state in (*WALK, SystemState.SHIPPED, SystemState.DELIVERED, SystemState.RETURNED):
        with db.merchant(merchant.id) as session:
            moved = session.get_one(Order, (merchant.id, order.id))
            pipeline.move(moved, shop.stage(state), by=By.user(owner))

        assert wrong_sums() == 0
    with db.merchant(merchant.id) as session:
        session.get_one(Order, (merchant.id, order.id)).delivery_fee = 9900
    assert wrong_sums() == 0


def test_folding_leaves_one_row_for_each_stage_and_day(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        orders = [shop.order((None, 1), on=SystemState.NEW) for _ in range(3)]
        shop.order(on=SystemState.SHIPPED, by=SYSTEM)
    with db.merchant(merchant.id) as session:
        for order in orders:
            moved = session.get_one(Order, (merchant.id, order.id))
            pipeline.move(moved, shop.stage(SystemState.TO_CONFIRM), by=SYSTEM)
    assert rows() > 2

    tallies.fold()

    # New, where nobody is left, has none; To confirm and Shipped have theirs.
    assert rows() == 2
    assert wrong_sums() == 0


@pytest.mark.parametrize("folders", [1, 3])
def test_no_sum_changes_while_orders_move_and_folders_fold(
    folders: int, merchant: Merchant, owner: Membership
) -> None:
    with db.merchant(merchant.id):
        orders = [shop.order((None, 1), on=SystemState.NEW).id for _ in range(3)]
    over, seen = Event(), set()

    def move(order_id: UUID) -> None:
        for state, _ in zip(cycle(WALK), range(8), strict=False):
            with db.merchant(merchant.id) as session:
                order = session.get_one(Order, (merchant.id, order_id))
                pipeline.move(order, shop.stage(state), by=By.user(owner))

    def watch() -> None:
        while not over.is_set():
            with db.merchant(merchant.id) as session:
                seen.add(session.scalar(select(func.sum(Tally.orders))))

    def fold() -> None:
        while not over.is_set():
            tallies.fold()

    with ThreadPoolExecutor(8) as hands:
        watching = [hands.submit(watch), *(hands.submit(fold) for _ in range(folders))]
        moving = [hands.submit(move, order_id) for order_id in orders]
        try:
            for one in moving:
                one.result()
        finally:
            over.set()
        for one in watching:
            one.result()

    # Whoever counted in between counted three orders, never two or four.
    assert {int(count or 0) for count in seen} == {3}
    assert wrong_sums() == 0
    tallies.fold()
    assert wrong_sums() == 0


def test_the_invariant_notices_a_sum_that_is_wrong(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        shop.order(on=SystemState.NEW)
    with db.house() as house:
        stage = house.scalars(select(Stage).where(Stage.state == SystemState.NEW)).one()
        house.execute(text("UPDATE tallies SET due = due + 1 WHERE stage_id = :s"), {"s": stage.id})

    assert wrong_sums() == 1

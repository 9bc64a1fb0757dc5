"""Bulk moves: each order once, each with its own result, whatever happens to the worker."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import func, select

from flows import bulk, notifications, outbox, pipeline, stock
from flows.bulk import deeds, working
from flows.errors import Refused
from flows.leases import LEASE
from models import db
from models.bulk import Bulk, BulkItem, BulkState
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.timeline import SYSTEM, By, Entry
from models.types import new_id, utcnow
from models.user import Membership, Role
from tests.flows import shop

S = SystemState
Work = Callable[[], None]


def taken(merchant: Merchant, count: int, on: SystemState = S.NEW, **values: Any) -> list[UUID]:
    with db.merchant(merchant.id):
        return [shop.order(on=on, by=SYSTEM, **values).id for _ in range(count)]


def begun(merchant: Merchant, which: Any, to: SystemState, by: Membership, **more: Any) -> UUID:
    with db.merchant(merchant.id):
        return bulk.start_move(which, shop.stage(to), by=by, **more).id


def now(merchant: Merchant, bulk_id: UUID) -> Bulk:
    with db.merchant(merchant.id):
        return bulk.find(bulk_id)


def outcomes(merchant: Merchant, bulk_id: UUID) -> list[str | None]:
    with db.merchant(merchant.id) as session:
        mine = select(BulkItem.outcome).where(BulkItem.bulk_id == bulk_id).order_by(BulkItem.id)
        return list(session.scalars(mine))


def states(merchant: Merchant, ids: list[UUID]) -> list[SystemState]:
    with db.merchant(merchant.id) as session:
        return [session.get_one(Order, (merchant.id, id_)).state for id_ in ids]


def moves(merchant: Merchant) -> int:
    with db.merchant(merchant.id) as session:
        moved = select(func.count()).select_from(Entry).where(Entry.kind == "moved")
        return session.scalar(moved) or 0


# --- moving ---------------------------------------------------------------------------------------


def test_the_worker_moves_every_order_and_tells_how_it_went(
    merchant: Merchant, agent: Membership, work: Work
) -> None:
    ids = taken(merchant, 4)

    bulk_id = begun(merchant, ids, S.TO_CONFIRM, agent)
    work()

    assert states(merchant, ids) == [S.TO_CONFIRM] * 4
    done = now(merchant, bulk_id)
    assert (done.state, done.total, done.done, done.refused) == (BulkState.DONE, 4, 4, 0)
    assert done.finished_at is not None
    with db.merchant(merchant.id) as session:
        entry = pipeline.last_entry(session.get_one(Order, (merchant.id, ids[0])))
    assert entry.actor_id == agent.id
    assert entry.facts["bulk"] == str(bulk_id)


def test_its_end_rings_for_who_began_it_and_for_nobody_else(
    merchant: Merchant, agent: Membership, manager: Membership, work: Work
) -> None:
    ids = taken(merchant, 2)
    bulk_id = begun(merchant, ids, S.CONFIRMED, agent)

    work()

    with db.merchant(merchant.id):
        (ring,) = notifications.listed(agent)
        assert (ring.kind, ring.facts["bulk"]) == ("bulk_done", str(bulk_id))
        assert notifications.unread(manager) == 0


def test_each_order_has_its_own_result(merchant: Merchant, agent: Membership) -> None:
    fine, already = taken(merchant, 1), taken(merchant, 1, on=S.CONFIRMED)
    delivered = taken(merchant, 1, on=S.DELIVERED)
    with db.merchant(merchant.id):
        short = [shop.order((shop.bag(stock_of=1), 2), on=S.NEW).id]

    bulk_id = begun(merchant, fine + already + delivered + short, S.CONFIRMED, agent)
    bulk.drain(merchant.id)

    assert sorted(filter(None, outcomes(merchant, bulk_id))) == [
        "insufficient_stock",
        "moved",
        "transition_refused",
        "unchanged",
    ]
    done = now(merchant, bulk_id)
    assert (done.done, done.refused) == (4, 2)
    with db.merchant(merchant.id):
        why = {refusal.why.code: refusal for refusal in bulk.refused(done)}
    assert why["insufficient_stock"].why.facts["needed"] == 2
    assert "cannot go to" in why["transition_refused"].why.message
    assert states(merchant, short + delivered) == [S.NEW, S.DELIVERED]


def test_the_reason_goes_with_every_order(merchant: Merchant, agent: Membership) -> None:
    ids = taken(merchant, 2)

    begun(merchant, ids, S.CANCELLED, agent, reason="Fake")
    bulk.drain(merchant.id)

    with db.merchant(merchant.id) as session:
        assert [session.get_one(Order, (merchant.id, i)).reason for i in ids] == ["Fake", "Fake"]


def test_whoever_moved_an_order_meanwhile_does_not_stop_it(
    merchant: Merchant, agent: Membership
) -> None:
    ids = taken(merchant, 1)
    bulk_id = begun(merchant, ids, S.CONFIRMED, agent)
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, ids[0]))
        pipeline.move(order, shop.stage(S.TO_CONFIRM), by=By.user(agent))

    bulk.drain(merchant.id)

    assert states(merchant, ids) == [S.CONFIRMED]
    assert outcomes(merchant, bulk_id) == ["moved"]


def test_a_select_is_a_bulk_too(merchant: Merchant, agent: Membership) -> None:
    new = taken(merchant, 3)
    elsewhere = taken(merchant, 2, on=S.UNREACHABLE)

    begun(merchant, select(Order.id).where(Order.state == S.NEW), S.TO_CONFIRM, agent)
    bulk.drain(merchant.id)

    assert states(merchant, new + elsewhere) == [S.TO_CONFIRM] * 3 + [S.UNREACHABLE] * 2


def test_the_orders_come_in_the_order_of_their_numbers(
    merchant: Merchant, agent: Membership
) -> None:
    ids = taken(merchant, 12)

    bulk_id = begun(merchant, list(reversed(ids)), S.TO_CONFIRM, agent)

    with db.merchant(merchant.id) as session:
        mine = select(BulkItem.order_id).where(BulkItem.bulk_id == bulk_id).order_by(BulkItem.id)
        assert list(session.scalars(mine)) == ids


def test_the_same_click_twice_is_one_bulk(merchant: Merchant, agent: Membership) -> None:
    ids, click = taken(merchant, 2), new_id()

    with ThreadPoolExecutor(4) as hands:
        found = set(
            hands.map(
                lambda _: begun(merchant, ids, S.TO_CONFIRM, agent, client_id=click), range(4)
            )
        )
    bulk.drain(merchant.id)

    assert len(found) == 1
    assert now(merchant, found.pop()).total == 2
    assert moves(merchant) == 2


def test_nothing_selected_is_said_and_leaves_nothing(merchant: Merchant, agent: Membership) -> None:
    with pytest.raises(Refused) as refusal:
        begun(merchant, [], S.TO_CONFIRM, agent)

    assert refusal.value.code == "nothing_selected"
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Bulk)).all() == []


def test_orders_of_a_stranger_are_no_orders(
    merchant: Merchant, stranger: Membership, agent: Membership
) -> None:
    with db.merchant(stranger.merchant_id):
        theirs = [shop.order(on=S.NEW).id]

    with pytest.raises(Refused, match="nothing_selected"):
        begun(merchant, theirs, S.TO_CONFIRM, agent)


def test_a_hidden_stage_is_refused_at_once(merchant: Merchant, agent: Membership) -> None:
    ids = taken(merchant, 1)
    with db.merchant(merchant.id):
        shop.stage(S.TO_CONFIRM).active = False

    with pytest.raises(Refused, match="stage_hidden"):
        begun(merchant, ids, S.TO_CONFIRM, agent)


def test_rights_taken_away_meanwhile_stop_what_is_left(
    merchant: Merchant, agent: Membership
) -> None:
    ids = taken(merchant, 2)
    bulk_id = begun(merchant, ids, S.TO_CONFIRM, agent)
    with db.merchant(merchant.id) as session:
        session.get_one(Membership, (merchant.id, agent.id)).disabled_at = utcnow()

    bulk.drain(merchant.id)

    assert outcomes(merchant, bulk_id) == ["not_allowed"] * 2
    assert states(merchant, ids) == [S.NEW] * 2


# --- workers that die -----------------------------------------------------------------------------


class Killed(BaseException):
    """What a worker feels of a kill -9: nothing."""


def test_killed_half_way_it_goes_on_and_moves_every_order_once(
    merchant: Merchant, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = taken(merchant, 10)
    bulk_id = begun(merchant, ids, S.TO_CONFIRM, agent)
    alive = iter(range(4))

    def mortal(*about: Any) -> deeds.Result:
        done = deeds.move(*about)
        if next(alive, None) is None:
            raise Killed  # the move is made and not yet true
        return done

    monkeypatch.setitem(deeds.WORK, "move", lambda: mortal)
    with pytest.raises(Killed):
        bulk.drain(merchant.id)
    monkeypatch.undo()
    db.close()
    assert outcomes(merchant, bulk_id).count("moved") == 4

    # While the dead worker's lease lasts nobody else touches the bulk.
    bulk.drain(merchant.id)
    assert outcomes(merchant, bulk_id).count("moved") == 4
    with time_machine.travel(utcnow() + LEASE + timedelta(seconds=1), tick=True):
        outbox.connection().flushdb()
        outbox.sweep()
        assert outbox.queue("chores").count == 1
        bulk.drain(merchant.id)

    assert outcomes(merchant, bulk_id) == ["moved"] * 10
    assert now(merchant, bulk_id).done == 10
    assert moves(merchant) == 10


def test_two_workers_at_one_bulk_move_every_order_once(
    merchant: Merchant, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = taken(merchant, 12)
    bulk_id = begun(merchant, ids, S.TO_CONFIRM, agent)
    # A lease that is over at once: both believe the bulk is theirs.
    monkeypatch.setattr(working, "LEASE", timedelta(seconds=-1))

    with ThreadPoolExecutor(3) as workers:
        list(workers.map(bulk.drain, [merchant.id] * 3))

    done = now(merchant, bulk_id)
    assert (done.state, done.done) == (BulkState.DONE, 12)
    assert moves(merchant) == 12


def test_an_order_that_breaks_is_told_and_does_not_stop_the_rest(
    merchant: Merchant,
    agent: Membership,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ids = taken(merchant, 3)
    bulk_id = begun(merchant, ids, S.TO_CONFIRM, agent)

    def poisoned(order: Order, *about: Any) -> deeds.Result:
        if order.id == ids[1]:
            raise RuntimeError("poison")
        return deeds.move(order, *about)

    monkeypatch.setitem(deeds.WORK, "move", lambda: poisoned)
    bulk.drain(merchant.id)

    assert outcomes(merchant, bulk_id) == ["moved", "internal", "moved"]
    done = now(merchant, bulk_id)
    assert (done.state, done.refused) == (BulkState.DONE, 1)
    assert "poison" in caplog.text


def test_a_long_bulk_lets_others_have_their_turn(
    merchant: Merchant, agent: Membership, monkeypatch: pytest.MonkeyPatch, work: Work
) -> None:
    ids = taken(merchant, 5)
    monkeypatch.setattr(working, "PATIENCE", 0.0)
    monkeypatch.setattr(working, "CHUNK", 2)
    bulk_id = begun(merchant, ids, S.TO_CONFIRM, agent)

    # No patience at all would never do anything: each job does at least one chunk.
    work()

    assert now(merchant, bulk_id).state is BulkState.DONE


# --- stopping, undoing, trying again --------------------------------------------------------------


def test_stopped_it_leaves_the_rest_alone(merchant: Merchant, agent: Membership) -> None:
    ids = taken(merchant, 3)
    bulk_id = begun(merchant, ids, S.TO_CONFIRM, agent)

    with db.merchant(merchant.id):
        bulk.stop(bulk.find(bulk_id))
    bulk.drain(merchant.id)

    assert now(merchant, bulk_id).state is BulkState.STOPPED
    assert states(merchant, ids) == [S.NEW] * 3
    with db.merchant(merchant.id), pytest.raises(Refused, match="cannot_stop"):
        bulk.stop(bulk.find(bulk_id))


def test_what_tidies_up_cannot_be_stopped(merchant: Merchant, owner: Membership) -> None:
    ids = taken(merchant, 1)
    with db.merchant(merchant.id):
        tidying = bulk.start("delete_stage", {}, ids, by=owner)

        with pytest.raises(Refused, match="cannot_stop"):
            bulk.stop(tidying)


def test_undone_every_order_is_back_except_where_something_happened_since(
    merchant: Merchant, agent: Membership
) -> None:
    ids = taken(merchant, 3)
    bulk_id = begun(merchant, ids, S.TO_CONFIRM, agent)
    bulk.drain(merchant.id)
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, ids[1]))
        pipeline.move(order, shop.stage(S.CONFIRMED), by=By.user(agent))

    with db.merchant(merchant.id):
        back = bulk.start_undo(bulk.find(bulk_id), by=agent).id
    bulk.drain(merchant.id)

    assert states(merchant, ids) == [S.NEW, S.CONFIRMED, S.NEW]
    assert outcomes(merchant, back) == ["moved", "moved_meanwhile", "moved"]


def test_only_what_a_bulk_itself_moved_is_undone(merchant: Merchant, agent: Membership) -> None:
    already = taken(merchant, 1)
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, already[0]))
        pipeline.move(order, shop.stage(S.TO_CONFIRM), by=By.user(agent))
    ids = already + taken(merchant, 1)
    bulk_id = begun(merchant, ids, S.TO_CONFIRM, agent)
    bulk.drain(merchant.id)

    with db.merchant(merchant.id):
        back = bulk.start_undo(bulk.find(bulk_id), by=agent)
        assert back.total == 1
    bulk.drain(merchant.id)

    assert states(merchant, ids) == [S.TO_CONFIRM, S.NEW]


def test_the_refused_are_tried_again_and_only_they(merchant: Merchant, agent: Membership) -> None:
    with db.merchant(merchant.id):
        bag = shop.bag(stock_of=1)
        ids = [shop.order((bag, 1), on=S.NEW).id for _ in range(2)]
    bulk_id = begun(merchant, ids, S.CONFIRMED, agent)
    bulk.drain(merchant.id)
    assert now(merchant, bulk_id).refused == 1
    with db.merchant(merchant.id):
        stock.adjust(bag, 5, reason="delivery", by=None)

    with db.merchant(merchant.id):
        once_more = bulk.again(bulk.find(bulk_id), by=agent).id
    bulk.drain(merchant.id)

    assert outcomes(merchant, once_more) == ["moved"]
    assert states(merchant, ids) == [S.CONFIRMED] * 2


# --- stages that go -------------------------------------------------------------------------------


def test_a_full_stage_is_deleted_by_a_bulk(
    merchant: Merchant, owner: Membership, monkeypatch: pytest.MonkeyPatch, work: Work
) -> None:
    from flows import stages
    from flows.stages import holding

    monkeypatch.setattr(holding, "AT_ONCE", 2)
    monkeypatch.setattr("flows.stages.deleting.AT_ONCE", 2)
    ids = taken(merchant, 5, on=S.UNREACHABLE)
    with db.merchant(merchant.id):
        stage = shop.stage(S.UNREACHABLE)
        begun_by = stages.delete(stage, by=owner, agreed=True)
        assert begun_by is not None
        bulk_id, stage_id = begun_by.id, stage.id

    work()

    assert outcomes(merchant, bulk_id) == ["moved"] * 5
    with db.merchant(merchant.id) as session:
        on = [session.get_one(Order, (merchant.id, id_)).stage_id for id_ in ids]
    assert stage_id not in on


def test_every_kind_has_its_deed() -> None:
    for kind in deeds.WORK:
        assert callable(deeds.deed(kind))


def test_an_agent_moves_in_bulk_only_where_an_agent_may(
    merchant: Merchant, agent: Membership, manager: Membership
) -> None:
    assert agent.role is Role.AGENT
    ids = taken(merchant, 1, on=S.SHIPPED)
    refused = begun(merchant, ids, S.CONFIRMED, agent)
    bulk.drain(merchant.id)
    allowed = begun(merchant, ids, S.CONFIRMED, manager)
    bulk.drain(merchant.id)

    assert outcomes(merchant, refused) == ["transition_refused"]
    assert outcomes(merchant, allowed) == ["moved"]

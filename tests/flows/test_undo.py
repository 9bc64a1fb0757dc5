from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from flows import pipeline, stock
from flows.errors import Refused
from models import db
from models.conversation import Activity
from models.db import MerchantSession
from models.merchant import Merchant
from models.message import Sending
from models.order import Order, StockPosition
from models.pipeline import Stage, SystemState
from models.timeline import CUSTOMER, SYSTEM, By
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)
PACKING = "Préparation"


@pytest.fixture
def colleague(merchant: Merchant) -> Membership:
    return factories.member(merchant, "confirmation_agent")


def everything(order: Order) -> dict[str, Any]:
    """What an order is, but for how often it was touched."""
    names = Order.__table__.columns.keys()
    lines = [(line.quantity, line.stock) for line in order.lines]
    return {name: getattr(order, name) for name in names if name != "version"} | {"lines": lines}


def positions(order: Order) -> list[StockPosition]:
    return [line.stock for line in order.lines]


def refusal(attempt: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as no:
        attempt()
    assert no.value.status == 409
    return no.value


# --- what comes back ------------------------------------------------------------------------------


def test_an_undone_move_leaves_a_line_and_the_order_as_it_was(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=TO_CONFIRM, urgent=True)
    order.raise_flag("stock_blocked")
    db.session().flush()
    before, version = everything(order), order.version
    moved = pipeline.move(order, shop.stage(CANCELLED), by=By.user(agent), reason="Fausse")

    undone = pipeline.undo(order, by=By.user(agent), version=order.version)

    assert everything(order) == before
    assert order.version == version + 2
    assert [e.kind for e in shop.entries_of(order)] == ["created", "moved", "undone"]
    entry = undone.entry
    assert (entry.from_stage_id, entry.to_stage_id) == (moved.to_stage_id, moved.from_stage_id)
    assert (entry.facts["from"], entry.facts["to"]) == ("Annulée", "À confirmer par appel")
    assert (entry.actor, entry.actor_id, entry.facts["undoes"]) == ("user", agent.id, str(moved.id))
    assert pipeline.last_entry(order).id == entry.id


ROUTES = [
    (NEW, CONFIRMED),
    (CONFIRMED, SHIPPED),
    (CONFIRMED, CANCELLED),
    (CONFIRMED, NEW),
    (SHIPPED, CONFIRMED),
    (SHIPPED, DELIVERED),
    (SHIPPED, RETURNED),
    (SHIPPED, CANCELLED),
    (DELIVERED, FAILURE),
    (DELIVERED, RETURNED),
    (CONFIRMED, PACKING),
]


def test_whatever_the_move_was_its_undo_restores_the_order_and_its_goods(
    manager: Membership, session: MerchantSession
) -> None:
    for here, there in ROUTES:
        bag = shop.bag()
        order = shop.order((bag, 2), on=here)
        before, held = everything(order), shop.held(bag)

        pipeline.move(order, shop.stage(there), by=By.user(manager))
        pipeline.undo(order, by=By.user(manager))

        assert (everything(order), shop.held(bag)) == (before, held), (here, there)


def test_the_way_back_needs_no_cell_of_the_table(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=SHIPPED)
    pipeline.move(order, shop.stage(RETURNED), by=By.user(agent))
    assert shop.stage(SHIPPED) not in pipeline.allowed(order, By.user(agent))

    pipeline.undo(order, by=By.user(agent))

    assert order.state is SHIPPED


def test_a_stage_without_state_gets_back_the_state_the_order_had_on_it(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=CONFIRMED)
    pipeline.move(order, shop.stage(PACKING), by=By.user(agent))
    confirmed_at = order.confirmed_at
    pipeline.move(order, shop.stage(SHIPPED), by=By.user(agent))

    pipeline.undo(order, by=By.user(agent))

    assert (order.stage.name, order.state, order.status) == (PACKING, CONFIRMED, "processing")
    assert (order.confirmed_at, order.shipped_at) == (confirmed_at, None)


def test_a_stage_that_means_something_else_since_gives_its_new_state(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=TO_CONFIRM)
    pipeline.move(order, shop.stage(CANCELLED), by=By.user(agent))
    shop.stage(TO_CONFIRM).state = UNREACHABLE
    db.session().flush()

    pipeline.undo(order, by=By.user(agent))

    assert (order.stage.name, order.state) == ("À confirmer par appel", UNREACHABLE)
    assert order.call_due_at is None


def test_goods_that_were_on_their_way_back_still_are(
    manager: Membership, session: MerchantSession
) -> None:
    bag = shop.bag()
    order = shop.order((bag, 1), on=SHIPPED)
    for there in (CANCELLED, NEW, CONFIRMED):
        pipeline.move(order, shop.stage(there), by=By.user(manager))
    assert positions(order) == [StockPosition.RESERVED]

    pipeline.undo(order, by=By.user(manager))

    assert positions(order) == [StockPosition.IN_RETURN]
    assert shop.held(bag) == (9, 0)


def test_the_thread_tells_that_the_order_went_back(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW, talk=shop.conversation())
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    pipeline.undo(order, by=By.user(agent))

    db.session().flush()
    told = db.session().query(Activity).filter_by(kind="order_moved").all()
    ways = {(a.facts["from"], a.facts["to"]) for a in told}
    assert ways == {
        ("Nouvelle", "À confirmer par appel"),
        ("À confirmer par appel", "Nouvelle"),
    }


# --- who, and when no longer ----------------------------------------------------------------------


def test_a_colleague_may_not_undo_it_but_a_manager_may(
    agent: Membership, colleague: Membership, manager: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    moved = pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    assert pipeline.undoable(order, By.user(colleague)) is None
    no = refusal(lambda: pipeline.undo(order, by=By.user(colleague)))
    assert no.code == "undo_not_yours"

    assert pipeline.undoable(order, By.user(agent)) is moved
    assert pipeline.undoable(order, By.user(manager)) is moved
    pipeline.undo(order, by=By.user(manager))
    assert order.state is NEW


def test_an_undo_is_not_undone_but_a_move_after_it_is(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))
    pipeline.undo(order, by=By.user(agent))

    assert pipeline.undoable(order, By.user(agent)) is None
    no = refusal(lambda: pipeline.undo(order, by=By.user(agent)))
    assert no.code == "already_undone"

    pipeline.move(order, shop.stage(UNREACHABLE), by=By.user(agent))
    pipeline.undo(order, by=By.user(agent))
    assert order.state is NEW


@pytest.mark.parametrize("by", [CUSTOMER, SYSTEM])
def test_what_no_person_did_nobody_undoes(
    by: By, manager: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    pipeline.move(order, shop.stage(CONFIRMED), by=by)

    assert pipeline.undoable(order, By.user(manager)) is None
    no = refusal(lambda: pipeline.undo(order, by=By.user(manager)))
    assert no.code == "nothing_to_undo"
    assert order.state is CONFIRMED


def test_a_move_that_something_followed_stays(agent: Membership, session: MerchantSession) -> None:
    order = shop.order(on=NEW)
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))
    pipeline.move(order, shop.stage(CONFIRMED), by=CUSTOMER)

    no = refusal(lambda: pipeline.undo(order, by=By.user(agent)))

    assert (no.code, order.state) == ("nothing_to_undo", CONFIRMED)


def test_an_order_nobody_has_moved_has_nothing_to_undo(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW, by=By.user(agent))

    assert pipeline.undoable(order, By.user(agent)) is None
    no = refusal(lambda: pipeline.undo(order, by=By.user(agent)))
    assert no.code == "nothing_to_undo"


def test_who_saw_an_older_order_undoes_nothing(
    agent: Membership, manager: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))
    seen = order.version
    pipeline.move(order, shop.stage(CONFIRMED), by=By.user(manager))

    no = refusal(lambda: pipeline.undo(order, by=By.user(manager), version=seen))

    assert (no.code, order.state) == ("moved_meanwhile", CONFIRMED)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"active": False}, "stage_hidden"), ({"deleted_at": utcnow()}, "stage_deleted")],
)
def test_there_is_no_way_back_to_a_stage_that_is_closed(
    change: dict[str, Any], code: str, agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=UNREACHABLE)
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))
    stage: Stage = shop.stage(UNREACHABLE)
    for name, value in change.items():
        setattr(stage, name, value)
    db.session().flush()

    assert pipeline.undoable(order, By.user(agent)) is None
    assert refusal(lambda: pipeline.undo(order, by=By.user(agent))).code == code


def test_goods_that_went_to_somebody_else_meanwhile_stand_in_the_way(
    merchant: Merchant, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        bag = shop.bag(stock_of=1)
        order = shop.order((bag, 1), on=CONFIRMED)
        pipeline.move(order, shop.stage(CANCELLED), by=By.user(agent))
        shop.order((bag, 1), on=CONFIRMED)

    with db.merchant(merchant.id) as session:
        again = session.get_one(Order, (merchant.id, order.id))
        with pytest.raises(stock.OutOfStock):
            pipeline.undo(again, by=By.user(agent))


# --- messages -------------------------------------------------------------------------------------


def test_an_undo_starts_no_automation(agent: Membership, session: MerchantSession) -> None:
    shop.automation(NEW, retrigger=True)
    order = shop.order(on=NEW, talk=shop.conversation())
    pipeline.move(order, shop.stage(CANCELLED), by=By.user(agent))

    pipeline.undo(order, by=By.user(agent))

    assert len(shop.runs_of(order)) == 1


def test_a_message_that_has_not_left_never_leaves(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation(TO_CONFIRM)
    order = shop.order(on=NEW, talk=shop.conversation())
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))
    (run,) = shop.runs_of(order)

    undone = pipeline.undo(order, by=By.user(agent))

    assert run.message is not None
    assert (undone.cancelled, undone.gone) == ([run.message], [])
    assert run.message.sending is Sending.DISCARDED
    assert (run.state, run.cancel_reason) == ("cancelled", "undone")
    assert (undone.entry.facts["cancelled"], undone.entry.facts["gone"]) == (1, 0)


def test_what_the_customer_has_already_is_named(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation(TO_CONFIRM)
    order = shop.order(on=NEW, talk=shop.conversation())
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))
    shop.accept(order)
    (run,) = shop.runs_of(order)

    undone = pipeline.undo(order, by=By.user(agent))

    assert (undone.cancelled, undone.gone) == ([], [run.message])
    assert undone.entry.facts["gone"] == 1


def test_a_message_that_waits_for_its_hour_waits_no_more(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation(TO_CONFIRM, delay=3600)
    order = shop.order(on=NEW, talk=shop.conversation())
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    pipeline.undo(order, by=By.user(agent))

    (run,) = shop.runs_of(order)
    db.session().refresh(run)
    assert (run.due_at, run.cancel_reason) == (None, "undone")


def test_the_next_move_to_the_stage_sends_what_the_undone_one_did_not(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation(TO_CONFIRM)
    order = shop.order(on=NEW, talk=shop.conversation())
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))
    pipeline.undo(order, by=By.user(agent))

    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    assert sorted(run.state for run in shop.runs_of(order)) == ["cancelled", "scheduled"]


def test_an_undo_long_after_is_still_one(agent: Membership, session: MerchantSession) -> None:
    order = shop.order(on=NEW)
    since = order.stage_entered_at = utcnow() - timedelta(days=3)
    db.session().flush()
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    pipeline.undo(order, by=By.user(agent))

    assert order.stage_entered_at == since

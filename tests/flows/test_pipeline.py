from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from flows import orders, outbox, pipeline, presets
from flows.errors import Refused
from models import db
from models.conversation import Activity
from models.db import MerchantSession
from models.merchant import Merchant
from models.order import Order
from models.pipeline import Stage, SystemState, Transition
from models.timeline import By
from models.user import Membership
from tests.flows import shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)

# Where anybody may go from each state; the whole table is in test_moves_table.
ANYBODY: dict[SystemState, set[SystemState]] = {
    NEW: {UNREACHABLE, TO_CONFIRM, CONFIRMED, CANCELLED},
    UNREACHABLE: {NEW, TO_CONFIRM, CONFIRMED, CANCELLED},
    TO_CONFIRM: {NEW, UNREACHABLE, CONFIRMED, CANCELLED},
    CONFIRMED: {UNREACHABLE, TO_CONFIRM, SHIPPED, CANCELLED},
    SHIPPED: {FAILURE, DELIVERED, RETURNED, CANCELLED},
    FAILURE: {SHIPPED, DELIVERED, RETURNED, CANCELLED},
    DELIVERED: {RETURNED},
    RETURNED: set(),
    CANCELLED: set(),
}


def states(stages: list[Stage]) -> set[SystemState]:
    return {stage.state for stage in stages if stage.state is not None}


# --- the table of states --------------------------------------------------------------------------


def test_a_refused_move_says_what_is_allowed(agent: Membership, session: MerchantSession) -> None:
    order = shop.order(on=SHIPPED)

    with pytest.raises(Refused) as no:
        pipeline.move(order, shop.stage(NEW), by=By.user(agent))

    assert no.value.facts["allowed"] == [
        "Préparation",
        "Livrée",
        "Échec de livraison",
        "Retournée",
        "Annulée",
    ]
    names = {str(stage.id): stage.name for stage in shop.pipeline_of().stages}
    assert [names[i] for i in no.value.facts["allowed_ids"]] == no.value.facts["allowed"]


@pytest.mark.parametrize("here", list(SystemState))
def test_a_stage_without_state_is_open_to_all_and_leaves_the_state_alone(
    here: SystemState, agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=here)

    pipeline.move(order, shop.stage("Préparation"), by=By.user(agent))

    assert order.state == here
    assert states(pipeline.allowed(order, By.user(agent))) == ANYBODY[here] | {here}


def test_an_order_that_starts_on_a_stage_without_state_is_new(session: MerchantSession) -> None:
    assert shop.order(on="Préparation").state == NEW


def test_a_member_who_was_disabled_corrects_nothing(
    manager: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=CONFIRMED)
    manager.disabled_at = order.created_at

    assert NEW not in states(pipeline.allowed(order, By.user(manager)))


# --- the merchant's own rules ---------------------------------------------------------------------


def narrow(here: SystemState, *there: SystemState) -> None:
    for state in there:
        link = Transition(from_stage_id=shop.stage(here).id, to_stage_id=shop.stage(state).id)
        db.session().add(link)
    db.session().flush()


def test_transitions_of_the_merchant_narrow_the_states(
    agent: Membership, session: MerchantSession
) -> None:
    narrow(NEW, TO_CONFIRM, CANCELLED)
    order = shop.order(on=NEW)

    assert states(pipeline.allowed(order, By.user(agent))) == {TO_CONFIRM, CANCELLED}
    with pytest.raises(Refused, match="transition_refused"):
        pipeline.move(order, shop.stage(CONFIRMED), by=By.user(agent))


def test_transitions_of_the_merchant_never_widen_the_states(
    agent: Membership, session: MerchantSession
) -> None:
    narrow(SHIPPED, NEW, DELIVERED)
    order = shop.order(on=SHIPPED)

    assert states(pipeline.allowed(order, By.user(agent))) == {DELIVERED}


def test_a_stage_without_transitions_goes_wherever_its_state_may(
    agent: Membership, session: MerchantSession
) -> None:
    narrow(NEW, TO_CONFIRM)
    order = shop.order(on=TO_CONFIRM)

    assert states(pipeline.allowed(order, By.user(agent))) == ANYBODY[TO_CONFIRM]


def test_a_hidden_stage_takes_no_order(agent: Membership, session: MerchantSession) -> None:
    shop.stage(CONFIRMED).active = False
    order = shop.order(on=NEW)

    assert CONFIRMED not in states(pipeline.allowed(order, By.user(agent)))
    with pytest.raises(Refused, match="stage_hidden"):
        pipeline.move(order, shop.stage(CONFIRMED), by=By.user(agent))
    with pytest.raises(Refused, match="stage_hidden"):
        shop.order(on=CONFIRMED)


def test_a_stage_of_another_pipeline_takes_no_order(
    merchant: Merchant, agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    other = presets.apply(merchant, "cod", "en")
    db.session().flush()

    with pytest.raises(Refused, match="foreign_stage"):
        pipeline.move(order, other.stages[1], by=By.user(agent))


# --- what a move leaves behind --------------------------------------------------------------------


def test_a_move_stands_on_the_timeline_with_who_and_what(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=TO_CONFIRM)

    entry = pipeline.move(order, shop.stage(CONFIRMED), by=By.user(agent))

    assert (entry.kind, entry.actor, entry.actor_id) == ("moved", "user", agent.id)
    assert (entry.from_stage_id, entry.to_stage_id) == (
        shop.stage(TO_CONFIRM).id,
        shop.stage(CONFIRMED).id,
    )
    said = dict(entry.facts)
    assert said.pop("before").keys() == {"stage_entered_at", "call_due_at"}
    assert said == {
        "from": "À confirmer par appel",
        "to": "Confirmée",
        "from_state": "to_confirm",
        "to_state": "confirmed",
        "from_status": "pending",
        "to_status": "confirmed",
    }
    assert [e.kind for e in shop.entries_of(order)] == ["created", "moved"]


def test_the_timeline_keeps_the_names_stages_had_that_day(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=TO_CONFIRM)
    entry = pipeline.move(order, shop.stage(CONFIRMED), by=By.user(agent))

    shop.stage(CONFIRMED).name = "Validée"

    assert entry.facts["to"] == "Confirmée"


def test_a_move_is_told_in_the_conversation(agent: Membership, session: MerchantSession) -> None:
    talk = shop.conversation()
    order = shop.order(on=TO_CONFIRM, talk=talk)

    pipeline.move(order, shop.stage(CONFIRMED), by=By.user(agent))

    db.session().flush()
    (activity,) = db.session().query(Activity).filter_by(kind="order_moved")
    assert (activity.conversation_id, activity.actor_id) == (talk.id, agent.id)
    assert activity.facts == {
        "number": order.number,
        "from": "À confirmer par appel",
        "to": "Confirmée",
        "by": "user",
    }


def test_moving_to_the_stage_it_is_on_changes_nothing(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    first = pipeline.last_entry(order)

    again = pipeline.move(order, order.stage, by=By.user(agent), version=order.version)

    assert (again.id, order.version) == (first.id, 1)
    assert len(shop.entries_of(order)) == 1


def test_a_move_that_saw_an_older_order_is_refused_and_told_where_it_is(
    agent: Membership, manager: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(manager), version=1)

    with pytest.raises(Refused) as no:
        pipeline.move(order, shop.stage(CANCELLED), by=By.user(agent), version=1)

    assert (no.value.code, no.value.status) == ("moved_meanwhile", 409)
    assert no.value.facts["stage"] == "À confirmer par appel"


def test_the_same_drag_sent_twice_is_one_move(agent: Membership, session: MerchantSession) -> None:
    order = shop.order(on=NEW)

    for _ in range(2):
        pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent), version=1)

    assert [e.kind for e in shop.entries_of(order)] == ["created", "moved"]


def test_a_move_restarts_the_age_and_clears_the_flag(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    before, order.flags = order.stage_entered_at, ["stock_blocked"]
    db.session().flush()

    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    assert order.stage_entered_at > before
    assert order.flags == []


def test_an_order_a_page_has_loaded_with_all_it_shows_can_be_moved(
    merchant: Merchant, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        number = shop.order(on=NEW, talk=shop.conversation()).number

    with db.merchant(merchant.id):
        order = orders.find(number)
        pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    assert order.stage.state is TO_CONFIRM


def test_fifty_people_drag_one_card_and_one_of_them_moves_it(
    merchant: Merchant, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        order_id = shop.order(on=NEW).id
    line_up = Barrier(50)

    def drag(target: SystemState) -> str:
        with db.merchant(merchant.id) as session:
            order = session.get_one(Order, (merchant.id, order_id))
            stage = shop.stage(target)
            line_up.wait()
            try:
                pipeline.move(order, stage, by=By.user(agent), version=1)
            except Refused as no:
                return no.code
        return "moved"

    targets = [UNREACHABLE, *[TO_CONFIRM, CONFIRMED, CANCELLED] * 16, UNREACHABLE]
    with ThreadPoolExecutor(50) as people:
        told = list(people.map(drag, targets))

    # Who drags to the very stage the winner chose is told nothing: the card is where they want it.
    assert set(told) == {"moved", "moved_meanwhile"}
    assert told.count("moved") in (2, 16)
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, order_id))
        assert [e.kind for e in shop.entries_of(order)] == ["created", "moved"]
        assert pipeline.last_entry(order).to_stage_id == order.stage_id


def test_nobody_else_finds_the_order(
    merchant: Merchant, stranger: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    key = (merchant.id, order.id)
    db.commit()
    db.close()

    with db.merchant(stranger.merchant_id) as theirs:
        assert theirs.get(Order, key) is None


def test_both_columns_of_the_board_hear_of_a_move(
    merchant: Merchant, agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    db.commit()
    ear = outbox.connection().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis
    ear.subscribe(f"live:{merchant.id}")
    ear.get_message(timeout=5)

    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))
    db.commit()

    heard = ear.get_message(timeout=5)
    ear.close()
    assert heard is not None
    assert f"order:{order.number}" in str(heard["data"])
    assert f"stage:{shop.stage(NEW).id}" in str(heard["data"])
    assert f"stage:{shop.stage(TO_CONFIRM).id}" in str(heard["data"])

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from flows import bulk, pipeline, presets, stages
from flows.errors import Invalid, Refused
from flows.stages import Form, pipelines
from models import db
from models.automation import AutomationButton
from models.bulk import Bulk
from models.db import MerchantSession
from models.merchant import Merchant
from models.order import Order, StockPosition
from models.pipeline import Pipeline, Stage, SystemState
from models.tally import Tally
from models.timeline import By
from models.types import utcnow
from models.user import Membership
from tests.flows import shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)
PACKING = "Préparation"


def refusal(attempt: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as no:
        attempt()
    return no.value


def names() -> list[str]:
    db.session().flush()
    return [stage.name for stage in sorted(shop.pipeline_of().stages, key=lambda s: s.position)]


def sums() -> dict[UUID, tuple[int, ...]]:
    """What indicators are made of, per stage."""
    db.session().flush()
    kept = (Tally.orders, Tally.due, Tally.confirmed, Tally.shipped, Tally.delivered, Tally.revenue)
    rows = select(Tally.stage_id, *(func.sum(column) for column in kept)).group_by(Tally.stage_id)
    return {row[0]: tuple(int(n) for n in row[1:]) for row in db.session().execute(rows) if row[1]}


def places() -> dict[UUID, tuple[UUID, SystemState, int]]:
    db.session().flush()
    rows = db.session().execute(select(Order.id, Order.stage_id, Order.state, Order.version))
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


# --- adding, describing, ordering -----------------------------------------------------------------


def test_a_new_stage_stands_where_it_was_put_and_moves_no_order(session: MerchantSession) -> None:
    shop.order(on=PACKING)
    before = places()

    stage = stages.add(shop.pipeline_of(), Form(name=" Emballée ", color="blue"), place=6)

    assert names()[4:7] == [PACKING, "Emballée", "Expédiée"]
    assert [s.position for s in shop.pipeline_of().stages] == list(range(1, 12))
    assert (stage.name, stage.state, stage.active) == ("Emballée", None, True)
    assert places() == before


def test_without_a_place_it_stands_last(session: MerchantSession) -> None:
    stages.add(shop.pipeline_of(), Form(name="Archivée", state=CANCELLED))

    assert names()[-1] == "Archivée"


def test_a_stage_with_reasons_starts_with_the_usual_ones_of_its_state(
    session: MerchantSession,
) -> None:
    stage = stages.add(shop.pipeline_of(), Form(name="Fausse", state=CANCELLED))

    assert "Doublon" in stage.reasons


def test_reasons_are_kept_once_each_and_only_where_one_is_asked(session: MerchantSession) -> None:
    wanted = ("Fausse", " Fausse", "", "Doublon ")
    stages.describe(shop.stage(CANCELLED), Form(name="Annulée", reasons=wanted))
    stages.describe(shop.stage(NEW), Form(name="Nouvelle", reasons=wanted))

    assert shop.stage(CANCELLED).reasons == ["Fausse", "Doublon"]
    assert shop.stage(NEW).reasons == []


WRONG = [
    (Form(name="  "), "name"),
    (Form(name="x" * 41), "name"),
    (Form(name="LIVRÉE"), "name"),
    (Form(name="Ok", color="pink"), "color"),
    (Form(name="Ok", description="x" * 301), "description"),
    (Form(name="Ok", reasons=["x"] * 21), "reasons"),
]


def test_a_stage_that_cannot_be_says_which_field(session: MerchantSession) -> None:
    for form, field in WRONG:
        with pytest.raises(Invalid) as no:
            stages.add(shop.pipeline_of(), form)

        assert set(no.value.fields) == {field}


def test_renaming_and_reordering_touch_no_order_and_no_indicator(
    agent: Membership, session: MerchantSession
) -> None:
    for state in (NEW, CONFIRMED, DELIVERED):
        shop.order((None, 2), on=state)
    before = places(), sums()

    stages.describe(shop.stage(CONFIRMED), Form(name="Validée", color="purple", description="Ok"))
    reordered = sorted(shop.pipeline_of().stages, key=lambda stage: -stage.position)
    new = shop.stage(NEW)
    stages.reorder(
        shop.pipeline_of(), [new.id, *(stage.id for stage in reordered if stage is not new)]
    )

    assert (places(), sums()) == before
    assert names() == [
        "Nouvelle", "Annulée", "Retournée", "Échec de livraison", "Livrée", "Expédiée",
        PACKING, "Validée", "À confirmer par appel", "Injoignable",
    ]  # fmt: skip


def test_a_list_that_is_not_exactly_the_stages_orders_nothing(session: MerchantSession) -> None:
    before, of = names(), shop.pipeline_of()
    ids = [stage.id for stage in reversed(of.stages)]

    late, twice, foreign = ids[:-1], [*ids, ids[0]], [*ids[:-1], uuid4()]
    for wrong in (late, twice, [*ids[:-1], ids[0]], foreign):
        assert refusal(partial(stages.reorder, of, wrong)).code == "stages_changed"
    assert names() == before


def test_new_orders_never_begin_where_work_ends(session: MerchantSession) -> None:
    of = shop.pipeline_of()
    ids = [shop.stage(DELIVERED).id]
    ids += [stage.id for stage in of.stages if stage.id not in ids]

    no = refusal(lambda: stages.reorder(of, ids))

    assert (no.code, no.facts["stage"]) == ("no_start", "Livrée")


# --- hiding ---------------------------------------------------------------------------------------


def test_a_hidden_stage_keeps_its_orders_and_takes_no_more(
    agent: Membership, session: MerchantSession
) -> None:
    order, other = shop.order(on=UNREACHABLE), shop.order(on=NEW)

    stages.hide(shop.stage(UNREACHABLE))

    assert order.stage.state is UNREACHABLE
    assert UNREACHABLE not in {s.state for s in pipeline.allowed(other, By.user(agent))}
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))
    stages.show(shop.stage(UNREACHABLE))
    assert UNREACHABLE in {s.state for s in pipeline.allowed(other, By.user(agent))}


def test_when_the_first_stage_is_hidden_orders_begin_on_the_next(session: MerchantSession) -> None:
    stages.hide(shop.stage(NEW))

    assert shop.pipeline_of().first_stage.state is UNREACHABLE


def test_the_last_stage_an_order_can_begin_on_stays_visible(session: MerchantSession) -> None:
    for where in (UNREACHABLE, TO_CONFIRM, CONFIRMED, PACKING):
        stages.hide(shop.stage(where))

    assert refusal(lambda: stages.hide(shop.stage(NEW))).code == "no_start"


def test_the_last_visible_stage_stays(merchant: Merchant, session: MerchantSession) -> None:
    of = pipelines.begin("blank")
    stages.hide(of.stages[1])

    assert refusal(lambda: stages.hide(of.stages[0])).code == "last_stage"


# --- deleting -------------------------------------------------------------------------------------


def test_the_orders_of_a_deleted_stage_move_next_door_and_nothing_is_sent(
    merchant: Merchant, manager: Membership, session: MerchantSession
) -> None:
    """Scenario 11: five orders, the nearest stage of the same state, no message, same sums."""
    twin = stages.add(shop.pipeline_of(), Form(name="Confirmée web", state=CONFIRMED), place=8)
    shop.automation("Confirmée web", buttons={}, retrigger=True)
    talk, bag = shop.conversation(), shop.bag()
    orders = [shop.order((bag, 1), on="Confirmée", talk=talk) for _ in range(5)]
    before, total = shop.held(bag), [sum(column) for column in zip(*sums().values(), strict=True)]

    stages.delete(stages.find(orders[0].stage_id), by=manager)

    for order in orders:
        assert (order.stage_id, order.state) == (twin.id, CONFIRMED)
        entry = pipeline.last_entry(order)
        assert (entry.kind, entry.actor_id, entry.to_stage_id) == (
            "stage_deleted",
            manager.id,
            twin.id,
        )
        assert shop.runs_of(order) == []
    assert shop.held(bag) == before
    assert [sum(column) for column in zip(*sums().values(), strict=True)] == total
    assert "Confirmée" not in names()


def test_a_deleted_stage_is_on_no_screen_but_history_still_tells_it(
    agent: Membership, manager: Membership, session: MerchantSession
) -> None:
    gone = shop.stage(UNREACHABLE)
    order = shop.order(on=UNREACHABLE)
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    stages.delete(gone, by=manager)

    assert refusal(lambda: stages.find(gone.id)).status == 404
    assert gone not in shop.pipeline_of().stages
    assert [s.position for s in shop.pipeline_of().stages] == list(range(1, 10))
    assert [e.facts["to"] for e in shop.entries_of(order)] == [
        "Injoignable",
        "À confirmer par appel",
    ]
    assert refusal(lambda: pipeline.move(order, gone, by=By.user(agent))).code == "stage_deleted"


NEXT_DOOR: list[tuple[list[SystemState | None], int, int]] = [
    # (the pipeline's states, which one goes, where its orders go)
    ([NEW, CONFIRMED, SHIPPED, CONFIRMED], 1, 3),
    ([NEW, CONFIRMED, CONFIRMED, CONFIRMED], 2, 1),
    ([NEW, UNREACHABLE, CONFIRMED], 1, 0),
    ([NEW, CONFIRMED, SHIPPED, DELIVERED], 2, 1),
    ([NEW, TO_CONFIRM], 0, 1),
    ([None, NEW, None, CONFIRMED], 2, 0),
]


def test_next_door_is_the_same_state_nearby_else_earlier_else_next(
    manager: Membership, session: MerchantSession
) -> None:
    orders = [shop.order() for _ in NEXT_DOOR]
    for order, (states, gone, target) in zip(orders, NEXT_DOOR, strict=True):
        rows = list(made_of(states).stages)
        pipeline.relocate(order, rows[gone], "seeded", by=By.user(manager))

        assert stages.removal(rows[gone]).target is rows[target]
        stages.delete(rows[gone], by=manager, agreed=True)

        assert order.stage is rows[target]


def made_of(states: list[SystemState | None]) -> Pipeline:
    of = Pipeline(name="Test")
    of.every_stage = [
        Stage(position=place, name=f"s{place}", color="gray", state=state)
        for place, state in enumerate(states, start=1)
    ]
    db.session().add(of)
    db.session().flush()
    return of


def test_hidden_stages_are_no_neighbours(session: MerchantSession) -> None:
    stages.hide(shop.stage(TO_CONFIRM))

    assert stages.removal(shop.stage(CONFIRMED)).target.state is UNREACHABLE


def test_when_the_state_would_change_somebody_must_say_so(
    manager: Membership, session: MerchantSession
) -> None:
    bag = shop.bag()
    order = shop.order((bag, 3), on=CONFIRMED)
    plan = stages.removal(shop.stage(CONFIRMED))
    assert (plan.target.state, plan.orders, plan.changing) == (TO_CONFIRM, 1, 1)

    no = refusal(lambda: stages.delete(shop.stage(CONFIRMED), by=manager))
    assert (no.code, no.status, order.state) == ("state_differs", 409, CONFIRMED)

    stages.delete(shop.stage(CONFIRMED), by=manager, agreed=True)
    assert (order.state, shop.held(bag)) == (TO_CONFIRM, (10, 0))


def test_orders_on_a_stage_without_state_keep_theirs_where_they_can(
    manager: Membership, session: MerchantSession
) -> None:
    packed, waiting = shop.order(on=CONFIRMED), shop.order(on=NEW)
    for order in (packed, waiting):
        pipeline.move(order, shop.stage(PACKING), by=By.user(manager))

    plan = stages.removal(shop.stage(PACKING))

    assert (plan.target.state, plan.orders, plan.changing) == (CONFIRMED, 2, 1)


def test_a_neighbour_whose_goods_are_not_there_refuses_the_deletion(
    merchant: Merchant, manager: Membership
) -> None:
    with db.merchant(merchant.id):
        bag = shop.bag(stock_of=0)
        order = shop.order((bag, 1), on=PACKING)
        shop.order(on=NEW)

    with db.merchant(merchant.id):
        no = refusal(lambda: stages.delete(shop.stage(PACKING), by=manager, agreed=True))
        assert no.code == "insufficient_stock"
        db.rollback()
        assert (db.session().get_one(Order, (merchant.id, order.id)).stage.name) == PACKING


def test_what_led_to_a_deleted_stage_leads_nowhere_and_what_it_sent_is_off(
    manager: Membership, session: MerchantSession
) -> None:
    asks = shop.automation(TO_CONFIRM, fallback_stage=shop.stage(UNREACHABLE), timeout=3600)
    asks.buttons.append(AutomationButton(index=2, stage=shop.stage(UNREACHABLE)))
    sends = shop.automation(UNREACHABLE, buttons={})
    db.session().flush()
    plan = stages.removal(shop.stage(UNREACHABLE))
    assert list(plan.automations) == [sends]
    assert [button.index for button in plan.buttons] == [2]
    assert list(plan.fallbacks) == [asks]

    stages.delete(shop.stage(UNREACHABLE), by=manager)

    db.session().flush()
    assert (sends.active, asks.active, asks.fallback_stage) == (False, True, None)
    assert [button.stage is None for button in asks.buttons] == [False, False, True]


def test_the_last_stage_an_order_can_begin_on_is_not_deleted(
    manager: Membership, session: MerchantSession
) -> None:
    of = pipelines.begin("blank")

    assert refusal(lambda: stages.delete(of.stages[0], by=manager)).code == "no_start"


def test_transitions_to_a_deleted_stage_lead_to_its_neighbour(
    agent: Membership, manager: Membership, session: MerchantSession
) -> None:
    stages.set_transitions(shop.stage(NEW), [shop.stage(UNREACHABLE).id])
    order = shop.order(on=NEW)

    stages.delete(shop.stage(TO_CONFIRM), by=manager)
    assert [s.state for s in pipeline.allowed(order, By.user(agent))] == [UNREACHABLE]
    stages.set_transitions(shop.stage(UNREACHABLE), [shop.stage(CONFIRMED).id])
    stages.delete(shop.stage(CONFIRMED), by=manager)

    # Its neighbour is the stage itself: what is left is what the states allow.
    assert stages.transitions(shop.pipeline_of()) == {
        shop.stage(NEW).id: {shop.stage(UNREACHABLE).id}
    }


def test_many_orders_move_next_door_in_the_background(
    merchant: Merchant, manager: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.stages.deleting.AT_ONCE", 2)
    with db.merchant(merchant.id):
        ids = [shop.order(on=UNREACHABLE).id for _ in range(3)]

    with db.merchant(merchant.id) as session:
        begun = stages.delete(shop.stage(UNREACHABLE), by=manager, agreed=True)
        assert begun is not None
        assert not shop.stage(UNREACHABLE).active
    bulk.drain(merchant.id)

    with db.merchant(merchant.id) as session:
        done = session.get_one(Bulk, (merchant.id, begun.id))
        assert (done.state, done.total, done.done, done.refused) == ("done", 3, 3, 0)
        moved = [session.get_one(Order, (merchant.id, id_)) for id_ in ids]
        assert {order.stage.state for order in moved} == {NEW}
        assert shop.stage(UNREACHABLE).deleted_at is not None


def test_nobody_enters_a_stage_while_it_is_deleted(
    merchant: Merchant, agent: Membership, manager: Membership
) -> None:
    with db.merchant(merchant.id):
        ids = [shop.order(on=NEW).id for _ in range(6)]
    line_up = Barrier(len(ids) + 1)

    def enter(order_id: UUID) -> str:
        with db.merchant(merchant.id) as session:
            order = session.get_one(Order, (merchant.id, order_id))
            stage = shop.stage(UNREACHABLE)
            line_up.wait()
            return _code(lambda: pipeline.move(order, stage, by=By.user(agent)))

    def remove() -> str:
        with db.merchant(merchant.id):
            stage = shop.stage(UNREACHABLE)
            line_up.wait()
            return _code(lambda: stages.delete(stage, by=manager, agreed=True))

    with ThreadPoolExecutor(len(ids) + 1) as people:
        deleted = people.submit(remove)
        moved = list(people.map(enter, ids))

    assert set(moved) <= {"done", "stage_deleted"}
    with db.merchant(merchant.id) as session:
        gone = shop.stage(UNREACHABLE)
        left = session.scalar(
            select(func.count()).select_from(Order).where(Order.stage_id == gone.id)
        )
        if deleted.result() == "done":
            assert (gone.deleted_at is not None, left) == (True, 0)
        else:
            assert (deleted.result(), gone.deleted_at) == ("stage_busy", None)


def _code(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except Refused as no:
        return no.code
    return "done"


# --- another state --------------------------------------------------------------------------------


def test_a_stage_that_means_something_else_reclassifies_the_orders_on_it_now(
    agent: Membership, manager: Membership, session: MerchantSession
) -> None:
    bag = shop.bag()
    here, passed = shop.order((bag, 2), on=PACKING), shop.order((bag, 1), on=PACKING)
    pipeline.move(passed, shop.stage(CANCELLED), by=By.user(agent))
    since, past = here.stage_entered_at, [dict(e.facts) for e in shop.entries_of(passed)]

    stages.change_state(shop.stage(PACKING), CONFIRMED, by=manager)

    assert (here.stage.name, here.state, here.stage_entered_at) == (PACKING, CONFIRMED, since)
    assert (shop.held(bag), here.confirmed_at is not None) == ((8, 2), True)
    entry = pipeline.last_entry(here)
    assert (entry.kind, entry.actor_id, entry.from_stage_id) == (
        "reclassified",
        manager.id,
        entry.to_stage_id,
    )
    told = {name: entry.facts[name] for name in ("from_state", "to_state", "to_status")}
    assert told == {"from_state": "new", "to_state": "confirmed", "to_status": "confirmed"}
    assert (passed.state, [dict(e.facts) for e in shop.entries_of(passed)]) == (CANCELLED, past)
    assert sums()[here.stage_id][2] == 1


def test_without_its_state_a_stage_is_purely_logistical(
    manager: Membership, session: MerchantSession
) -> None:
    bag = shop.bag()
    order = shop.order((bag, 2), on=CONFIRMED)
    confirmed = order.stage

    stages.change_state(confirmed, None, by=manager)

    assert (order.state, order.status, shop.held(bag)) == (CONFIRMED, "processing", (8, 2))
    entry = pipeline.last_entry(order)
    assert (entry.facts["from_status"], entry.facts["to_status"]) == ("confirmed", "processing")


def test_the_preview_says_what_a_change_would_do_and_changes_nothing(
    session: MerchantSession,
) -> None:
    bag, scarf = shop.bag(stock_of=1), shop.bag(stock_of=5)
    shop.order((bag, 2), (scarf, 1), on=TO_CONFIRM)
    shop.order((scarf, 1), on=TO_CONFIRM)
    shop.order(on=TO_CONFIRM)
    asks = shop.automation(TO_CONFIRM)
    before = places(), shop.held(bag)

    effect = stages.impact(shop.stage(TO_CONFIRM), SHIPPED)

    assert (effect.orders, effect.takes, effect.releases, effect.short_orders) == (3, 2, 0, 1)
    assert [(s.needed, s.available) for s in effect.short] == [(2, 1)]
    assert list(effect.automations) == [asks]
    # From Shipped no customer confirms; cancelling stays possible.
    assert [(b.automation, b.button, b.target.state) for b in effect.broken] == [
        (asks, "Confirmer", CONFIRMED)
    ]
    assert effect.stock == ""
    assert (places(), shop.held(bag)) == before


def test_the_preview_warns_where_stock_is_reserved_and_what_would_be_free_again(
    session: MerchantSession,
) -> None:
    shop.order((shop.bag(), 2), on=CONFIRMED)
    asks = shop.automation(TO_CONFIRM, fallback_stage=shop.stage(CONFIRMED), timeout=60)

    effect = stages.impact(shop.stage(CONFIRMED), DELIVERED)
    assert (effect.stock, effect.takes, effect.releases) == ("reserved", 0, 0)
    assert [(b.automation, b.button) for b in effect.broken] == [(asks, "Confirmer"), (asks, "")]
    assert stages.impact(shop.stage(CONFIRMED), NEW).releases == 1


def test_short_goods_refuse_the_whole_change_and_are_named(
    merchant: Merchant, manager: Membership
) -> None:
    with db.merchant(merchant.id):
        bag = shop.bag(stock_of=2)
        for _ in range(3):
            shop.order((bag, 1), on=TO_CONFIRM)

    with db.merchant(merchant.id):
        no = refusal(lambda: stages.change_state(shop.stage(TO_CONFIRM), CONFIRMED, by=manager))
        db.rollback()

        assert (no.code, no.status) == ("insufficient_stock", 409)
        assert no.facts["goods"] == f"{bag.name} (2/3)"
        assert (shop.stage("À confirmer par appel").state, shop.held(bag)) == (TO_CONFIRM, (2, 0))


def test_who_sells_what_is_not_there_may_reclassify_it_too(
    merchant: Merchant, manager: Membership, session: MerchantSession
) -> None:
    session.get_one(Merchant, merchant.id).allow_negative_stock = True
    bag = shop.bag(stock_of=0)
    shop.order((bag, 1), on=TO_CONFIRM)

    stages.change_state(shop.stage(TO_CONFIRM), CONFIRMED, by=manager)

    assert shop.held(bag) == (-1, 1)


def test_many_orders_are_reclassified_in_the_background_each_with_its_result(
    merchant: Merchant, manager: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.stages.meaning.AT_ONCE", 2)
    with db.merchant(merchant.id):
        bag = shop.bag(stock_of=2)
        for _ in range(3):
            shop.order((bag, 1), on=TO_CONFIRM)

    with db.merchant(merchant.id):
        begun = stages.change_state(shop.stage(TO_CONFIRM), CONFIRMED, by=manager)
        assert begun is not None
    bulk.drain(merchant.id)

    with db.merchant(merchant.id) as session:
        done = session.get_one(Bulk, (merchant.id, begun.id))
        assert (done.state, done.total, done.refused) == ("done", 3, 1)
        assert sorted(item.outcome or "" for item in done.items) == [
            "insufficient_stock",
            "moved",
            "moved",
        ]
        assert shop.held(bag) == (0, 2)


def test_reasons_come_and_go_with_the_state(manager: Membership, session: MerchantSession) -> None:
    stages.change_state(shop.stage(CANCELLED), RETURNED, by=manager)
    assert "Produit endommagé" in stages.find(shop.stage("Annulée").id).reasons

    stages.change_state(shop.stage("Annulée"), None, by=manager)
    assert shop.stage("Annulée").reasons == []


def test_the_first_stage_must_stay_one_where_work_begins(
    manager: Membership, session: MerchantSession
) -> None:
    no = refusal(lambda: stages.change_state(shop.stage(NEW), DELIVERED, by=manager))

    assert no.code == "no_start"


def test_an_administrative_change_keeps_what_people_know_of_the_order(
    manager: Membership, session: MerchantSession
) -> None:
    twin = stages.add(shop.pipeline_of(), Form(name="Rappel", state=TO_CONFIRM))
    order = shop.order(on="Rappel")
    order.call_due_at = due = utcnow()
    order.raise_flag("stock_blocked")
    reasoned = shop.order(on=CONFIRMED)
    pipeline.move(reasoned, shop.stage(CANCELLED), by=By.user(manager), reason="Doublon")
    stages.add(shop.pipeline_of(), Form(name="Autre fin", state=CANCELLED))
    db.session().flush()

    stages.delete(twin, by=manager)
    stages.delete(shop.stage("Annulée"), by=manager)

    assert (order.call_due_at, order.flags) == (due, ["stock_blocked"])
    assert (reasoned.stage.name, reasoned.reason) == ("Autre fin", "Doublon")


# --- transitions ----------------------------------------------------------------------------------


def test_the_matrix_shows_what_is_chosen_and_what_the_states_never_allow(
    session: MerchantSession,
) -> None:
    stages.set_transitions(shop.stage(NEW), [shop.stage(TO_CONFIRM).id, shop.stage(PACKING).id])

    first, *others = stages.matrix(shop.pipeline_of())

    assert (first.stage.state, first.free) == (NEW, False)
    assert all(line.free for line in others)
    shown = {cell.target.state or PACKING: (cell.possible, cell.chosen) for cell in first.cells}
    assert shown[TO_CONFIRM] == shown[PACKING] == (True, True)
    assert shown[CONFIRMED] == (True, False)
    assert shown[DELIVERED] == shown[NEW] == (False, False)


@pytest.mark.parametrize("state", [DELIVERED, NEW], ids=["never", "itself"])
def test_a_transition_the_states_never_allow_is_refused(
    state: SystemState, session: MerchantSession
) -> None:
    wish = [shop.stage(CONFIRMED).id, shop.stage(state).id]

    no = refusal(lambda: stages.set_transitions(shop.stage(NEW), wish))

    assert no.code == "transition_refused"
    assert stages.transitions(shop.pipeline_of()) == {}


def test_a_transition_to_another_pipeline_is_refused(
    merchant: Merchant, session: MerchantSession
) -> None:
    new = shop.stage(NEW)
    other = presets.apply(merchant, "cod", "en")
    db.session().flush()

    no = refusal(lambda: stages.set_transitions(new, [other.stages[3].id]))

    assert no.code == "foreign_stage"


def test_an_empty_row_is_everything_the_states_allow(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=NEW)
    free = pipeline.allowed(order, By.user(agent))
    stages.set_transitions(shop.stage(NEW), [shop.stage(CANCELLED).id])
    assert [s.state for s in pipeline.allowed(order, By.user(agent))] == [CANCELLED]

    stages.set_transitions(shop.stage(NEW), [])

    assert pipeline.allowed(order, By.user(agent)) == free


def test_transitions_that_become_impossible_are_dropped(
    manager: Membership, session: MerchantSession
) -> None:
    new, confirmed, packing = shop.stage(NEW), shop.stage(CONFIRMED), shop.stage(PACKING)
    stages.set_transitions(new, [confirmed.id, packing.id])

    stages.change_state(packing, DELIVERED, by=manager)

    assert stages.transitions(new.pipeline) == {new.id: {confirmed.id}}


# --- pipelines ------------------------------------------------------------------------------------


def test_a_further_pipeline_stands_beside_the_first(
    agent: Membership, session: MerchantSession
) -> None:
    first = shop.pipeline_of()

    second = pipelines.begin("services", name="Installation")

    assert list(pipelines.listed()) == [first, second]
    assert (second.name, second.ships, len(second.stages)) == ("Installation", False, 5)
    assert second.stages[0].name == "Demande"


@pytest.mark.parametrize("name", ["Paiement à la livraison", "x" * 61])
def test_a_pipeline_needs_a_name_of_its_own(name: str, session: MerchantSession) -> None:
    with pytest.raises(Invalid):
        pipelines.begin("blank", name=name)


def test_a_pipeline_is_renamed_and_told_that_nothing_is_shipped(
    agent: Membership, session: MerchantSession
) -> None:
    order = shop.order(on=CONFIRMED)

    pipelines.describe(shop.pipeline_of(), name="Ventes", ships=False)

    assert shop.pipeline_of().name == "Ventes"
    assert DELIVERED in {stage.state for stage in pipeline.allowed(order, By.user(agent))}


def test_an_empty_pipeline_can_be_given_up_and_one_with_orders_cannot(
    manager: Membership, session: MerchantSession
) -> None:
    first, spare = shop.pipeline_of(), pipelines.begin("blank")
    shop.order(on=TO_CONFIRM)

    pipelines.give_up(spare)
    db.session().flush()

    assert list(pipelines.listed()) == [first]
    assert refusal(lambda: pipelines.give_up(first)).code == "last_pipeline"
    pipelines.begin("digital")
    assert refusal(lambda: pipelines.give_up(first)).code == "pipeline_used"


def test_a_stage_no_order_can_come_to_is_named(session: MerchantSession) -> None:
    of = pipelines.begin("blank")
    assert stages.out_of_reach(of) == []

    pipelines.describe(of, name="Colis", ships=True)

    assert [stage.state for stage in stages.out_of_reach(of)] == [DELIVERED]


def test_counts_are_those_of_the_orders(session: MerchantSession) -> None:
    for state in (NEW, NEW, CONFIRMED):
        shop.order(on=state)
    shop.automation(TO_CONFIRM)
    db.session().flush()

    of = shop.pipeline_of()
    assert stages.counts(of) == {shop.stage(NEW).id: 2, shop.stage(CONFIRMED).id: 1}
    assert stages.automations(of) == {shop.stage(TO_CONFIRM).id: 1}


def test_lines_that_stock_does_not_know_never_stand_in_the_way(
    manager: Membership, session: MerchantSession
) -> None:
    order = shop.order((None, 3), on=TO_CONFIRM)

    assert stages.impact(shop.stage(TO_CONFIRM), CONFIRMED).takes == 0
    stages.change_state(shop.stage(TO_CONFIRM), CONFIRMED, by=manager)

    assert [line.stock for line in order.lines] == [StockPosition.NONE]

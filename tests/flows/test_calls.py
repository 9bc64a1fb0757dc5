from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import update

from flows import calls, pipeline
from flows.errors import Invalid, NotFound, Refused
from models import db
from models.db import MerchantSession
from models.merchant import Merchant
from models.order import CallAttempt, Order
from models.pipeline import SystemState
from models.timeline import SYSTEM
from models.types import new_id, utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

# A Wednesday in winter; Casablanca is an hour ahead of UTC.
NINE = datetime(2026, 11, 18, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NINE, tick=False):
        yield


@pytest.fixture
def mina(salma: Membership, manager: Membership, session: MerchantSession) -> Membership:
    found: Membership = session.merge(manager, load=False)
    return found


def due(**values: Any) -> Order:
    """An order that waits for a call; a free product, unless `lines` says otherwise."""
    lines = values.pop("lines", [(None, 1)])
    return shop.order(*lines, **({"on": SystemState.TO_CONFIRM} | values))


def called(order: Order, outcome: str, by: Membership, **facts: Any) -> CallAttempt:
    """`by` was handed the order and says how the call ended."""
    calls.hand_over(order, by)
    db.session().flush()
    return calls.conclude(order, outcome, by=by, **({"client_id": new_id()} | facts))


def merchants(**rules: Any) -> None:
    db.session().execute(update(Merchant).values(**rules))
    db.session().expire_all()


def at(hour: int, *, day: int = 18) -> datetime:
    """That hour in Casablanca."""
    return datetime(2026, 11, day, hour - 1, tzinfo=UTC)


# --- whom to call next ----------------------------------------------------------------------------


def test_an_order_to_confirm_is_due_at_once_and_others_are_not(salma: Membership) -> None:
    waiting = due()
    shop.order((None, 1), on=SystemState.NEW)

    assert calls.next_order(salma) is waiting
    assert (waiting.caller_id, waiting.caller_until) == (salma.id, NINE + calls.LOCK)


def test_urgent_ones_come_first_then_whoever_waited_longest(
    salma: Membership, mina: Membership
) -> None:
    first, second, third = (due() for _ in range(3))
    second.call_due_at = NINE - timedelta(hours=2)
    third.call_due_at = NINE - timedelta(hours=1)
    first.urgent = True
    db.session().flush()

    assert calls.next_order(salma) is first
    assert calls.next_order(mina) is second


def test_what_is_due_later_is_not_handed_out_before(salma: Membership) -> None:
    later = due()
    later.call_due_at = NINE + timedelta(minutes=1)
    db.session().flush()

    assert calls.next_order(salma) is None
    with time_machine.travel(NINE + timedelta(minutes=1), tick=False):
        assert calls.next_order(salma) is later


def test_a_reload_brings_the_same_order_back_even_when_an_urgent_one_came(
    salma: Membership,
) -> None:
    mine = due()
    calls.next_order(salma)
    due(urgent=True)

    assert calls.next_order(salma) is mine


def test_an_order_is_somebody_elses_after_ten_minutes(salma: Membership, mina: Membership) -> None:
    order = due()
    calls.next_order(salma)
    db.session().flush()

    assert calls.next_order(mina) is None
    with time_machine.travel(NINE + calls.LOCK + timedelta(seconds=1), tick=False):
        assert calls.next_order(mina) is order


def test_a_page_that_stays_open_keeps_its_order(salma: Membership, mina: Membership) -> None:
    order = due()
    calls.next_order(salma)

    with time_machine.travel(NINE + timedelta(minutes=9), tick=False):
        calls.renew(order, salma)
        db.session().flush()
    with time_machine.travel(NINE + timedelta(minutes=18), tick=False):
        assert calls.next_order(mina) is None


def test_who_leaves_gives_the_order_back_but_may_be_reloading(
    salma: Membership, mina: Membership
) -> None:
    order = due()
    calls.next_order(salma)
    db.session().flush()

    calls.release(salma)

    assert calls.next_order(mina) is None
    with time_machine.travel(NINE + timedelta(seconds=30), tick=False):
        assert calls.next_order(mina) is order


def test_one_order_can_be_asked_for_by_name(salma: Membership, mina: Membership) -> None:
    later, done = due(), shop.order((None, 1), on=SystemState.CONFIRMED)
    later.call_due_at = NINE + timedelta(days=1)
    db.session().flush()

    assert calls.take(later.number, salma) is later
    db.session().flush()
    with pytest.raises(Refused) as busy:
        calls.take(later.number, mina)
    with pytest.raises(Refused) as needless:
        calls.take(done.number, mina)
    with pytest.raises(NotFound):
        calls.take(1, mina)
    assert (busy.value.code, needless.value.code) == ("called_by_another", "not_to_call")


def test_ten_people_asking_at_once_get_ten_orders(merchant: Merchant) -> None:
    people = [factories.member(merchant, "confirmation_agent") for _ in range(10)]
    with db.merchant(merchant.id):
        for _ in range(12):
            due()
    together = Barrier(10)

    def ask(who: Membership) -> int | None:
        with db.merchant(merchant.id) as session:
            together.wait()
            order = calls.next_order(session.merge(who, load=False))
            return order.number if order else None

    with ThreadPoolExecutor(10) as threads:
        numbers = list(threads.map(ask, people))

    assert None not in numbers
    assert len(set(numbers)) == 10


# --- how calls end --------------------------------------------------------------------------------


def test_nobody_answers_and_the_order_is_due_again_when_the_rule_says(salma: Membership) -> None:
    merchants(call_again_minutes=45)
    order = due()

    attempt = called(order, "no_answer", salma, note="sonne dans le vide")

    assert order.call_due_at == attempt.again_at == NINE + timedelta(minutes=45)
    assert (order.call_attempts, order.caller_id) == (1, None)
    (entry,) = shop.entries_of(order, "called")
    assert entry.facts["outcome"] == "no_answer"
    assert entry.facts["note"] == "sonne dans le vide"


def test_the_last_try_makes_it_unreachable_and_due_tomorrow_at_ten(salma: Membership) -> None:
    merchants(call_limit=2)
    order = due()

    states = [order.state for _ in range(2) if called(order, "no_answer", salma)]

    assert states == [SystemState.TO_CONFIRM, SystemState.UNREACHABLE]
    assert order.call_due_at == at(10, day=19)


def test_an_unreachable_order_is_tried_as_often_again_and_then_no_more(salma: Membership) -> None:
    merchants(call_limit=2)
    order = due()

    for _ in range(3):
        called(order, "no_answer", salma)
    assert order.call_due_at == at(10, day=19)
    called(order, "no_answer", salma)

    assert order.call_due_at is None
    assert order.state is SystemState.UNREACHABLE


def test_without_a_stage_for_it_the_order_stays_and_comes_back_tomorrow(salma: Membership) -> None:
    merchants(call_limit=1)
    order = due()
    shop.stage(SystemState.UNREACHABLE).active = False

    called(order, "no_answer", salma)

    assert (order.state, order.call_due_at) == (SystemState.TO_CONFIRM, at(10, day=19))


def test_a_busy_line_is_tried_soon_and_counts_as_no_refusal(salma: Membership) -> None:
    merchants(call_limit=1)
    order = due()

    called(order, "busy", salma)

    assert order.call_due_at == NINE + timedelta(minutes=10)
    assert (order.state, order.call_attempts) == (SystemState.TO_CONFIRM, 1)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("hour", at(10)), ("evening", at(18)), ("morning", at(10, day=19))],
)
def test_later_is_on_the_merchants_clock(
    choice: str, expected: datetime, salma: Membership
) -> None:
    zone = db.session().get_one(Merchant, salma.merchant_id).zone
    order = due()

    called(order, "postponed", salma, again_at=calls.again_at(choice, zone, utcnow()))

    assert order.call_due_at == expected


def test_this_evening_is_no_choice_any_more_at_night(salma: Membership) -> None:
    zone = db.session().get_one(Merchant, salma.merchant_id).zone

    assert list(calls.presets(zone, at(17))) == ["hour", "evening", "morning"]
    assert list(calls.presets(zone, at(19))) == ["hour", "morning"]
    assert calls.again_at("evening", zone, at(19)) is None
    assert calls.again_at("some day", zone, at(19)) is None


@pytest.mark.parametrize("when", [None, NINE, NINE - timedelta(hours=1), NINE + timedelta(days=90)])
def test_later_must_lie_ahead(when: datetime | None, salma: Membership) -> None:
    order = due()

    with pytest.raises(Invalid) as wrong:
        called(order, "postponed", salma, again_at=when)

    assert list(wrong.value.fields) == ["again_at"]


@pytest.mark.parametrize("outcome", ["wrong_number", "fake", "duplicate", "cancelled"])
def test_what_ends_an_order_cancels_it_for_that_reason(outcome: str, salma: Membership) -> None:
    order = due()

    called(order, outcome, salma)

    assert (order.state, order.reason) == (SystemState.CANCELLED, outcome)
    assert order.call_due_at is None


def test_a_confirmed_order_moves_and_promises_its_goods(salma: Membership) -> None:
    bag = shop.bag(5)
    order = due(lines=[(bag, 2)])

    called(order, "confirmed", salma)

    assert order.state is SystemState.CONFIRMED
    assert shop.held(bag) == (3, 2)
    (move,) = [e for e in shop.entries_of(order, "moved") if e.to_stage_id == order.stage_id]
    assert move.facts["outcome"] == "confirmed"
    assert move.actor_id == salma.id


def test_an_unreachable_customer_who_answers_at_last_confirms(salma: Membership) -> None:
    merchants(call_limit=1)
    order = due()
    called(order, "no_answer", salma)

    called(order, "confirmed", salma)

    assert order.state is SystemState.CONFIRMED


def test_stock_that_is_short_refuses_and_the_order_stays_with_who_called(
    salma: Membership,
) -> None:
    order = due(lines=[(shop.bag(1), 2)])
    calls.hand_over(order, salma)
    db.session().commit()

    with pytest.raises(Refused) as no:
        calls.conclude(order, "confirmed", by=salma, client_id=new_id())
    db.session().rollback()

    assert no.value.code == "insufficient_stock"
    assert calls.next_order(salma) is order
    assert (order.state, order.call_attempts) == (SystemState.TO_CONFIRM, 0)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [(SystemState.CONFIRMED, "confirmed"), (SystemState.CANCELLED, "fake")],
)
def test_a_pipeline_without_such_a_stage_says_so(
    state: SystemState, outcome: str, salma: Membership
) -> None:
    order = due()
    shop.stage(state).active = False

    with pytest.raises(Refused) as no:
        called(order, outcome, salma)

    assert no.value.code == "no_such_stage"


def test_an_outcome_that_does_not_exist_is_none(salma: Membership) -> None:
    with pytest.raises(Invalid):
        called(due(), "married", salma)


# --- once, and by one person ----------------------------------------------------------------------


def test_the_same_call_told_twice_is_one(salma: Membership) -> None:
    order, once = due(), uuid4()

    first = called(order, "no_answer", salma, client_id=once)
    again = calls.conclude(order, "no_answer", by=salma, client_id=once)

    assert again is first
    assert order.call_attempts == 1
    assert len(shop.entries_of(order, "called")) == 1


def test_a_double_click_at_the_same_moment_is_one_call(merchant: Merchant) -> None:
    who = factories.member(merchant, "confirmation_agent")
    with db.merchant(merchant.id) as session:
        order = due(lines=[(shop.bag(5), 1)])
        calls.hand_over(order, session.merge(who, load=False))
    once, together = uuid4(), Barrier(4)

    def click(_: int) -> str:
        with db.merchant(merchant.id) as session:
            found = session.get_one(Order, (merchant.id, order.id))
            together.wait()
            me = session.merge(who, load=False)
            return calls.conclude(found, "confirmed", by=me, client_id=once, version=1).outcome

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(click, range(4)))

    assert outcomes == ["confirmed"] * 4
    with db.merchant(merchant.id) as session:
        assert session.get_one(Order, (merchant.id, order.id)).call_attempts == 1


def test_a_late_outcome_after_somebody_else_took_over_is_refused(
    salma: Membership, mina: Membership
) -> None:
    order = due()
    calls.next_order(salma)
    with time_machine.travel(NINE + timedelta(minutes=11), tick=False):
        calls.next_order(mina)
        db.session().flush()

        with pytest.raises(Refused) as late:
            calls.conclude(order, "confirmed", by=salma, client_id=new_id())
        calls.conclude(order, "no_answer", by=mina, client_id=new_id())
        with pytest.raises(Refused) as later:
            calls.conclude(order, "confirmed", by=salma, client_id=new_id())

    assert (late.value.code, late.value.facts["name"]) == ("called_by_another", "Mina")
    assert later.value.code == "called_meanwhile"
    assert order.state is SystemState.TO_CONFIRM


def test_a_late_outcome_is_kept_when_nobody_took_the_order_meanwhile(salma: Membership) -> None:
    order = due()
    calls.next_order(salma)

    with time_machine.travel(NINE + timedelta(minutes=30), tick=False):
        calls.conclude(order, "confirmed", by=salma, client_id=new_id())

    assert order.state is SystemState.CONFIRMED


def test_an_order_that_moved_meanwhile_is_not_moved_again(salma: Membership) -> None:
    order = due()
    calls.next_order(salma)
    pipeline.move(order, shop.stage(SystemState.CONFIRMED), by=SYSTEM)

    with pytest.raises(Refused) as no:
        calls.conclude(order, "cancelled", by=salma, client_id=new_id(), version=1)

    assert (no.value.code, no.value.facts["stage"]) == ("not_to_call", "Confirmée")


def test_an_order_that_left_and_came_back_is_looked_at_again(salma: Membership) -> None:
    order = due()
    calls.next_order(salma)
    pipeline.move(order, shop.stage(SystemState.NEW), by=SYSTEM)
    pipeline.move(order, shop.stage(SystemState.TO_CONFIRM), by=SYSTEM)

    with pytest.raises(Refused) as no:
        calls.conclude(order, "confirmed", by=salma, client_id=new_id(), version=1)

    assert no.value.code == "moved_meanwhile"


# --- taking back ----------------------------------------------------------------------------------


def test_an_outcome_that_moved_is_undone_and_the_order_on_the_screen_again(
    salma: Membership,
) -> None:
    bag = shop.bag(5)
    order, other = due(lines=[(bag, 2)]), due()
    attempt = called(order, "confirmed", salma)
    assert calls.next_order(salma) is other

    taken = calls.take_back(attempt.id, by=salma)
    db.session().flush()

    assert taken.order.state is SystemState.TO_CONFIRM
    assert shop.held(bag) == (5, 0)
    assert (order.call_attempts, order.call_due_at) == (0, NINE)
    assert calls.next_order(salma) is order
    assert [e.kind for e in shop.entries_of(order)][-3:] == ["moved", "undone", "call_undone"]
    db.session().refresh(other)
    assert other.caller_id is None


def test_a_call_without_a_move_is_undone_too(salma: Membership) -> None:
    order = due()
    attempt = called(order, "no_answer", salma)

    calls.take_back(attempt.id, by=salma)

    assert (order.call_attempts, order.call_due_at) == (0, NINE)
    assert calls.numbers(salma).last is None
    (told,) = calls.screen(order).attempts
    assert (told.attempt, told.taken_back) == (attempt, True)


def test_taking_back_twice_is_taking_back_once(salma: Membership) -> None:
    order = due()
    attempt = called(order, "no_answer", salma)

    calls.take_back(attempt.id, by=salma)
    calls.take_back(attempt.id, by=salma)

    assert len(shop.entries_of(order, "call_undone")) == 1


def test_a_call_taken_back_does_not_count_towards_unreachable(salma: Membership) -> None:
    merchants(call_limit=2)
    order = due()
    calls.take_back(called(order, "no_answer", salma).id, by=salma)

    called(order, "no_answer", salma)

    assert order.state is SystemState.TO_CONFIRM


def test_what_others_did_since_cannot_be_taken_back(salma: Membership, mina: Membership) -> None:
    moved, recalled = due(), due()
    confirmed = called(moved, "confirmed", salma)
    missed = called(recalled, "no_answer", salma)
    pipeline.move(moved, shop.stage("Préparation"), by=SYSTEM)
    called(recalled, "busy", mina)

    for attempt, code in ((confirmed, "moved_meanwhile"), (missed, "called_meanwhile")):
        with pytest.raises(Refused) as no:
            calls.take_back(attempt.id, by=salma)
        assert no.value.code == code
    with pytest.raises(NotFound):
        calls.take_back(uuid4(), by=salma)


# --- numbers --------------------------------------------------------------------------------------


def test_the_numbers_of_today(salma: Membership, mina: Membership) -> None:
    with time_machine.travel(NINE - timedelta(days=1), tick=False):
        called(due(), "confirmed", salma)
    called(due(), "confirmed", salma)
    called(due(), "fake", salma)
    called(due(), "confirmed", mina)
    called(due(), "no_answer", salma)  # due again in an hour
    due()
    tomorrow = due()
    tomorrow.call_due_at = at(10, day=19)
    db.session().flush()

    numbers = calls.numbers(salma)

    assert (numbers.due, numbers.later) == (1, 1)
    assert (numbers.calls, numbers.confirmed) == (3, 1)
    assert numbers.share == pytest.approx(1 / 3)
    assert numbers.last is not None
    assert numbers.last[0].outcome == "no_answer"


def test_who_has_not_called_has_no_share(salma: Membership) -> None:
    assert calls.numbers(salma).share is None


def test_an_urgent_order_is_usual_again_when_asked_twice(salma: Membership) -> None:
    order = due()

    assert calls.toggle_urgent(order)
    assert not calls.toggle_urgent(order)


def test_another_merchants_orders_are_not_called(stranger: Membership, salma: Membership) -> None:
    due()
    db.session().commit()
    db.close()

    with db.merchant(stranger.merchant_id) as session:
        assert calls.next_order(session.merge(stranger, load=False)) is None


# --- the screen -----------------------------------------------------------------------------------


def test_the_screen_shows_what_came_before(salma: Membership) -> None:
    talk = shop.conversation(text="Salam, c'est pour quand ?")
    order = due(talk=talk)
    earlier = shop.order((None, 1), customer=order.customer)
    pipeline.move(earlier, shop.stage(SystemState.CANCELLED), by=SYSTEM)
    called(order, "no_answer", salma)

    screen = calls.screen(order)

    assert screen.earlier == {SystemState.CANCELLED: 1}
    assert [message.text for message in screen.messages] == ["Salam, c'est pour quand ?"]
    assert [told.attempt.outcome for told in screen.attempts] == ["no_answer"]
    assert screen.conversation is talk

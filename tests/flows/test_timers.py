"""Delayed messages: when they leave, and why some never do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from threading import Barrier
from uuid import UUID

import pytest

from flows import arrivals, runs
from flows.events import Person, Status
from models import db
from models.automation import Automation, RunState
from models.merchant import Merchant
from models.message import Sending
from models.order import Order
from models.timeline import By
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import meta
from tests.flows.trial import (
    CONFIRMED,
    DAY,
    HOUR,
    MONDAY,
    NEW,
    TO_CONFIRM,
    UNREACHABLE,
    Clock,
    enter,
    move,
    rung,
    sent,
)


def test_a_delayed_message_is_scheduled_and_leaves_when_it_is_due(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(delay=HOUR)
    order = enter(merchant)
    scheduled = meta.run_of(merchant, order)
    assert (scheduled.state, scheduled.due_at) == (
        RunState.SCHEDULED,
        MONDAY + timedelta(hours=1),
    )

    clock.shift(timedelta(minutes=59))
    assert runs.go_off(merchant.id) == 0
    clock.shift(timedelta(minutes=1))
    assert runs.go_off(merchant.id) == 1

    run = meta.run_of(merchant, order)
    assert (run.due_at, run.sent_count, sent(merchant)) == (None, 1, 1)
    assert run.message is not None
    assert run.message.run_id == run.id


def test_after_an_hour_without_a_clock_it_leaves_once(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(delay=60)
    for _ in range(3):
        enter(merchant)

    clock.shift(timedelta(hours=1))

    assert [runs.go_off(merchant.id) for _ in range(3)] == [3, 0, 0]
    assert sent(merchant) == 3


def test_what_is_late_does_not_leave_at_night(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    with db.merchant(merchant.id) as session:
        row = session.get_one(Merchant, merchant.id)
        row.quiet_from, row.quiet_until = time(21), time(8)
    automate(delay=10 * HOUR)  # 20:00
    order = enter(merchant)

    clock.shift(timedelta(hours=13))  # nobody was there until 23:00
    runs.go_off(merchant.id)

    run = meta.run_of(merchant, order)
    assert (sent(merchant), run.state) == (0, RunState.SCHEDULED)
    assert run.due_at == datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def leave(merchant: Merchant, order: UUID, automation: UUID, agent: Membership) -> None:
    move(merchant, order, UNREACHABLE, By.user(agent))


def switch_off(merchant: Merchant, order: UUID, automation: UUID, agent: Membership) -> None:
    with db.merchant(merchant.id) as session:
        session.get_one(Automation, (merchant.id, automation)).active = False


def block(merchant: Merchant, order: UUID, automation: UUID, agent: Membership) -> None:
    with db.merchant(merchant.id) as session:
        session.get_one(Order, (merchant.id, order)).customer.blocked_at = utcnow()


def advertise(merchant: Merchant, order: UUID, automation: UUID, agent: Membership) -> None:
    with db.merchant(merchant.id) as session:
        session.get_one(Automation, (merchant.id, automation)).template.category = "marketing"


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (leave, "left_stage"),
        (switch_off, "switched_off"),
        (block, "blocked"),
        (advertise, "no_consent"),
    ],
)
def test_what_nobody_wants_any_more_is_cancelled_with_its_reason(
    merchant: Merchant,
    agent: Membership,
    clock: Clock,
    automate: Callable[..., UUID],
    meanwhile: Callable[..., None],
    reason: str,
) -> None:
    automation = automate(delay=HOUR)
    order = enter(merchant)
    meanwhile(merchant, order, automation, agent)

    clock.shift(timedelta(hours=1))
    runs.go_off(merchant.id)

    run = meta.run_of(merchant, order)
    assert (run.state, run.cancel_reason, run.due_at) == (RunState.CANCELLED, reason, None)
    assert run.cancelled_at == utcnow()
    assert sent(merchant) == 0


def test_what_could_not_leave_for_hours_does_not_when_the_order_has_gone(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(buttons={})
    gone, stays = enter(merchant), enter(merchant)
    move(merchant, gone, CONFIRMED, By.user(agent))
    clock.shift(timedelta(hours=3))  # the token had expired

    assert len(meta.take(merchant)) == 1

    assert meta.run_of(merchant, stays).state is RunState.SENT
    run = meta.run_of(merchant, gone)
    assert (run.state, run.cancel_reason) == (RunState.CANCELLED, "left_stage")


@pytest.mark.parametrize("meanwhile", [leave, switch_off, block, advertise])
def test_what_meta_makes_wait_is_looked_at_anew_before_it_leaves(
    merchant: Merchant,
    agent: Membership,
    clock: Clock,
    automate: Callable[..., UUID],
    meanwhile: Callable[..., None],
) -> None:
    automation = automate()
    order = enter(merchant)
    meta.refuse(merchant, 131048)
    meanwhile(merchant, order, automation, agent)

    clock.shift(timedelta(hours=3))

    assert meta.take(merchant) == []
    assert meta.run_of(merchant, order).state is RunState.CANCELLED


def test_what_meta_makes_wait_does_not_leave_at_night(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    with db.merchant(merchant.id) as session:
        row = session.get_one(Merchant, merchant.id)
        row.quiet_from, row.quiet_until = time(21), time(8)
    automate()
    enter(merchant)
    meta.refuse(merchant, 131048)

    clock.shift(timedelta(hours=13))
    assert meta.take(merchant) == []
    clock.move_to(datetime(2026, 11, 24, 7, 0, tzinfo=UTC))

    assert len(meta.take(merchant)) == 1


def test_the_same_question_does_not_leave_twice_after_a_stop(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(retrigger=True)
    order = enter(merchant)
    clock.shift(timedelta(minutes=20))
    for stage in (UNREACHABLE, TO_CONFIRM):
        move(merchant, order, stage, By.user(agent))
        clock.shift(timedelta(minutes=1))

    assert len(meta.take(merchant)) == 1


def test_a_second_question_that_never_left_leaves_the_run_at_the_first(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=HOUR, fallback=UNREACHABLE, resends=1)
    order = enter(merchant)
    meta.take(merchant)
    clock.shift(timedelta(hours=1, minutes=1))
    runs.go_off(merchant.id)
    move(merchant, order, CONFIRMED, By.user(agent))

    clock.shift(timedelta(hours=1))

    assert meta.take(merchant) == []
    assert meta.run_of(merchant, order).state is RunState.SENT


def test_a_template_taken_back_meanwhile_fails(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automation = automate(delay=HOUR)
    order = enter(merchant)
    with db.merchant(merchant.id) as session:
        session.get_one(Automation, (merchant.id, automation)).template.state = "paused"

    clock.shift(timedelta(hours=1))
    runs.go_off(merchant.id)

    run = meta.run_of(merchant, order)
    assert (run.state, run.failure) == (RunState.FAILED, "template_state")
    assert meta.order_of(merchant, order).flags == ["action_failed"]
    assert rung(merchant) == ["failed_action"]


def test_a_stage_entered_anew_waits_anew(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(delay=HOUR, retrigger=True)
    order = enter(merchant)
    clock.shift(timedelta(minutes=30))
    for stage in (NEW, TO_CONFIRM):
        move(merchant, order, stage, By.user(agent))

    clock.shift(timedelta(minutes=30))
    runs.go_off(merchant.id)
    assert sent(merchant) == 0
    clock.shift(timedelta(minutes=30))
    runs.go_off(merchant.id)

    assert sent(merchant) == 1


def test_five_workers_at_once_send_one_message_each(
    merchant: Merchant, automate: Callable[..., UUID]
) -> None:
    automate(delay=1)
    orders = [enter(merchant) for _ in range(4)]
    later = utcnow() + timedelta(seconds=2)
    line_up = Barrier(5)

    def work(_: int) -> int:
        line_up.wait()
        return runs.go_off(merchant.id, later)

    with ThreadPoolExecutor(5) as workers:
        had = list(workers.map(work, range(5)))
    had.append(runs.go_off(merchant.id, later))

    assert sum(had) == len(orders) == sent(merchant)
    assert {meta.run_of(merchant, order).sent_count for order in orders} == {1}


# --- an answer while it is asked again ------------------------------------------------------------


@pytest.fixture
def asking_again(merchant: Merchant, clock: Clock, automate: Callable[..., UUID]) -> UUID:
    """An order whose customer was silent for a day: the second question waits to leave."""
    automate(timeout=DAY, fallback=UNREACHABLE, resends=1)
    order = enter(merchant)
    meta.take(merchant)
    clock.shift(timedelta(days=1))
    runs.go_off(merchant.id)
    return order


def test_an_answer_to_the_first_question_counts_although_the_second_has_left(
    merchant: Merchant, clock: Clock, asking_again: UUID
) -> None:
    meta.take(merchant)
    clock.shift(timedelta(minutes=1))

    meta.write(merchant, "Oui", at=MONDAY + timedelta(hours=23, minutes=58))

    run = meta.run_of(merchant, asking_again)
    assert (run.state, run.reply, run.timeout_at) == (RunState.REPLIED, "Oui", None)


def test_who_answers_before_the_second_question_leaves_is_not_asked_again(
    merchant: Merchant, clock: Clock, asking_again: UUID
) -> None:
    clock.shift(timedelta(minutes=1))

    meta.write(merchant, "Oui")

    assert meta.take(merchant) == []
    run = meta.run_of(merchant, asking_again)
    assert (run.state, run.timeout_at) == (RunState.REPLIED, None)
    assert run.message is not None
    assert run.message.sending is Sending.ACCEPTED


def test_nor_is_who_taps_on_the_first(merchant: Merchant, clock: Clock, asking_again: UUID) -> None:
    meta.tap(merchant, asking_again, 0, "Confirmer")

    assert meta.take(merchant) == []
    assert meta.order_of(merchant, asking_again).state is CONFIRMED


def test_an_answer_counts_although_the_second_question_failed(
    merchant: Merchant, clock: Clock, asking_again: UUID
) -> None:
    meta.refuse(merchant, 131026)
    clock.shift(timedelta(minutes=1))

    meta.write(merchant, "Oui")

    assert meta.run_of(merchant, asking_again).replied_at == utcnow()


def test_an_answer_counts_that_comes_with_the_first_news_of_its_question(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = enter(merchant)
    (letter,) = meta._claimed(merchant)  # Meta has it, and its answer is on the way
    delivered = Status(
        phone_number_id=letter.phone_number_id,
        waba_id=None,
        field="messages",
        wamid="wamid.fast",
        status="delivered",
        at=utcnow(),
        recipient=Person(wa_id="212661234567"),
        callback=letter.callback,
    )

    with db.merchant(merchant.id):
        arrivals.take_in([factories.inbound("Oui"), delivered])

    assert meta.run_of(merchant, order).reply == "Oui"

"""What waits: delayed messages, silence that lasts too long, what failed and is tried anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import func, select

from flows import messages, outbox, pipeline, runs
from models import db
from models.automation import Automation, RunState
from models.customer import WhatsAppIdentity
from models.merchant import Merchant
from models.message import Message, Origin, Sending
from models.notification import Notification
from models.order import Order
from models.pipeline import SystemState
from models.timeline import AUTOMATION, By
from models.types import utcnow
from models.user import Membership
from tests.flows import meta, shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 10:00 in Casablanca
HOUR, DAY = 3600, 86_400

Clock = time_machine.Traveller


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def automate(merchant: Merchant) -> Callable[..., UUID]:
    """An automation on To confirm; stages may be given by their state."""

    def make(**values: Any) -> UUID:
        with db.merchant(merchant.id):
            fallback = values.pop("fallback", None)
            if fallback is not None:
                values["fallback_stage"] = shop.stage(fallback)
            return shop.automation(**values).id

    return make


def enter(merchant: Merchant, *, on: SystemState = TO_CONFIRM, **values: Any) -> UUID:
    """An order of somebody who has just written enters the stage."""
    with db.merchant(merchant.id):
        return shop.order(on=on, talk=shop.conversation(), **values).id


def move(merchant: Merchant, order_id: UUID, to: SystemState, by: By) -> None:
    with db.merchant(merchant.id) as session:
        pipeline.move(session.get_one(Order, (merchant.id, order_id)), shop.stage(to), by=by)


def sent(merchant: Merchant) -> int:
    """How many messages automations have queued, whatever became of them."""
    with db.merchant(merchant.id) as session:
        mine = select(func.count()).where(Message.origin == Origin.AUTOMATION)
        return session.scalar(mine) or 0


def told(merchant: Merchant, order_id: UUID) -> list[str]:
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, order_id))
        return [entry.kind for entry in shop.entries_of(order)]


def facts_of(merchant: Merchant, order_id: UUID, kind: str) -> dict[str, Any]:
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, order_id))
        return shop.entries_of(order, kind)[-1].facts


def rung(merchant: Merchant) -> list[str]:
    with db.merchant(merchant.id) as session:
        return list(session.scalars(select(Notification.kind).order_by(Notification.id)))


# --- delays ---------------------------------------------------------------------------------------


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


# --- silence --------------------------------------------------------------------------------------


@pytest.fixture
def asked(merchant: Merchant, clock: Clock, automate: Callable[..., UUID]) -> UUID:
    """An order whose customer has 24 hours from the delivery of the question to answer it."""
    automate(timeout=DAY, timeout_from="delivered", fallback=UNREACHABLE)
    order = enter(merchant)
    meta.take(merchant)
    return order


def test_the_clock_starts_when_the_question_is_delivered_by_metas_time(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    assert meta.run_of(merchant, asked).timeout_at is None

    clock.shift(timedelta(hours=3))
    meta.report(merchant, "delivered", at=MONDAY + timedelta(hours=1))

    assert meta.run_of(merchant, asked).timeout_at == MONDAY + timedelta(hours=25)


def test_read_counts_as_delivered(merchant: Merchant, asked: UUID) -> None:
    meta.report(merchant, "read", at=MONDAY + timedelta(seconds=5))

    assert meta.run_of(merchant, asked).timeout_at == MONDAY + timedelta(days=1, seconds=5)


def test_or_when_meta_has_taken_it(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=2 * HOUR, timeout_from="sent", fallback=UNREACHABLE)
    order = enter(merchant)
    clock.shift(timedelta(minutes=1))

    meta.take(merchant)

    assert meta.run_of(merchant, order).timeout_at == MONDAY + timedelta(hours=2, minutes=1)


def test_silence_of_24_hours_moves_the_order_and_the_run_is_expired(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "delivered")

    clock.shift(timedelta(hours=24, seconds=-1))
    assert runs.go_off(merchant.id) == 0
    clock.shift(timedelta(seconds=1))
    assert runs.go_off(merchant.id) == 1

    order, run = meta.order_of(merchant, asked), meta.run_of(merchant, asked)
    assert (order.state, run.state) == (UNREACHABLE, RunState.EXPIRED)
    assert (run.expired_at, run.timeout_at) == (MONDAY + timedelta(days=1), None)
    moved = facts_of(merchant, asked, "moved")
    assert (moved["run"], moved["expired"]) == (str(run.id), True)


def test_an_answer_at_23_59_is_an_answer(merchant: Merchant, clock: Clock, asked: UUID) -> None:
    meta.report(merchant, "delivered")
    clock.shift(timedelta(hours=23, minutes=59))

    meta.write(merchant, "Oui")
    clock.shift(timedelta(hours=1))

    assert runs.go_off(merchant.id) == 0
    run = meta.run_of(merchant, asked)
    assert (run.state, run.reply, run.timeout_at) == (RunState.REPLIED, "Oui", None)
    assert meta.order_of(merchant, asked).state is TO_CONFIRM


def test_an_answer_in_time_counts_although_meta_brings_it_late(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "delivered")
    clock.shift(timedelta(hours=30))

    meta.write(merchant, "Oui", at=MONDAY + timedelta(hours=23, minutes=59))
    runs.go_off(merchant.id)

    assert meta.run_of(merchant, asked).state is RunState.REPLIED
    assert meta.order_of(merchant, asked).state is TO_CONFIRM


def test_one_that_comes_after_the_order_moved_is_told_honestly(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "delivered")
    clock.shift(timedelta(hours=30))
    runs.go_off(merchant.id)

    meta.write(merchant, "Oui", at=MONDAY + timedelta(hours=23, minutes=59))

    assert meta.run_of(merchant, asked).state is RunState.EXPIRED
    assert meta.order_of(merchant, asked).state is UNREACHABLE
    assert facts_of(merchant, asked, "answered_in_time")["text"] == "Oui"


def test_a_word_after_the_time_was_up_changes_nothing(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "delivered")
    clock.shift(timedelta(hours=30))
    runs.go_off(merchant.id)

    meta.write(merchant, "Pardon, oui")

    assert meta.run_of(merchant, asked).state is RunState.EXPIRED
    assert told(merchant, asked) == ["created", "moved"]


def test_a_tap_in_time_that_meta_brings_late_moves_nothing_and_rings(
    merchant: Merchant, agent: Membership, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "delivered")
    clock.shift(timedelta(hours=30))
    runs.go_off(merchant.id)

    meta.tap(merchant, asked, 0, "Confirmer", at=MONDAY + timedelta(hours=23))

    order = meta.order_of(merchant, asked)
    assert (order.state, order.flags) == (UNREACHABLE, ["late_tap"])
    assert meta.run_of(merchant, asked).state is RunState.EXPIRED
    assert facts_of(merchant, asked, "late_tap")["in_time"] is True
    assert rung(merchant) == ["late_tap"]


def test_one_word_answers_every_question_whose_time_runs(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    second = enter(merchant)
    meta.take(merchant)
    meta.report(merchant, "delivered")
    clock.shift(timedelta(hours=1))

    meta.write(merchant, "Oui")
    clock.shift(timedelta(days=2))
    runs.go_off(merchant.id)

    for order in (asked, second):
        assert meta.run_of(merchant, order).state is RunState.REPLIED
        assert meta.order_of(merchant, order).state is TO_CONFIRM


def test_who_taps_on_one_question_is_not_silent_about_the_other(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    second = enter(merchant)
    meta.take(merchant)
    meta.report(merchant, "delivered")
    clock.shift(timedelta(hours=1))

    meta.tap(merchant, second, 0, "Confirmer")
    clock.shift(timedelta(days=2))
    runs.go_off(merchant.id)

    assert meta.order_of(merchant, second).state is CONFIRMED
    assert meta.order_of(merchant, asked).state is TO_CONFIRM
    assert meta.run_of(merchant, asked).state is RunState.REPLIED


def test_a_timer_that_somebody_stopped_does_not_start_again(
    merchant: Merchant, agent: Membership, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "delivered")
    waiting = meta.run_of(merchant, asked)
    with db.merchant(merchant.id) as session:
        runs.cancel(session.merge(waiting, load=False), by=By.user(agent))

    clock.shift(timedelta(days=2))
    meta.report(merchant, "read")

    assert runs.go_off(merchant.id) == 0
    assert meta.order_of(merchant, asked).state is TO_CONFIRM
    assert meta.run_of(merchant, asked).state is RunState.DELIVERED


def test_who_has_spoken_is_not_silent_although_the_delivery_is_told_late(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    enter(merchant)
    meta.take(merchant)
    clock.shift(timedelta(hours=1))
    meta.write(merchant, "Oui")

    meta.report(merchant, "delivered", at=MONDAY + timedelta(minutes=1))
    clock.shift(timedelta(days=2))

    assert runs.go_off(merchant.id) == 0
    assert meta.order_of(merchant, asked).state is TO_CONFIRM


def test_when_the_order_has_left_the_stage_its_timer_just_ends(
    merchant: Merchant, agent: Membership, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "delivered")
    move(merchant, asked, CONFIRMED, By.user(agent))

    clock.shift(timedelta(days=1))
    runs.go_off(merchant.id)

    run = meta.run_of(merchant, asked)
    assert (run.state, run.timeout_at) == (RunState.DELIVERED, None)
    assert meta.order_of(merchant, asked).state is CONFIRMED


def test_an_answer_and_the_end_of_the_time_at_one_moment_are_one_of_them(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "delivered")
    clock.shift(timedelta(days=1))
    line_up = Barrier(2)

    def answer() -> None:
        line_up.wait()
        meta.write(merchant, "Oui", at=MONDAY + timedelta(hours=24, seconds=-1))

    def end() -> None:
        line_up.wait()
        runs.go_off(merchant.id)

    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(answer), both.submit(end)]:
            done.result()
    runs.go_off(merchant.id)

    run, order = meta.run_of(merchant, asked), meta.order_of(merchant, asked)
    assert (run.replied_at is None) != (run.expired_at is None)
    assert (order.state is UNREACHABLE) == (run.expired_at is not None)
    assert run.timeout_at is None


def test_without_a_fallback_the_run_expires_where_it_is(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=HOUR)
    order = enter(merchant)
    meta.take(merchant)

    clock.shift(timedelta(hours=1))
    runs.go_off(merchant.id)

    assert meta.run_of(merchant, order).state is RunState.EXPIRED
    assert told(merchant, order) == ["created", "unanswered"]


def test_a_fallback_that_is_refused_is_left_to_people(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=HOUR, fallback=RETURNED)
    order = enter(merchant)
    meta.take(merchant)

    clock.shift(timedelta(hours=1))
    runs.go_off(merchant.id)

    assert meta.run_of(merchant, order).state is RunState.EXPIRED
    assert meta.order_of(merchant, order).flags == ["review"]
    assert facts_of(merchant, order, "fallback_refused")["code"] == "transition_refused"
    assert rung(merchant) == ["review"]


def test_bodies_that_pile_up_unread_are_heard_before_any_silence(
    merchant: Merchant, clock: Clock, asked: UUID, owner_connection: Any
) -> None:
    meta.report(merchant, "delivered")
    clock.shift(timedelta(days=1))
    owner_connection.execute(
        "INSERT INTO envelopes (body, sha256, received_at)"
        " VALUES ('x', 'y', now() - interval '1 minute')"
    )

    assert runs.go_off(merchant.id) == 0
    owner_connection.execute("UPDATE envelopes SET state = 'settled'")
    assert runs.go_off(merchant.id) == 1


# --- asking again ---------------------------------------------------------------------------------


def test_it_asks_again_as_often_as_the_merchant_says_and_then_gives_up(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=DAY, fallback=UNREACHABLE, resends=2)
    order = enter(merchant)

    states = []
    for _ in range(3):
        meta.take(merchant)
        clock.shift(timedelta(days=1))
        runs.go_off(merchant.id)
        states.append(meta.order_of(merchant, order).state)

    assert states == [TO_CONFIRM, TO_CONFIRM, UNREACHABLE]
    run = meta.run_of(merchant, order)
    assert (run.state, run.sent_count, sent(merchant)) == (RunState.EXPIRED, 3, 3)


def test_the_timer_starts_anew_with_the_second_question(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=DAY, fallback=UNREACHABLE, resends=1)
    order = enter(merchant)
    meta.take(merchant)
    clock.shift(timedelta(days=1))
    runs.go_off(merchant.id)
    assert meta.run_of(merchant, order).timeout_at is None
    assert meta.run_of(merchant, order).state is RunState.SCHEDULED

    clock.shift(timedelta(minutes=5))
    meta.take(merchant)

    assert meta.run_of(merchant, order).timeout_at == MONDAY + timedelta(days=2, minutes=5)


def test_a_tap_on_the_first_question_counts_after_the_second(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=DAY, fallback=UNREACHABLE, resends=1)
    order = enter(merchant)
    first = meta.take(merchant)[0]
    clock.shift(timedelta(days=1))
    runs.go_off(merchant.id)
    meta.take(merchant)

    meta.write(
        merchant,
        "Confirmer",
        kind="button",
        button_text="Confirmer",
        context_wamid=f"wamid.{first}",
    )

    assert meta.order_of(merchant, order).state is CONFIRMED
    assert meta.run_of(merchant, order).state is RunState.REPLIED


def test_nobody_is_asked_again_at_night(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=13 * HOUR, fallback=UNREACHABLE, resends=1)
    with db.merchant(merchant.id) as session:
        row = session.get_one(Merchant, merchant.id)
        row.quiet_from, row.quiet_until = time(21), time(8)
    order = enter(merchant)
    meta.take(merchant)

    clock.shift(timedelta(hours=13))
    runs.go_off(merchant.id)
    waiting = meta.run_of(merchant, order)
    assert (waiting.state, sent(merchant)) == (RunState.SENT, 1)
    clock.move_to(datetime(2026, 11, 24, 7, 0, tzinfo=UTC))
    runs.go_off(merchant.id)

    assert sent(merchant) == 2


def test_who_answers_before_the_morning_is_not_asked_again(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=13 * HOUR, fallback=UNREACHABLE, resends=1)
    with db.merchant(merchant.id) as session:
        row = session.get_one(Merchant, merchant.id)
        row.quiet_from, row.quiet_until = time(21), time(8)
    order = enter(merchant)
    meta.take(merchant)
    clock.shift(timedelta(hours=13))
    runs.go_off(merchant.id)

    meta.write(merchant, "Oui, demain")
    clock.shift(timedelta(hours=12))

    assert runs.go_off(merchant.id) == 0
    assert meta.run_of(merchant, order).state is RunState.REPLIED


# --- the loop guard -------------------------------------------------------------------------------


def test_automations_that_chase_an_order_in_circles_are_stopped(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(on=TO_CONFIRM, timeout=60, fallback=UNREACHABLE, retrigger=True)
    automate(on=UNREACHABLE, timeout=60, fallback=TO_CONFIRM, retrigger=True)
    order = enter(merchant)

    for _ in range(10):
        meta.take(merchant)
        clock.shift(timedelta(minutes=2))
        runs.go_off(merchant.id)

    kinds = told(merchant, order)
    assert (kinds.count("moved"), kinds.count("loop_stopped")) == (5, 1)
    assert meta.order_of(merchant, order).flags == ["review"]
    assert meta.run_of(merchant, order).state is RunState.EXPIRED
    assert rung(merchant) == ["review"]


def test_slow_circles_are_the_merchants_business(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(on=TO_CONFIRM, timeout=HOUR, fallback=UNREACHABLE, retrigger=True)
    automate(on=UNREACHABLE, timeout=HOUR, fallback=TO_CONFIRM, retrigger=True)
    order = enter(merchant)

    for _ in range(8):
        meta.take(merchant)
        clock.shift(timedelta(hours=1))
        runs.go_off(merchant.id)

    assert told(merchant, order).count("moved") == 8


# --- failing for good -----------------------------------------------------------------------------


def refused(merchant: Merchant, code: int, **values: Any) -> UUID:
    """An order whose question Meta refuses for good."""
    order = enter(merchant, **values)
    meta.refuse(merchant, code)
    runs.go_off(merchant.id)
    return order


def test_a_failed_question_is_seen_on_the_card_and_rings(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=DAY, fallback=UNREACHABLE)

    order = refused(merchant, 131026)

    run = meta.run_of(merchant, order)
    assert (run.state, run.timeout_at) == (RunState.FAILED, None)
    assert meta.order_of(merchant, order).flags == ["action_failed"]
    facts = facts_of(merchant, order, "automation_failed")
    assert (facts["cause"], facts["code"], facts["deed"]) == (
        "not_on_whatsapp",
        "undeliverable",
        "nothing",
    )
    assert rung(merchant) == ["failed_action"]


def test_a_failure_told_by_a_status_counts_and_only_once(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = enter(merchant)
    meta.take(merchant)

    meta.report(merchant, "failed", code=131049)
    runs.go_off(merchant.id)
    meta.report(merchant, "sent")
    runs.go_off(merchant.id)

    assert told(merchant, order).count("automation_failed") == 1
    assert facts_of(merchant, order, "automation_failed")["cause"] == "marketing_limit"


def test_a_failed_question_that_somebody_sends_again_by_hand_is_no_silence(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=DAY, fallback=UNREACHABLE)
    order = enter(merchant)
    meta.refuse(merchant, 131026)
    failed = meta.run_of(merchant, order).message_id
    with db.merchant(merchant.id) as session:
        messages.send_again(session.get_one(Message, (merchant.id, failed)))

    runs.go_off(merchant.id)
    assert meta.run_of(merchant, order).state is RunState.SCHEDULED
    clock.shift(timedelta(minutes=1))
    meta.take(merchant)

    assert meta.run_of(merchant, order).timeout_at == MONDAY + timedelta(days=1, minutes=1)


def test_what_failed_and_came_through_after_all_waits_for_its_answer(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "failed", code=131026)
    meta.report(merchant, "sent")
    meta.report(merchant, "delivered")

    runs.go_off(merchant.id)

    run = meta.run_of(merchant, asked)
    assert (run.state, run.timeout_at) == (RunState.DELIVERED, MONDAY + timedelta(days=1))
    assert meta.order_of(merchant, asked).state is TO_CONFIRM


def test_somebody_is_asked_to_call(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(on=CONFIRMED, buttons={}, on_failure={"not_on_whatsapp": {"do": "call"}})

    order = refused(merchant, 131026, on=CONFIRMED)

    assert meta.order_of(merchant, order).call_due_at == utcnow()
    assert told(merchant, order) == ["created", "call_asked", "automation_failed"]


def test_another_template_is_sent_once(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    with db.merchant(merchant.id):
        other = shop.template("Votre commande {{1}}")
    deed = {"do": "template", "template_id": str(other.id), "variables": {"body.1": "order.number"}}
    automate(on_failure={"template_paused": deed})

    order = refused(merchant, 132015)

    run = meta.run_of(merchant, order)
    assert run.message is not None
    assert (run.state, run.message.template_id) == (RunState.SCHEDULED, other.id)
    assert meta.order_of(merchant, order).flags == []
    meta.refuse(merchant, 132015)
    runs.go_off(merchant.id)
    assert meta.run_of(merchant, order).state is RunState.FAILED
    assert (sent(merchant), meta.order_of(merchant, order).flags) == (2, ["action_failed"])


def test_a_button_of_the_other_template_still_moves_the_order(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    with db.merchant(merchant.id):
        other = shop.template("Toujours intéressée ?")
    automate(on_failure={"template_paused": {"do": "template", "template_id": str(other.id)}})
    order = refused(merchant, 132015)
    meta.take(merchant)

    meta.tap(merchant, order, 0, "Confirmer")

    assert meta.order_of(merchant, order).state is CONFIRMED


def test_it_waits_and_tries_anew_but_not_for_ever(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(on_failure={"marketing_limit": {"do": "wait", "hours": 6}})
    order = refused(merchant, 130472)
    waiting = meta.run_of(merchant, order)
    assert (waiting.state, waiting.due_at) == (RunState.SCHEDULED, MONDAY + timedelta(hours=6))

    for _ in range(5):
        clock.shift(timedelta(hours=6))
        runs.go_off(merchant.id)
        meta.refuse(merchant, 130472)
        runs.go_off(merchant.id)

    run = meta.run_of(merchant, order)
    assert (run.state, run.sent_count) == (RunState.FAILED, 4)
    assert meta.order_of(merchant, order).flags == ["action_failed"]


def test_a_failure_after_the_order_left_the_stage_is_only_written_down(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(on_failure={"not_on_whatsapp": {"do": "call"}})
    order = enter(merchant)
    meta.take(merchant)
    move(merchant, order, CONFIRMED, By.user(agent))

    meta.report(merchant, "failed", code=131026)
    runs.go_off(merchant.id)

    assert meta.order_of(merchant, order).flags == []
    assert facts_of(merchant, order, "automation_failed")["deed"] == "nothing"
    assert rung(merchant) == []


def test_a_person_runs_a_failed_action_again_and_the_flag_falls(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = refused(merchant, 131026)
    failed = meta.run_of(merchant, order)

    with db.merchant(merchant.id) as session:
        runs.again(session.merge(failed, load=False), by=By.user(agent))

    run = meta.run_of(merchant, order)
    assert (run.state, run.sent_count, sent(merchant)) == (RunState.SCHEDULED, 2, 2)
    assert meta.order_of(merchant, order).flags == []
    assert "run_again" in told(merchant, order)


def test_what_has_not_failed_is_not_run_again(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = enter(merchant)

    with db.merchant(merchant.id) as session, pytest.raises(Exception, match="not_failed"):
        runs.again(session.merge(meta_run(order), load=False), by=By.user(agent))

    assert sent(merchant) == 1


def meta_run(order_id: UUID) -> Any:
    from models.automation import Run

    return db.session().scalars(select(Run).where(Run.order_id == order_id)).one()


# --- writing first --------------------------------------------------------------------------------


def manual(merchant: Merchant, **values: Any) -> UUID:
    """An order of somebody who never wrote."""
    with db.merchant(merchant.id):
        return shop.order(on=TO_CONFIRM, **values).id


def test_the_first_contact_opens_the_conversation_and_the_order_has_it(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = manual(merchant, ship_phone="06 61 23 45 67")

    runs.go_off(merchant.id)

    with db.merchant(merchant.id) as session:
        found = session.get_one(Order, (merchant.id, order))
        assert found.conversation is not None
        identity = found.conversation.identity
        assert (identity.wa_id, identity.customer_id) == ("212661234567", found.customer_id)
        assert not found.conversation.window_open
        assert found.conversation.last_preview.startswith("Bonjour Fatima")
    assert meta.run_of(merchant, order).sent_count == 1


def test_who_answers_the_first_contact_taps_in_the_same_conversation(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = manual(merchant)
    runs.go_off(merchant.id)
    meta.take(merchant)

    meta.tap(merchant, order, 0, "Confirmer")

    assert meta.order_of(merchant, order).state is CONFIRMED


def test_the_sweep_finds_a_first_contact(
    merchant: Merchant, automate: Callable[..., UUID], work: Callable[[], None]
) -> None:
    automate()
    order = manual(merchant)
    outbox.connection().flushdb()

    outbox.sweep()
    work()

    assert meta.run_of(merchant, order).sent_count == 1


@pytest.mark.parametrize("phone", ["", "12", "pas de téléphone"])
def test_without_a_phone_there_is_nobody_to_write_to(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID], phone: str
) -> None:
    automate(on_failure={"not_on_whatsapp": {"do": "call"}})
    order = manual(merchant, ship_phone=phone)

    runs.go_off(merchant.id)

    run = meta.run_of(merchant, order)
    assert (run.state, run.failure) == (RunState.FAILED, "no_phone")
    assert facts_of(merchant, order, "automation_failed")["deed"] == "call"
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(WhatsAppIdentity)).all() == []


def test_the_automations_number_is_chosen_over_the_one_the_customer_writes_to(
    merchant: Merchant, clock: Clock
) -> None:
    with db.merchant(merchant.id):
        other = shop.number(merchant)
        shop.automation(channel=other, template=shop.template(waba_id=other.waba_id))
    order = enter(merchant)

    runs.go_off(merchant.id)
    meta.take(merchant)

    run = meta.run_of(merchant, order)
    with db.merchant(merchant.id) as session:
        found = session.get_one(Order, (merchant.id, order))
        message = session.get_one(Message, (merchant.id, run.message_id))
        assert message.channel_id == other.id
        assert found.conversation is not None
        assert message.conversation_id != found.conversation_id
        assert message.conversation.identity_id == found.conversation.identity_id
    meta.tap(merchant, order, 0, "Confirmer", phone_number_id=other.phone_number_id)
    assert meta.order_of(merchant, order).state is CONFIRMED


def test_an_answer_on_any_number_of_the_merchant_is_an_answer(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    with db.merchant(merchant.id):
        other = shop.number(merchant)
    meta.report(merchant, "delivered")
    clock.shift(timedelta(hours=1))

    meta.write(merchant, "Oui", phone_number_id=other.phone_number_id)

    assert meta.run_of(merchant, asked).state is RunState.REPLIED


# --- why it was sent, and what came of it ---------------------------------------------------------


def test_the_story_of_a_question_that_was_answered(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(delay=HOUR, timeout=DAY, fallback=UNREACHABLE)
    order = enter(merchant, on=NEW)
    move(merchant, order, TO_CONFIRM, By.user(agent))
    clock.shift(timedelta(hours=1))
    runs.go_off(merchant.id)
    meta.take(merchant)
    clock.shift(timedelta(minutes=1))
    meta.report(merchant, "delivered")
    clock.shift(timedelta(minutes=1))
    meta.tap(merchant, order, 0, "Confirmer")

    with db.merchant(merchant.id):
        told = runs.story(runs.find(meta_run(order).id))

        assert (told.trigger.actor_id, told.trigger.facts["from"]) == (agent.id, "Nouvelle")
        assert [(step.state, step.at - MONDAY) for step in told.steps] == [
            (RunState.SCHEDULED, timedelta()),
            (RunState.SENT, timedelta(hours=1)),
            (RunState.DELIVERED, timedelta(hours=1, minutes=1)),
            (RunState.REPLIED, timedelta(hours=1, minutes=2)),
        ]
        [one] = told.sent
        assert one.message.text.startswith("Bonjour Fatima")
        assert one.message.payload["buttons"][0] == "Confirmer"
        assert one.charge is not None
        assert told.moved is not None
        assert told.moved.facts["to"] == "Confirmée"
        assert (told.notes, told.problem, told.attempts) == ([], None, 1)


def test_the_story_of_one_that_failed_and_was_run_again(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = refused(merchant, 131026)
    failed = meta.run_of(merchant, order)
    clock.shift(timedelta(minutes=1))
    with db.merchant(merchant.id) as session:
        runs.again(session.merge(failed, load=False), by=By.user(agent))
    meta.refuse(merchant, 132001)
    runs.go_off(merchant.id)

    with db.merchant(merchant.id):
        told = runs.story(runs.find(failed.id))

        assert [note.kind for note in told.notes] == [
            "automation_failed",
            "run_again",
            "automation_failed",
        ]
        assert [step.state for step in told.steps] == [
            RunState.SCHEDULED,
            RunState.FAILED,
            RunState.FAILED,
        ]
        assert told.problem == ("template_missing", "Meta says no")
        assert runs.explain("template_missing")[1]
        assert told.attempts == 2


def test_the_history_is_narrowed_by_order_and_by_day(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    first = enter(merchant)
    clock.shift(timedelta(days=1))
    second = enter(merchant)

    with db.merchant(merchant.id) as session:
        number = session.get_one(Order, (merchant.id, first)).number
        noon = MONDAY + timedelta(hours=3)
        assert [run.order_id for run in runs.listed(number=number)] == [first]
        assert [run.order_id for run in runs.listed(since=noon)] == [second]
        assert [run.order_id for run in runs.listed(to=noon)] == [first]


# --- undo -----------------------------------------------------------------------------------------


def undo(merchant: Merchant, order_id: UUID, agent: Membership) -> tuple[int, int]:
    """(messages called back, messages gone)."""
    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, order_id))
        undone = pipeline.undo(order, by=By.user(agent))
        return len(undone.cancelled), len(undone.gone)


def test_undoing_a_move_calls_back_what_has_not_left(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = enter(merchant, on=NEW)
    move(merchant, order, TO_CONFIRM, By.user(agent))

    assert undo(merchant, order, agent) == (1, 0)

    run = meta.run_of(merchant, order)
    assert (run.state, run.cancel_reason) == (RunState.CANCELLED, "undone")
    assert meta.take(merchant) == []
    move(merchant, order, TO_CONFIRM, By.user(agent))
    assert len(meta.take(merchant)) == 1


def test_undoing_a_move_says_what_has_gone_and_does_not_send_it_again(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=DAY, fallback=UNREACHABLE)
    order = enter(merchant, on=NEW)
    move(merchant, order, TO_CONFIRM, By.user(agent))
    meta.take(merchant)

    assert undo(merchant, order, agent) == (0, 1)

    assert meta.run_of(merchant, order).timeout_at is None
    move(merchant, order, TO_CONFIRM, By.user(agent))
    assert meta.take(merchant) == []


def test_undoing_a_move_stops_its_timers(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(delay=HOUR)
    order = enter(merchant, on=NEW)
    move(merchant, order, TO_CONFIRM, By.user(agent))

    assert undo(merchant, order, agent) == (0, 0)
    clock.shift(timedelta(hours=2))

    assert runs.go_off(merchant.id) == 0
    assert meta.run_of(merchant, order).cancel_reason == "undone"


def test_a_message_a_worker_has_in_its_hands_counts_as_gone(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = enter(merchant, on=NEW)
    move(merchant, order, TO_CONFIRM, By.user(agent))
    with db.merchant(merchant.id) as session:
        session.scalars(
            select(Message).where(Message.origin == Origin.AUTOMATION)
        ).one().sending = Sending.CLAIMED

    assert undo(merchant, order, agent) == (0, 1)


def test_automations_move_by_their_own_name(merchant: Merchant, clock: Clock, asked: UUID) -> None:
    meta.report(merchant, "delivered")
    clock.shift(timedelta(days=1))

    runs.go_off(merchant.id)

    with db.merchant(merchant.id) as session:
        order = session.get_one(Order, (merchant.id, asked))
        assert pipeline.last_entry(order).actor is AUTOMATION.actor

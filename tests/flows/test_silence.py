"""Silence that lasts too long: asked again, then the order falls back, but not in circles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

from flows import runs
from models import db
from models.automation import Automation, RunState
from models.merchant import Merchant
from models.timeline import By
from models.user import Membership
from tests.flows import meta
from tests.flows.trial import (
    CONFIRMED,
    DAY,
    HOUR,
    MONDAY,
    RETURNED,
    TO_CONFIRM,
    UNREACHABLE,
    Clock,
    enter,
    facts_of,
    move,
    rung,
    sent,
    told,
)

# --- silence --------------------------------------------------------------------------------------


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


def test_in_a_trial_a_day_of_silence_lasts_24_seconds(
    merchant: Merchant, hurried: None, asked: UUID
) -> None:
    meta.report(merchant, "delivered")

    assert meta.run_of(merchant, asked).timeout_at == MONDAY + timedelta(seconds=24)


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
    merchant: Merchant, agent: Membership, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "delivered")
    clock.shift(timedelta(hours=30))
    runs.go_off(merchant.id)

    meta.write(merchant, "Oui", at=MONDAY + timedelta(hours=23, minutes=59))

    assert meta.run_of(merchant, asked).state is RunState.EXPIRED
    assert meta.order_of(merchant, asked).state is UNREACHABLE
    assert facts_of(merchant, asked, "answered_in_time")["text"] == "Oui"
    assert meta.order_of(merchant, asked).flags == ["review"]
    assert rung(merchant) == ["review"]


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
        " VALUES ('x', 'y', now() - interval '3 hours')"
    )

    assert runs.go_off(merchant.id) == 0
    owner_connection.execute("UPDATE envelopes SET state = 'settled'")
    assert runs.go_off(merchant.id) == 1


def test_an_automation_that_is_switched_off_moves_nobody(
    merchant: Merchant, clock: Clock, asked: UUID
) -> None:
    meta.report(merchant, "delivered")
    automation_id = meta.run_of(merchant, asked).automation_id
    with db.merchant(merchant.id) as session:
        session.get_one(Automation, (merchant.id, automation_id)).active = False

    clock.shift(timedelta(days=2))
    runs.go_off(merchant.id)

    assert meta.order_of(merchant, asked).state is TO_CONFIRM
    assert meta.run_of(merchant, asked).timeout_at is None


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

    for _ in range(7):
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

    for _ in range(6):
        meta.take(merchant)
        clock.shift(timedelta(hours=1))
        runs.go_off(merchant.id)

    assert told(merchant, order).count("moved") == 6

"""Why it was sent, what came of it, and what can still be called back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from flows import pipeline, runs
from models import db
from models.automation import RunState
from models.merchant import Merchant
from models.message import Message, Origin, Sending
from models.order import Order
from models.timeline import AUTOMATION, By
from models.user import Membership
from tests.flows import meta, shop
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
    refused,
    run_now,
)

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
        told = runs.story(runs.find(run_now(order).id))

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


def test_steps_that_meta_dates_by_the_second_stand_in_the_order_they_came(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    clock.shift(timedelta(milliseconds=900))
    automate()
    order = enter(merchant)
    meta.take(merchant)
    meta.report(merchant, "delivered", at=MONDAY)
    meta.write(merchant, "Oui", at=MONDAY)

    with db.merchant(merchant.id):
        steps = runs.story(runs.find(run_now(order).id)).steps

    assert [step.state for step in steps] == [
        RunState.SCHEDULED,
        RunState.SENT,
        RunState.DELIVERED,
        RunState.REPLIED,
    ]


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


def away_and_back(merchant: Merchant, order: UUID, agent: Membership, clock: Clock) -> None:
    """A mistaken move, undone ten minutes later, while the timers go on."""
    move(merchant, order, CONFIRMED, By.user(agent))
    clock.shift(timedelta(minutes=10))
    runs.go_off(merchant.id)
    undo(merchant, order, agent)
    runs.go_off(merchant.id)


@pytest.mark.parametrize("retrigger", [False, True])
def test_an_undo_brings_back_the_message_that_was_due_meanwhile(
    merchant: Merchant,
    agent: Membership,
    clock: Clock,
    automate: Callable[..., UUID],
    retrigger: bool,
) -> None:
    automate(delay=HOUR, retrigger=retrigger)
    order = enter(merchant)
    clock.shift(timedelta(minutes=55))

    away_and_back(merchant, order, agent, clock)

    assert len(meta.take(merchant)) == 1
    assert meta.run_of(merchant, order).state is RunState.SENT
    move(merchant, order, CONFIRMED, By.user(agent))
    move(merchant, order, TO_CONFIRM, By.user(agent))
    clock.shift(timedelta(hours=2))
    runs.go_off(merchant.id)
    assert len(meta.take(merchant)) == int(retrigger)


def test_a_turn_that_was_given_back_meanwhile_is_taken_again(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(delay=HOUR)
    order = enter(merchant)
    move(merchant, order, CONFIRMED, By.user(agent))
    clock.shift(timedelta(hours=2))
    runs.go_off(merchant.id)
    with db.merchant(merchant.id):
        run_now(order).trigger = run_now(order).id

    undo(merchant, order, agent)

    assert meta.run_of(merchant, order).trigger == order


def test_what_was_given_up_before_the_undone_move_stays_given_up(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(delay=HOUR, retrigger=True)
    order = enter(merchant)
    move(merchant, order, CONFIRMED, By.user(agent))
    clock.shift(timedelta(hours=2))
    runs.go_off(merchant.id)
    move(merchant, order, TO_CONFIRM, By.user(agent))

    away_and_back(merchant, order, agent, clock)

    with db.merchant(merchant.id) as session:
        made = shop.runs_of(session.get_one(Order, (merchant.id, order)))
        assert [run.state for run in made] == [RunState.CANCELLED, RunState.SCHEDULED]


def test_an_undo_lets_a_silence_have_its_effect_that_ended_meanwhile(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=DAY, fallback=UNREACHABLE)
    order = enter(merchant)
    meta.take(merchant)
    clock.shift(timedelta(hours=23, minutes=55))

    away_and_back(merchant, order, agent, clock)
    clock.shift(timedelta(minutes=1))
    runs.go_off(merchant.id)

    assert meta.run_of(merchant, order).expired_at == MONDAY + timedelta(days=1)
    assert meta.order_of(merchant, order).state is UNREACHABLE


def test_an_undo_does_not_count_a_silence_that_somebody_stopped(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=DAY, fallback=UNREACHABLE)
    order = enter(merchant)
    meta.take(merchant)
    with db.merchant(merchant.id):
        runs.cancel(run_now(order), by=By.user(agent))
    clock.shift(timedelta(hours=23, minutes=55))

    away_and_back(merchant, order, agent, clock)

    assert meta.run_of(merchant, order).timeout_at is None


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

"""Why it was sent, what came of it, and what can still be called back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from flows import pipeline, runs
from models import db
from models.automation import RunState
from models.merchant import Merchant
from models.message import Message, Origin, Sending
from models.order import Order
from models.timeline import AUTOMATION, By
from models.user import Membership
from tests.flows import meta
from tests.flows.trial import (
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

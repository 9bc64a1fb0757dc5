"""What Meta refuses for good, and what the merchant chose for that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from flows import messages, pipeline, runs
from flows.errors import Refused
from models import db
from models.automation import RunState
from models.merchant import Merchant
from models.message import Message
from models.order import Order
from models.timeline import By
from models.types import utcnow
from models.user import Membership
from tests.flows import meta, shop
from tests.flows.trial import (
    CANCELLED,
    CONFIRMED,
    DAY,
    MONDAY,
    NEW,
    TO_CONFIRM,
    UNREACHABLE,
    Clock,
    enter,
    facts_of,
    move,
    refused,
    run_now,
    rung,
    sent,
    told,
)


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


def test_a_question_of_which_nobody_knows_whether_it_left_is_not_forgotten(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = enter(merchant)
    meta.lose(merchant)
    runs.go_off(merchant.id)
    at_first = rung(merchant)
    clock.shift(timedelta(minutes=3))

    for _ in range(2):
        runs.go_off(merchant.id)

    assert (at_first, rung(merchant)) == ([], ["failed_action"])
    assert meta.order_of(merchant, order).flags == ["review"]
    assert told(merchant, order).count("automation_uncertain") == 1
    assert meta.run_of(merchant, order).timeout_at is None


def test_what_meta_tells_of_in_time_rings_no_bell(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(timeout=DAY, fallback=UNREACHABLE)
    order = enter(merchant)
    (message,) = meta.lose(merchant)
    meta.settle(merchant, message, "delivered")
    clock.shift(timedelta(minutes=3))

    runs.go_off(merchant.id)

    assert rung(merchant) == []
    assert meta.run_of(merchant, order).timeout_at == MONDAY + timedelta(days=1)


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


def test_the_buttons_of_the_other_template_mean_what_they_say(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    turned = [{"type": "BUTTONS", "buttons": shop.BUTTONS[1::-1]}]
    with db.merchant(merchant.id):
        other = shop.template(components=[{"type": "BODY", "text": "Toujours ?"}, *turned])
    automate(on_failure={"template_paused": {"do": "template", "template_id": str(other.id)}})
    order = refused(merchant, 132015)
    meta.take(merchant)

    meta.tap(merchant, order, 0, "Annuler")

    assert meta.order_of(merchant, order).state is CANCELLED


def test_it_waits_and_tries_anew_but_not_for_ever(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(on_failure={"not_on_whatsapp": {"do": "wait", "hours": 6}})
    order = refused(merchant, 131026)
    waiting = meta.run_of(merchant, order)
    assert (waiting.state, waiting.due_at) == (RunState.SCHEDULED, MONDAY + timedelta(hours=6))

    for _ in range(5):
        clock.shift(timedelta(hours=6))
        runs.go_off(merchant.id)
        meta.refuse(merchant, 131026)
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


def test_a_failure_that_was_undone_asks_nobody_to_look(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    with db.merchant(merchant.id):
        order = shop.order(on=NEW, talk=shop.conversation(), ship_phone="").id
    move(merchant, order, TO_CONFIRM, By.user(agent))
    meta.refuse(merchant, 131026)
    runs.go_off(merchant.id)
    before = meta.order_of(merchant, order).flags

    with db.merchant(merchant.id) as session:
        pipeline.undo(session.get_one(Order, (merchant.id, order)), by=By.user(agent))

    assert (before, meta.order_of(merchant, order).flags) == (["action_failed"], [])


def test_what_has_not_failed_is_not_run_again(
    merchant: Merchant, agent: Membership, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    order = enter(merchant)

    with db.merchant(merchant.id) as session, pytest.raises(Refused, match="not_failed"):
        runs.again(session.merge(run_now(order), load=False), by=By.user(agent))

    assert sent(merchant) == 1


def test_advertising_that_meta_holds_back_is_tried_once_more_after_a_day(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(on_failure={"marketing_limit": {"do": "wait", "hours": 1}})
    order = enter(merchant)

    for _ in range(3):
        meta.take(merchant)
        meta.report(merchant, "failed", code=131049)
        runs.go_off(merchant.id)
        clock.shift(timedelta(hours=24))
        runs.go_off(merchant.id)

    assert (sent(merchant), meta.order_of(merchant, order).flags) == (2, ["action_failed"])


def test_who_is_in_metas_experiment_is_not_written_to_again(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(on_failure={"marketing_limit": {"do": "wait", "hours": 24}})

    order = refused(merchant, 130472)

    assert meta.run_of(merchant, order).due_at is None
    assert meta.order_of(merchant, order).flags == ["action_failed"]


def test_a_second_question_says_what_the_first_said(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    with db.merchant(merchant.id):
        other = shop.template("Votre commande {{1}}")
    deed = {"do": "template", "template_id": str(other.id), "variables": {"body.1": "order.number"}}
    automate(timeout=DAY, resends=1, on_failure={"template_paused": deed})
    order = refused(merchant, 132015)
    meta.take(merchant)

    clock.shift(timedelta(days=1, minutes=1))
    runs.go_off(merchant.id)

    run = meta.run_of(merchant, order)
    assert run.message is not None
    assert (run.message.template_id, sent(merchant)) == (other.id, 3)

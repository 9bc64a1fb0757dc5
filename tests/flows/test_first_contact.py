"""Automations write first to somebody who never wrote, from the number they are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from flows import outbox, pipeline, runs
from flows.events import Person
from models import db
from models.automation import RunState
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.merchant import Merchant
from models.message import Message
from models.order import Order
from models.timeline import AUTOMATION
from tests.flows import meta, shop
from tests.flows.trial import (
    CONFIRMED,
    NEW,
    TO_CONFIRM,
    Clock,
    enter,
    facts_of,
)


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


def test_a_first_message_that_cannot_be_written_leaves_no_conversation(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate(variables=shop.MAPPING | {"body.1": "order.tracking"})
    order = manual(merchant, ship_phone="06 61 23 45 67")

    runs.go_off(merchant.id)

    run = meta.run_of(merchant, order)
    assert (run.state, run.failure) == (RunState.FAILED, "missing_variable")
    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Conversation)).all() == []


def test_somebody_whose_number_whatsapp_hides_is_written_to_all_the_same(
    merchant: Merchant, clock: Clock, automate: Callable[..., UUID]
) -> None:
    automate()
    with db.merchant(merchant.id):
        hidden = shop.conversation(sender=Person(user_id="MA.42", username="fatima"))
        order = shop.order(on=NEW, ship_phone="")
        hidden.identity.customer = order.customer
        pipeline.move(order, shop.stage(TO_CONFIRM), by=AUTOMATION)

    runs.go_off(merchant.id)

    run = meta.run_of(merchant, order.id)
    assert run.message is not None
    assert run.message.conversation_id == hidden.id


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


def test_the_first_contact_goes_through_the_account_that_has_the_template(
    merchant: Merchant, clock: Clock
) -> None:
    with db.merchant(merchant.id):
        other = shop.number(merchant)
        shop.automation(template=shop.template(waba_id=other.waba_id))
    order = manual(merchant)

    runs.go_off(merchant.id)

    message = meta.run_of(merchant, order).message
    assert message is not None
    assert message.channel_id == other.id

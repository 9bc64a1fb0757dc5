"""What a merchant was promised, scenario by scenario (spec: domain.md §7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import select

from bot.simulator import Simulator
from flows import automations, indicators, messages, orders, outbox, pipeline, stages
from flows.customers import Number
from flows.errors import Refused
from flows.orders import NewLine, NewOrder
from models import db
from models.automation import Automation, Run, RunState
from models.catalog import Product
from models.conversation import Conversation
from models.cost import Charge
from models.customer import Customer
from models.merchant import Merchant
from models.message import Origin, Sending
from models.order import Order, StockPosition
from models.pipeline import Pipeline, Stage, SystemState
from models.stock import StockLevel
from models.template import MessageTemplate
from models.timeline import By
from models.types import utcnow
from tests import factories
from tests.stories.steps import Work, broken, confirmation, only, settle, take_order

DAY = 24 * 3600


@contextmanager
def later(simulator: Simulator, at: datetime) -> Iterator[None]:
    """The clock says `at`, on our side and on Meta's."""
    with time_machine.travel(at, tick=True):
        yield


def stage(state: SystemState) -> Stage:
    wanted = select(Stage).where(Stage.state == state, Stage.deleted_at.is_(None))
    return db.session().scalars(wanted).one()


def template(name: str, language: str = "fr") -> MessageTemplate:
    wanted = select(MessageTemplate).where(
        MessageTemplate.name == name, MessageTemplate.language == language
    )
    return db.session().scalars(wanted).one()


def automate(on: SystemState, name: str, **changes: Any) -> Automation:
    """Entering `on` sends the template, its blanks filled from the order."""
    found = template(name)
    facts = ["customer.first_name", "order.number", "order.amount", "merchant.name"]
    blanks = [variable.key for variable in found.variables]
    form = automations.Form(
        name=name,
        stage=stage(on),
        template=found,
        variables=dict(zip(blanks, facts, strict=False)),
        buttons=changes.pop("buttons", {}),
    )
    automation = automations.save(form)
    for column, value in changes.items():
        setattr(automation, column, value)
    return automation


def run_of(automation: str) -> Run:
    wanted = select(Run).join(Run.automation).where(Automation.name == automation)
    return db.session().scalars(wanted).one()


def black_bags() -> StockLevel:
    bag = db.session().scalars(select(Product).where(Product.sku == "SAC")).one()
    wanted = select(StockLevel).where(StockLevel.variant_id == bag.variants[0].id)
    return db.session().scalars(wanted).one()


def figures() -> tuple[int | None, ...]:
    now = indicators.of(30, money=True)
    return now.created, now.confirmed, now.shipped, now.delivered, now.revenue, now.open


def kinds(order: Order) -> list[str]:
    return [entry.kind for entry in orders.timeline(order)]


def test_1_an_unknown_number_becomes_a_card_an_order_with_a_free_line_and_a_discount(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("youssef", "Salam, bghit 2 sacs")
    settle(simulator, work)
    agent = factories.member(shop, "confirmation_agent")
    with db.merchant(shop.id):
        draft = orders.prefill(only(Conversation))
        assert (draft.name, draft.phone, draft.existing) == (
            "Youssef Benali",
            "+212663456789",
            False,
        )
        bag = db.session().scalars(select(Product).where(Product.sku == "SAC")).one()
        form = NewOrder(
            client_id=draft.client_id,
            name=draft.name,
            phone=Number(draft.phone or "", draft.phone),
            address="45 boulevard Anfa",
            city="Casablanca",
            lines=(
                NewLine(product_id=bag.id, variant_id=bag.variants[0].id, quantity=2),
                NewLine(name="Emballage cadeau", unit_price=2000, quantity=1),
            ),
            discount=2000,
            reason="Cliente fidèle",
        )

        order = orders.create(form, by=agent, conversation=only(Conversation))

        assert order.state is SystemState.NEW
        assert (order.catalog_total, order.applied_total, order.discount) == (66000, 64000, 2000)
        [trace] = orders.adjustments(order)
        assert (trace.reason, trace.by_id) == ("Cliente fidèle", agent.id)
        assert order.conversation is only(Conversation)
        assert len(db.session().scalars(select(Run)).all()) == 1
        assert only(Conversation).identity.customer is order.customer
    settle(simulator, work)
    assert broken() == []


def test_3_a_customer_stored_in_another_spelling_is_recognised(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Salam")
    settle(simulator, work)

    with db.merchant(shop.id):
        draft = orders.prefill(only(Conversation))

        assert draft.existing
        assert {address.city for address in draft.addresses} == {"Marrakech", "Casablanca"}


def test_4_a_tap_confirms_reserves_the_goods_and_answers_the_automation(
    shop: Merchant, simulator: Simulator, work: Work, ordered: int
) -> None:
    with db.merchant(shop.id):
        automate(
            SystemState.TO_CONFIRM,
            "delivery_failed",
            buttons={0: stage(SystemState.CONFIRMED), 1: stage(SystemState.CANCELLED)},
        )
    agent = factories.member(shop, "confirmation_agent")
    with db.merchant(shop.id):
        pipeline.move(orders.find(ordered), stage(SystemState.TO_CONFIRM), by=By.user(agent))
    settle(simulator, work)
    with db.merchant(shop.id):
        assert run_of("delivery_failed").state is RunState.DELIVERED
        before = black_bags().available

    wamid = confirmation(simulator)
    simulator.tap("fatima", wamid, 0)
    settle(simulator, work)
    simulator.tap("fatima", wamid, 0)
    settle(simulator, work)

    with db.merchant(shop.id):
        order = orders.find(ordered)
        assert order.state is SystemState.CONFIRMED
        assert (black_bags().available, black_bags().reserved) == (before - 2, 2)
        assert run_of("delivery_failed").state is RunState.REPLIED
        assert kinds(order).count("moved") == 2
    assert broken() == []


@pytest.fixture
def asked(shop: Merchant, simulator: Simulator, work: Work, ordered: int) -> datetime:
    """The order is to be confirmed, the question delivered; when, by Meta's clock."""
    with db.merchant(shop.id):
        automate(
            SystemState.TO_CONFIRM,
            "delivery_failed",
            timeout=DAY,
            timeout_from="delivered",
            fallback_stage=stage(SystemState.UNREACHABLE),
        )
    agent = factories.member(shop, "confirmation_agent")
    with db.merchant(shop.id):
        pipeline.move(orders.find(ordered), stage(SystemState.TO_CONFIRM), by=By.user(agent))
    settle(simulator, work)
    with db.merchant(shop.id):
        message = run_of("delivery_failed").message
        assert message is not None
        assert message.delivered_at is not None
        return message.delivered_at


def test_5_silence_of_24_hours_makes_it_unreachable(
    shop: Merchant, simulator: Simulator, work: Work, ordered: int, asked: datetime
) -> None:
    with later(simulator, asked + timedelta(hours=24, minutes=1)):
        outbox.sweep()
        settle(simulator, work)
        outbox.sweep()
        settle(simulator, work)

    with db.merchant(shop.id):
        order = orders.find(ordered)
        assert order.state is SystemState.UNREACHABLE
        assert run_of("delivery_failed").state is RunState.EXPIRED
        assert kinds(order).count("moved") == 2
    assert broken() == []


def test_5_an_answer_at_23_59_keeps_it_where_it_is(
    shop: Merchant, simulator: Simulator, work: Work, ordered: int, asked: datetime
) -> None:
    with later(simulator, asked + timedelta(hours=23, minutes=59)):
        simulator.write("fatima", "Attendez, je vérifie")
        settle(simulator, work)
    with later(simulator, asked + timedelta(hours=25)):
        outbox.sweep()
        settle(simulator, work)

    with db.merchant(shop.id):
        assert orders.find(ordered).state is SystemState.TO_CONFIRM
        assert run_of("delivery_failed").state is RunState.REPLIED


def test_7_cancelling_releases_and_a_return_waits_for_its_reception(
    shop: Merchant, simulator: Simulator, work: Work, ordered: int
) -> None:
    manager = By.user(factories.member(shop, "manager"))
    with db.merchant(shop.id):
        before = black_bags().available
        pipeline.move(orders.find(ordered), stage(SystemState.CONFIRMED), by=manager)
        assert black_bags().reserved == 2
        pipeline.move(orders.find(ordered), stage(SystemState.CANCELLED), by=manager)
        assert (black_bags().available, black_bags().reserved) == (before, 0)
        pipeline.move(orders.find(ordered), stage(SystemState.NEW), by=manager)
        pipeline.move(orders.find(ordered), stage(SystemState.CONFIRMED), by=manager)
        pipeline.move(orders.find(ordered), stage(SystemState.SHIPPED), by=manager)
        pipeline.move(orders.find(ordered), stage(SystemState.RETURNED), by=manager)

        assert (black_bags().available, black_bags().reserved) == (before - 2, 0)
        assert [line.stock for line in orders.find(ordered).lines] == [StockPosition.IN_RETURN]
    assert broken() == []


def test_8_a_delayed_message_whose_order_left_the_stage_is_cancelled(
    shop: Merchant, simulator: Simulator, work: Work, ordered: int
) -> None:
    agent = By.user(factories.member(shop, "confirmation_agent"))
    with db.merchant(shop.id):
        automate(SystemState.TO_CONFIRM, "out_for_delivery", delay=23 * 3600)
        pipeline.move(orders.find(ordered), stage(SystemState.TO_CONFIRM), by=agent)
        assert run_of("out_for_delivery").state is RunState.SCHEDULED
        pipeline.move(orders.find(ordered), stage(SystemState.CONFIRMED), by=agent)
    settle(simulator, work)
    said = len(simulator.seen(simulator.customer("fatima")))

    with later(simulator, utcnow() + timedelta(hours=24)):
        outbox.sweep()
        settle(simulator, work)

    with db.merchant(shop.id):
        run = run_of("out_for_delivery")
        assert (run.state, run.cancel_reason) == (RunState.CANCELLED, "left_stage")
    assert len(simulator.seen(simulator.customer("fatima"))) == said


def test_9_after_24_hours_only_a_template_goes_and_is_charged_once(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Salam")
    settle(simulator, work)

    with later(simulator, utcnow() + timedelta(hours=24, seconds=1)):
        with db.merchant(shop.id), pytest.raises(Refused, match="window_closed"):
            messages.queue_text(only(Conversation), "Toujours là ?")
        with db.merchant(shop.id):
            conversation, thanks = only(Conversation), template("thank_you")
            values = {variable.key: "1001" for variable in thanks.variables}
            messages.queue_template(
                conversation, thanks, values, origin=Origin.AGENT, client_id=uuid4()
            )
        work()
        settle(simulator, work)

    with db.merchant(shop.id):
        [charge] = db.session().scalars(select(Charge)).all()
        assert charge.category == "utility"
    assert broken() == []


def test_10_what_meta_refuses_for_good_fails_in_words_and_shows_on_the_order(
    shop: Merchant, simulator: Simulator, work: Work, ordered: int
) -> None:
    agent = By.user(factories.member(shop, "confirmation_agent"))
    with db.merchant(shop.id):
        automate(SystemState.CONFIRMED, "thank_you", on_failure={"not_on_whatsapp": {"do": "call"}})
    simulator.fail(131026)
    with db.merchant(shop.id):
        pipeline.move(orders.find(ordered), stage(SystemState.CONFIRMED), by=agent)
    settle(simulator, work)

    with db.merchant(shop.id):
        order, run = orders.find(ordered), run_of("thank_you")
        assert run.state is RunState.FAILED
        assert "action_failed" in order.flags
        assert order.call_due_at is not None
        message = run.message
        assert message is not None
        assert (message.sending, message.reason) == (Sending.FAILED, "undeliverable")


def test_11_a_deleted_stage_hands_its_orders_next_door_without_a_message(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Salam")
    settle(simulator, work)
    numbers = [take_order(shop, quantity=1) for _ in range(5)]
    settle(simulator, work)
    owner = factories.member(shop, "owner")
    with db.merchant(shop.id):
        here = only(Pipeline)
        form = stages.Form(name="À rappeler", color="yellow", state=SystemState.TO_CONFIRM)
        second = stages.add(here, form)
        automate(SystemState.CONFIRMED, "thank_you")
        for number in numbers:
            pipeline.move(orders.find(number), second, by=By.user(owner))
        before = figures()
    settle(simulator, work)
    said = len(simulator.seen(simulator.customer("fatima")))

    with db.merchant(shop.id):
        stages.delete(db.session().get_one(Stage, (shop.id, second.id)), by=owner)
    settle(simulator, work)

    with db.merchant(shop.id):
        for number in numbers:
            order = orders.find(number)
            assert order.state is SystemState.TO_CONFIRM
            assert order.stage_id != second.id
            assert "stage_deleted" in kinds(order)
        assert figures() == before
    assert len(simulator.seen(simulator.customer("fatima"))) == said
    assert broken() == []


def test_a_template_reaches_somebody_who_never_wrote(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    agent = factories.member(shop, "confirmation_agent")
    with db.merchant(shop.id):
        bag = db.session().scalars(select(Product).where(Product.sku == "SAC")).one()
        form = NewOrder(
            client_id=uuid4(),
            name="Youssef Benali",
            phone=Number("0663456789", "+212663456789"),
            address="45 boulevard Anfa",
            city="Casablanca",
            source="phone",
            lines=(NewLine(product_id=bag.id, variant_id=bag.variants[0].id, quantity=1),),
        )
        number = orders.create(form, by=agent).number
    settle(simulator, work)

    [bubble] = simulator.seen(simulator.customer("youssef"))
    simulator.tap("youssef", bubble.wamid, 0)
    settle(simulator, work)

    with db.merchant(shop.id):
        order = orders.find(number)
        assert order.state is SystemState.CONFIRMED
        assert order.conversation is only(Conversation)
        assert only(Conversation).identity.customer is order.customer
        assert len(db.session().scalars(select(Customer)).all()) == 4
    assert broken() == []


def test_meta_says_at_once_that_the_customer_stopped_advertising(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Salam")
    settle(simulator, work)
    simulator.fail(131050)
    with db.merchant(shop.id):
        conversation, news = only(Conversation), template("back_in_stock")
        values = {variable.key: "Sac" for variable in news.variables}
        messages.queue_template(conversation, news, values, origin=Origin.AGENT)
    settle(simulator, work)

    with db.merchant(shop.id):
        assert only(Conversation).identity.opted_out_at is not None

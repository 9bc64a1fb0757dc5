from itertools import product
from typing import Any

import pytest
from sqlalchemy import func, select

from flows import pipeline, runs, stock
from models import db
from models.automation import Run, RunState
from models.channel import Channel
from models.db import MerchantSession
from models.merchant import Merchant
from models.message import Message, Origin, Sending
from models.pipeline import SystemState
from models.template import MessageTemplate
from models.timeline import AUTOMATION, CUSTOMER, SYSTEM, By
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)
NBSP = "\u00a0"


# --- entering a stage -----------------------------------------------------------------------------


def test_entering_the_stage_queues_its_message_with_everything_filled_in(
    session: MerchantSession,
) -> None:
    automation = shop.automation()

    order = shop.order((None, 1), on=TO_CONFIRM, talk=shop.conversation(), number=1042)

    run, message = shop.question(order)
    assert (run.automation_id, run.failure, run.state) == (automation.id, None, RunState.SCHEDULED)
    assert (message.origin, message.kind, message.sending) == (
        Origin.AUTOMATION,
        "template",
        Sending.QUEUED,
    )
    assert (message.order_id, message.template_id) == (order.id, automation.template_id)
    assert message.text == f"Bonjour Fatima, votre commande 1042 de 135,00{NBSP}MAD est prête ?"
    assert message.payload["payloads"] == {str(n): f"w1.{run.id.hex}.{n}" for n in range(3)}


@pytest.mark.parametrize("by", [SYSTEM, CUSTOMER, AUTOMATION], ids=lambda by: by.actor)
def test_whoever_moves_the_order_the_message_is_queued_once(
    by: By, session: MerchantSession
) -> None:
    shop.automation()
    order = shop.order(on=NEW, talk=shop.conversation())

    pipeline.move(order, shop.stage(TO_CONFIRM), by=by)

    assert len(shop.runs_of(order)) == 1


def test_a_stage_without_state_sends_too(session: MerchantSession) -> None:
    shop.automation("Préparation", buttons={})

    order = shop.order(on="Préparation", talk=shop.conversation())

    assert [run.failure for run in shop.runs_of(order)] == [None]


def test_every_automation_of_the_stage_runs_and_none_that_is_switched_off(
    session: MerchantSession,
) -> None:
    first, second = shop.automation(), shop.automation(name="Deuxième", buttons={})
    shop.automation(active=False)
    shop.automation(on=NEW, buttons={})

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    assert [run.automation_id for run in shop.runs_of(order)] == [first.id, second.id]


def test_coming_back_to_the_stage_sends_nothing_by_default(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation()
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    for state in (NEW, TO_CONFIRM):
        pipeline.move(order, shop.stage(state), by=By.user(agent))

    assert len(shop.runs_of(order)) == 1


def test_coming_back_sends_again_where_the_merchant_allows_it(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation(retrigger=True)
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    for state in (NEW, TO_CONFIRM):
        pipeline.move(order, shop.stage(state), by=By.user(agent))

    first, second = shop.runs_of(order)
    assert first.entry_id != second.entry_id


def test_coming_back_sends_nothing_once_the_merchant_no_longer_allows_it(
    agent: Membership, session: MerchantSession
) -> None:
    automation = shop.automation(retrigger=True)
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())
    automation.retrigger = False

    for state in (NEW, TO_CONFIRM):
        pipeline.move(order, shop.stage(state), by=By.user(agent))

    assert len(shop.runs_of(order)) == 1


def test_the_same_entry_never_runs_twice_even_where_it_may_come_back(
    session: MerchantSession,
) -> None:
    shop.automation(retrigger=True)
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    runs.start(order, pipeline.last_entry(order))

    assert len(shop.runs_of(order)) == 1


# --- what cannot be sent --------------------------------------------------------------------------


def test_a_message_is_never_sent_with_blanks(session: MerchantSession) -> None:
    shop.automation(
        variables={"body.1": "order.city", "body.2": "agent.name", "body.3": "order.number"}
    )

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation(), ship_city="")

    (run,) = shop.runs_of(order)
    assert (run.failure, run.detail) == ("missing_variable", "order.city, agent.name")
    assert run.message is None
    assert sent_messages() == 0


def sent_messages() -> int | None:
    outgoing = select(func.count()).where(Message.origin == Origin.AUTOMATION)
    return db.session().scalar(outgoing)


def test_a_template_meta_took_back_is_not_sent(session: MerchantSession) -> None:
    automation = shop.automation()
    automation.template.state = "paused"

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    assert [run.failure for run in shop.runs_of(order)] == ["template_state"]


def other_number(merchant: Merchant) -> Channel:
    other = Channel(
        name="Deuxième",
        phone_number_id="3" * 15,
        waba_id="9333",
        display_phone_number="+212 520-000003",
        country="MA",
        merchant_id=merchant.id,
    )
    db.session().add(other)
    db.session().flush()
    return other


def test_the_customer_is_answered_on_their_number_with_that_accounts_template(
    merchant: Merchant, session: MerchantSession
) -> None:
    other = other_number(merchant)
    automation = shop.automation()
    twin = shop.template(waba_id=other.waba_id, name=automation.template.name)

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation(phone_number_id="3" * 15))

    _, message = shop.question(order)
    assert (message.channel_id, message.template_id) == (other.id, twin.id)


def test_an_account_without_the_template_sends_nothing(
    merchant: Merchant, session: MerchantSession
) -> None:
    other_number(merchant)
    shop.automation()

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation(phone_number_id="3" * 15))

    assert [run.failure for run in shop.runs_of(order)] == ["template_account"]


def test_one_automation_that_fails_stops_neither_the_move_nor_the_next(
    session: MerchantSession,
) -> None:
    broken = shop.automation()
    broken.variables = ["not even a mapping"]  # type: ignore[assignment]  # broken on purpose
    good = shop.automation(name="Deuxième")
    db.session().flush()

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    assert {run.automation_id: run.failure for run in shop.runs_of(order)} == {
        broken.id: "internal",
        good.id: None,
    }
    assert order.state is TO_CONFIRM


def test_short_stock_refuses_before_anything_is_queued(
    merchant: Merchant, agent: Membership, session: MerchantSession
) -> None:
    shop.automation(on=CONFIRMED, buttons={})
    order = shop.order((shop.bag(stock_of=1), 2), on=TO_CONFIRM, talk=shop.conversation())

    with pytest.raises(stock.OutOfStock):
        pipeline.move(order, shop.stage(CONFIRMED), by=By.user(agent))

    assert shop.runs_of(order) == []


# --- looking back ---------------------------------------------------------------------------------


def test_the_history_shows_the_newest_first_page_by_page(session: MerchantSession) -> None:
    shop.automation()
    talk = shop.conversation()
    orders = [shop.order(on=TO_CONFIRM, talk=talk) for _ in range(5)]

    first = runs.listed(limit=3)
    second = runs.listed(limit=3, before=(first[-1].created_at, first[-1].id))

    assert [run.order_id for run in [*first, *second]] == [o.id for o in reversed(orders)]


def test_the_state_in_sql_is_the_state_people_see(session: MerchantSession) -> None:
    """Every combination of what a run and its message may be."""
    automation = shop.automation(retrigger=True)
    order = shop.asked()
    template = automation.template
    seed, message = shop.question(order)
    on_its_way = [
        (sending, rank, utcnow() if sending is Sending.FAILED else None)
        for sending, rank in product([None, *Sending], [None, 0, 2])
    ]
    combinations: list[tuple[Any, ...]] = [
        (None, due_at, *way) for due_at in (None, utcnow()) for way in on_its_way
    ]
    for ended in ("failure", "replied_at", "expired_at", "cancelled_at"):
        combinations += [(ended, None, *way) for way in on_its_way[::4]]
    for ended, due_at, sending, rank, failed_at in combinations:
        made = Message(
            conversation_id=message.conversation_id,
            channel_id=message.channel_id,
            direction="out",
            origin=Origin.AUTOMATION,
            kind="template",
            template_id=template.id,
            sending=sending,
            rank=rank,
            failed_at=failed_at,
        )
        run = Run(
            automation=automation,
            order=order,
            entry_id=seed.entry_id,
            trigger=made.id,
            message=made,
            due_at=due_at,
            **({ended: "no_phone" if ended == "failure" else utcnow()} if ended else {}),
        )
        db.session().add_all([made, run])
    for due_at in (None, utcnow()):
        no_message = Run(
            automation=automation,
            order=order,
            entry_id=seed.entry_id,
            trigger=factories.some_id(),
            due_at=due_at,
        )
        db.session().add(no_message)
    db.session().flush()

    for state in RunState:
        found = runs.listed(state=state, limit=10_000)
        assert {run.state for run in found} <= {state}
    everything = runs.listed(limit=10_000)
    shown = [run for state in RunState for run in runs.listed(state=state, limit=10_000)]
    assert len(shown) == len(everything) == len(combinations) + 3


def test_runs_are_counted_by_automation(session: MerchantSession) -> None:
    asking = shop.automation()
    quiet = shop.automation(on=SHIPPED, buttons={})
    for _ in range(2):
        shop.order(on=TO_CONFIRM, talk=shop.conversation())

    assert runs.counts() == {asking.id: 2}
    assert quiet.id not in runs.counts()


def test_another_merchant_sees_no_run(merchant: Merchant, stranger: Membership) -> None:
    with db.merchant(merchant.id):
        shop.automation()
        shop.order(on=TO_CONFIRM, talk=shop.conversation())

    with db.merchant(stranger.merchant_id) as theirs:
        assert runs.listed() == []
        assert theirs.scalars(select(MessageTemplate)).all() == []

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from flows import arrivals, customers, pipeline, runs, stock
from flows.events import Person
from models import db
from models.automation import RunState
from models.conversation import Activity
from models.db import MerchantSession
from models.merchant import Merchant
from models.message import Message
from models.notification import Notification
from models.order import Order
from models.pipeline import SystemState
from models.timeline import By
from models.types import Json, utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)


def tap(order: Order, index: int, *, text: str = "Confirmer", **changes: Any) -> None:
    """The customer touches a button of the question about `order`."""
    run, message = shop.question(order)
    event: Json = {
        "kind": "button",
        "text": text,
        "payload": {"text": text, "payload": runs.payload(run, index)},
        "button_payload": runs.payload(run, index),
        "button_text": text,
        "context_wamid": message.wamid,
    }
    arrivals.take_in([factories.inbound(**(event | changes))])
    db.session().flush()
    db.session().refresh(order)


def said_in(order: Order) -> list[str]:
    thread = select(Activity.kind).where(Activity.conversation_id == order.conversation_id)
    return list(db.session().scalars(thread.order_by(Activity.at)))


# --- a tap ----------------------------------------------------------------------------------------


def test_a_tap_moves_the_order_by_the_customer(session: MerchantSession) -> None:
    shop.automation()
    order = shop.asked((shop.bag(stock_of=5), 2))

    tap(order, 0)

    assert order.state is CONFIRMED
    entry = pipeline.last_entry(order)
    (run,) = shop.runs_of(order)
    assert entry.actor == "customer"
    assert entry.facts["run"] == str(run.id)
    assert entry.facts["button"] == "Confirmer"
    assert (run.state, run.reply) == (RunState.REPLIED, "Confirmer")
    assert "order_moved" in said_in(order)


def test_a_tap_moves_the_order_it_is_about_not_another_of_the_customer(
    session: MerchantSession,
) -> None:
    shop.automation()
    first, second = shop.asked(), shop.asked()

    tap(first, 0)

    db.session().refresh(second)
    assert (first.state, second.state) == (CONFIRMED, TO_CONFIRM)


def test_a_tap_is_understood_by_the_message_it_answers_when_the_payload_is_lost(
    session: MerchantSession,
) -> None:
    shop.automation()
    first, second = shop.asked(), shop.asked()

    tap(first, 1, text="Annuler", button_payload="Annuler", payload={"text": "Annuler"})

    db.session().refresh(second)
    assert (first.state, second.state) == (CANCELLED, TO_CONFIRM)


def test_an_interactive_reply_counts_like_a_tap(session: MerchantSession) -> None:
    shop.automation()
    order = shop.asked()

    tap(order, 0, kind="interactive")

    assert order.state is CONFIRMED


def test_a_second_tap_only_leaves_a_note(session: MerchantSession) -> None:
    shop.automation()
    order = shop.asked()
    tap(order, 0)

    tap(order, 1, text="Annuler")

    assert order.state is CONFIRMED
    (note,) = shop.entries_of(order, "repeated_tap")
    assert (note.actor, note.facts["button"]) == ("customer", "Annuler")
    assert "repeated_tap" in said_in(order)
    assert shop.runs_of(order)[0].reply == "Confirmer"


def test_a_second_tap_only_leaves_a_note_even_if_the_order_came_back(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation()
    order = shop.asked()
    tap(order, 0)
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    tap(order, 0)

    assert order.state is TO_CONFIRM
    assert len(shop.entries_of(order, "repeated_tap")) == 1


def test_a_tap_after_the_order_moved_on_only_leaves_a_note(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation()
    order = shop.asked()
    pipeline.move(order, shop.stage(CANCELLED), by=By.user(agent))

    tap(order, 0)

    assert order.state is CANCELLED
    (note,) = shop.entries_of(order, "late_tap")
    assert note.facts["stage"] == "Annulée"
    assert "late_tap" in said_in(order)
    assert shop.runs_of(order)[0].state is RunState.REPLIED
    assert order.flags == ["late_tap"]
    assert rung() == ["late_tap"]


def rung() -> list[str]:
    """What rang somebody's bell."""
    return list(db.session().scalars(select(Notification.kind).order_by(Notification.id)))


def test_a_second_late_tap_rings_no_second_time(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation()
    order = shop.asked()
    pipeline.move(order, shop.stage(CANCELLED), by=By.user(agent))

    for _ in range(2):
        tap(order, 0)

    assert len(shop.entries_of(order, "late_tap")) == 2
    assert rung() == ["late_tap"]


def test_a_tap_obeys_the_stage_it_was_sent_for_whatever_the_automation_says_since(
    session: MerchantSession,
) -> None:
    automation = shop.automation()
    order = shop.asked()
    automation.stage = shop.stage(NEW)
    db.session().flush()

    tap(order, 0)

    assert order.state is CONFIRMED


def test_a_button_that_leads_nowhere_is_only_noted(session: MerchantSession) -> None:
    shop.automation()
    order = shop.asked()

    tap(order, 2, text="Une question")

    assert order.state is TO_CONFIRM
    assert len(shop.entries_of(order, "tapped")) == 1
    assert shop.runs_of(order)[0].reply == "Une question"


def test_words_before_the_tap_do_not_use_it_up(session: MerchantSession) -> None:
    shop.automation()
    order = shop.asked()
    arrivals.take_in([factories.inbound("C'est combien ?")])

    tap(order, 0)

    assert order.state is CONFIRMED
    assert shop.question(order)[0].reply == "C'est combien ?"


def test_a_tap_that_stock_refuses_is_kept_and_seen(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation()
    bag = shop.bag(stock_of=1)
    order = shop.asked((bag, 2))

    tap(order, 0)

    assert (order.state, order.flags, order.version) == (TO_CONFIRM, ["stock_blocked"], 1)
    (note,) = shop.entries_of(order, "stock_blocked")
    assert note.facts["sku"] == bag.sku
    assert (note.facts["available"], note.facts["needed"]) == (1, 2)
    assert shop.held(bag) == (1, 0)
    assert "stock_blocked" in said_in(order)
    assert last_text(order) == "Confirmer"
    assert rung() == ["stock_blocked"]


def last_text(order: Order) -> str:
    thread = select(Message).where(Message.conversation_id == order.conversation_id)
    newest_first = thread.order_by(Message.at.desc(), Message.seq.desc()).limit(1)
    return db.session().scalars(newest_first).one().text


def test_after_new_stock_the_same_tap_confirms_and_clears_the_flag(
    session: MerchantSession,
) -> None:
    shop.automation()
    bag = shop.bag(stock_of=1)
    order = shop.asked((bag, 2))
    tap(order, 0)
    stock.adjust(bag, 5, reason="Arrivage")

    tap(order, 0)

    assert (order.state, order.flags) == (CONFIRMED, [])
    assert shop.held(bag) == (4, 2)


def test_tapping_a_blocked_order_again_says_so_once(session: MerchantSession) -> None:
    shop.automation()
    order = shop.asked((shop.bag(stock_of=1), 2))

    for _ in range(3):
        tap(order, 0)

    assert len(shop.entries_of(order, "stock_blocked")) == 1
    assert len(shop.entries_of(order, "repeated_tap")) == 2


def test_a_tap_the_pipeline_does_not_allow_is_noted(session: MerchantSession) -> None:
    shop.automation(buttons={0: DELIVERED})
    order = shop.asked()

    tap(order, 0)

    assert order.state is TO_CONFIRM
    (note,) = shop.entries_of(order, "tap_refused")
    assert (note.facts["to"], note.facts["code"]) == ("Livrée", "transition_refused")


def test_a_button_leads_where_it_led_when_the_message_was_sent(session: MerchantSession) -> None:
    automation = shop.automation()
    order = shop.asked()
    confirms, cancels = automation.buttons
    confirms.stage, cancels.stage = cancels.stage, confirms.stage
    db.session().flush()

    tap(order, 0)

    assert order.state is CONFIRMED


def test_words_that_the_button_never_said_move_nothing(session: MerchantSession) -> None:
    shop.automation()
    order = shop.asked()

    tap(order, 0, text="Annuler")

    assert order.state is TO_CONFIRM
    assert len(shop.entries_of(order, "tapped")) == 1


def test_an_older_message_leads_where_the_automation_says_if_its_words_agree(
    session: MerchantSession,
) -> None:
    shop.automation()
    order = shop.asked()
    _, message = shop.question(order)
    message.payload = {k: v for k, v in message.payload.items() if k != "leads"}

    tap(order, 0, text="Annuler")
    assert order.state is TO_CONFIRM
    tap(order, 0)

    assert order.state is CONFIRMED


def test_the_tap_of_a_blocked_customer_moves_nothing(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation()
    order = shop.asked()
    customers.block(order.customer, reason="Trois colis refusés", by=agent)

    tap(order, 0)

    assert order.state is TO_CONFIRM
    (note,) = shop.entries_of(order, "tap_refused")
    assert (note.facts["to"], note.facts["code"]) == ("Confirmée", "blocked")


def test_a_payload_taken_from_somebody_elses_message_moves_nothing(
    session: MerchantSession,
) -> None:
    shop.automation()
    order = shop.asked()
    run = shop.runs_of(order)[0]
    thief = shop.conversation(
        sender=Person(wa_id="212699999999", profile_name="Thief"),
        kind="button",
        text="Annuler",
        button_payload=runs.payload(run, 1),
        button_text="Annuler",
    )

    db.session().refresh(order)
    assert order.state is TO_CONFIRM
    assert thief.id != order.conversation_id
    assert run.replied_at is None


@pytest.mark.parametrize(
    "text", [None, "", "Confirmer", "w1.", "w1.zz.0", "w1." + "0" * 32, "w2." + "0" * 32 + ".0"]
)
def test_what_we_did_not_write_is_not_read(text: str | None) -> None:
    assert runs.read_payload(text) is None


def test_a_tap_delivered_twice_by_meta_is_one_tap(session: MerchantSession) -> None:
    shop.automation()
    order = shop.asked()

    for _ in range(2):
        tap(order, 0, wamid="wamid.the-same")

    assert order.state is CONFIRMED
    assert [e.kind for e in shop.entries_of(order)] == ["created", "moved"]


def test_two_taps_at_the_same_moment_make_one_move(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        shop.automation()
        order = shop.asked((shop.bag(stock_of=5), 2))
        run = shop.runs_of(order)[0]
        buttons = [(runs.payload(run, 0), "Confirmer"), (runs.payload(run, 1), "Annuler")] * 2
    line_up = Barrier(4)

    def touch(button: tuple[str, str]) -> None:
        payload, words = button
        line_up.wait()
        with db.merchant(merchant.id):
            arrivals.take_in(
                [factories.inbound(words, kind="button", button_payload=payload, button_text=words)]
            )

    with ThreadPoolExecutor(4) as fingers:
        list(fingers.map(touch, buttons))

    with db.merchant(merchant.id) as session:
        again = session.get_one(Order, (merchant.id, order.id))
        kinds = [e.kind for e in shop.entries_of(again)]
        assert sorted(kinds) == ["created", "moved"] + ["repeated_tap"] * 3


def test_a_tap_and_a_drag_at_the_same_moment_both_end(
    merchant: Merchant, agent: Membership
) -> None:
    with db.merchant(merchant.id):
        shop.automation()
        shop.automation(on=CANCELLED, buttons={}, variables=shop.MAPPING)
        bag = shop.bag(stock_of=50)
        orders = [shop.asked((bag, 1)) for _ in range(6)]
        taps = [runs.payload(shop.runs_of(o)[0], 0) for o in orders]
    line_up = Barrier(2)

    def touch(button: str) -> None:
        line_up.wait()
        with db.merchant(merchant.id):
            arrivals.take_in(
                [factories.inbound(kind="button", button_payload=button, button_text="Confirmer")]
            )

    def drag(order: Order) -> None:
        with db.merchant(merchant.id) as session:
            again = session.get_one(Order, (merchant.id, order.id))
            line_up.wait()
            pipeline.move(again, shop.stage(CANCELLED), by=By.user(agent))

    with ThreadPoolExecutor(2) as people:
        for order, button in zip(orders, taps, strict=True):
            for done in [people.submit(touch, button), people.submit(drag, order)]:
                done.result()

    with db.merchant(merchant.id) as session:
        states = {session.get_one(Order, (merchant.id, o.id)).state for o in orders}
        assert states == {CANCELLED}
        assert shop.held(bag) == (50, 0)


# --- any other answer -----------------------------------------------------------------------------


def test_any_message_is_the_reply_to_the_newest_question(session: MerchantSession) -> None:
    shop.automation()
    older = shop.asked()
    newer = shop.asked(talk=older.conversation)

    arrivals.take_in([factories.inbound("Oui c'est bon")])

    answered, _ = shop.question(newer)
    assert shop.question(older)[0].state is RunState.SENT
    assert (answered.state, answered.reply) == (RunState.REPLIED, "Oui c'est bon")
    assert newer.state is TO_CONFIRM


def test_an_answer_that_quotes_a_question_is_the_reply_to_that_one(
    session: MerchantSession,
) -> None:
    shop.automation()
    older = shop.asked()
    newer = shop.asked(talk=older.conversation)
    _, message = shop.question(older)

    arrivals.take_in([factories.inbound("Oui", context_wamid=message.wamid)])

    assert shop.question(older)[0].state is RunState.REPLIED
    assert shop.question(newer)[0].state is RunState.SENT


def test_nobody_answers_what_has_not_left_or_never_arrived(session: MerchantSession) -> None:
    shop.automation()
    waiting = shop.order(on=TO_CONFIRM, talk=shop.conversation())
    failed = shop.asked()
    shop.question(failed)[1].failed_at = utcnow()

    arrivals.take_in([factories.inbound("Salam")])

    for order in (waiting, failed):
        assert shop.question(order)[0].replied_at is None


def test_what_was_written_before_the_question_is_no_answer_to_it(session: MerchantSession) -> None:
    shop.automation()
    order = shop.asked()

    arrivals.take_in([factories.inbound("Salam", at=utcnow() - timedelta(minutes=5))])

    assert shop.question(order)[0].replied_at is None


def test_another_customers_message_answers_nothing(session: MerchantSession) -> None:
    shop.automation()
    order = shop.asked()

    arrivals.take_in([factories.inbound(sender=Person(wa_id="212699999999"))])

    assert shop.question(order)[0].replied_at is None

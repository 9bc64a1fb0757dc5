from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import product
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select

from flows import arrivals, automations, pipeline, presets, runs, stock
from flows.errors import Invalid, Refused
from flows.events import Person
from models import db
from models.automation import Run, RunState
from models.catalog import Variant
from models.channel import Channel
from models.conversation import Activity
from models.db import MerchantSession
from models.merchant import Merchant
from models.message import Message, Origin, Sending
from models.order import Order
from models.pipeline import SystemState
from models.template import MessageTemplate
from models.timeline import AUTOMATION, CUSTOMER, SYSTEM, By
from models.types import Json, utcnow
from models.user import Membership
from tests import factories
from tests.flows import shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)
NBSP = "\u00a0"


def asked(*lines: tuple[Variant | None, int], **values: Any) -> Order:
    """An order whose customer was asked to confirm, and Meta took the question."""
    talk = values.pop("talk", None) or shop.conversation()
    order = shop.order(*lines, on=TO_CONFIRM, talk=talk, **values)
    accept(order)
    return order


def accept(order: Order) -> None:
    for run in shop.runs_of(order):
        assert run.message is not None
        run.message.sending, run.message.rank = Sending.ACCEPTED, 0
        run.message.wamid = f"wamid.out.{run.message.seq}"
    db.session().flush()


def tap(order: Order, index: int, *, text: str = "Confirmer", **changes: Any) -> None:
    """The customer touches a button of the question about `order`."""
    run, message = question(order)
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


def question(order: Order) -> tuple[Run, Message]:
    """The first run about the order, as the database has it, and its message."""
    run = shop.runs_of(order)[0]
    db.session().refresh(run)
    assert run.message is not None
    return run, run.message


def said_in(order: Order) -> list[str]:
    thread = select(Activity.kind).where(Activity.conversation_id == order.conversation_id)
    return list(db.session().scalars(thread.order_by(Activity.at)))


# --- entering a stage -----------------------------------------------------------------------------


def test_entering_the_stage_queues_its_message_with_everything_filled_in(
    session: MerchantSession,
) -> None:
    automation = shop.automation()

    order = shop.order((None, 1), on=TO_CONFIRM, talk=shop.conversation(), number=1042)

    run, message = question(order)
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


def test_the_same_entry_never_runs_twice_even_where_it_may_come_back(
    session: MerchantSession,
) -> None:
    shop.automation(retrigger=True)
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    runs.start(order, pipeline.last_entry(order))

    assert len(shop.runs_of(order)) == 1


# --- what cannot be sent --------------------------------------------------------------------------


def test_an_order_without_conversation_moves_and_shows_why_nothing_was_sent(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation()
    order = shop.order(on=NEW)

    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    (run,) = shop.runs_of(order)
    assert (order.state, run.failure, run.state) == (TO_CONFIRM, "no_conversation", RunState.FAILED)
    (entry,) = shop.entries_of(order, "automation_failed")
    assert entry.facts == {
        "automation": "Demande de confirmation",
        "code": "no_conversation",
        "detail": "",
    }


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

    _, message = question(order)
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


# --- a tap ----------------------------------------------------------------------------------------


def test_a_tap_moves_the_order_by_the_customer(session: MerchantSession) -> None:
    shop.automation()
    order = asked((shop.bag(stock_of=5), 2))

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
    first, second = asked(), asked()

    tap(first, 0)

    db.session().refresh(second)
    assert (first.state, second.state) == (CONFIRMED, TO_CONFIRM)


def test_a_tap_is_understood_by_the_message_it_answers_when_the_payload_is_lost(
    session: MerchantSession,
) -> None:
    shop.automation()
    first, second = asked(), asked()

    tap(first, 1, text="Annuler", button_payload="Annuler", payload={"text": "Annuler"})

    db.session().refresh(second)
    assert (first.state, second.state) == (CANCELLED, TO_CONFIRM)


def test_an_interactive_reply_counts_like_a_tap(session: MerchantSession) -> None:
    shop.automation()
    order = asked()

    tap(order, 0, kind="interactive")

    assert order.state is CONFIRMED


def test_a_second_tap_only_leaves_a_note(session: MerchantSession) -> None:
    shop.automation()
    order = asked()
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
    order = asked()
    tap(order, 0)
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    tap(order, 0)

    assert order.state is TO_CONFIRM
    assert len(shop.entries_of(order, "repeated_tap")) == 1


def test_a_tap_after_the_order_moved_on_only_leaves_a_note(
    agent: Membership, session: MerchantSession
) -> None:
    shop.automation()
    order = asked()
    pipeline.move(order, shop.stage(CANCELLED), by=By.user(agent))

    tap(order, 0)

    assert order.state is CANCELLED
    (note,) = shop.entries_of(order, "late_tap")
    assert note.facts["stage"] == "Annulée"
    assert "late_tap" in said_in(order)
    assert shop.runs_of(order)[0].state is RunState.REPLIED


def test_a_tap_obeys_the_stage_it_was_sent_for_whatever_the_automation_says_since(
    session: MerchantSession,
) -> None:
    automation = shop.automation()
    order = asked()
    automation.stage = shop.stage(NEW)
    db.session().flush()

    tap(order, 0)

    assert order.state is CONFIRMED


def test_a_button_that_leads_nowhere_is_only_noted(session: MerchantSession) -> None:
    shop.automation()
    order = asked()

    tap(order, 2, text="Une question")

    assert order.state is TO_CONFIRM
    assert len(shop.entries_of(order, "tapped")) == 1
    assert shop.runs_of(order)[0].reply == "Une question"


def test_words_before_the_tap_do_not_use_it_up(session: MerchantSession) -> None:
    shop.automation()
    order = asked()
    arrivals.take_in([factories.inbound("C'est combien ?")])

    tap(order, 0)

    assert order.state is CONFIRMED
    assert question(order)[0].reply == "C'est combien ?"


def test_a_tap_that_stock_refuses_is_kept_and_seen(session: MerchantSession) -> None:
    shop.automation()
    bag = shop.bag(stock_of=1)
    order = asked((bag, 2))

    tap(order, 0)

    assert (order.state, order.flag, order.version) == (TO_CONFIRM, "stock_blocked", 1)
    (note,) = shop.entries_of(order, "stock_blocked")
    assert note.facts["sku"] == bag.sku
    assert (note.facts["available"], note.facts["needed"]) == (1, 2)
    assert shop.held(bag) == (1, 0)
    assert "stock_blocked" in said_in(order)
    assert last_text(order) == "Confirmer"


def last_text(order: Order) -> str:
    thread = select(Message).where(Message.conversation_id == order.conversation_id)
    newest_first = thread.order_by(Message.at.desc(), Message.seq.desc()).limit(1)
    return db.session().scalars(newest_first).one().text


def test_after_new_stock_the_same_tap_confirms_and_clears_the_flag(
    session: MerchantSession,
) -> None:
    shop.automation()
    bag = shop.bag(stock_of=1)
    order = asked((bag, 2))
    tap(order, 0)
    stock.adjust(bag, 5, reason="Arrivage")

    tap(order, 0)

    assert (order.state, order.flag) == (CONFIRMED, None)
    assert shop.held(bag) == (4, 2)


def test_tapping_a_blocked_order_again_says_so_once(session: MerchantSession) -> None:
    shop.automation()
    order = asked((shop.bag(stock_of=1), 2))

    for _ in range(3):
        tap(order, 0)

    assert len(shop.entries_of(order, "stock_blocked")) == 1
    assert len(shop.entries_of(order, "repeated_tap")) == 2


def test_a_tap_the_pipeline_does_not_allow_is_noted(session: MerchantSession) -> None:
    shop.automation(buttons={0: DELIVERED})
    order = asked()

    tap(order, 0)

    assert order.state is TO_CONFIRM
    (note,) = shop.entries_of(order, "tap_refused")
    assert (note.facts["to"], note.facts["code"]) == ("Livrée", "transition_refused")


def test_a_payload_taken_from_somebody_elses_message_moves_nothing(
    session: MerchantSession,
) -> None:
    shop.automation()
    order = asked()
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
    order = asked()

    for _ in range(2):
        tap(order, 0, wamid="wamid.the-same")

    assert order.state is CONFIRMED
    assert [e.kind for e in shop.entries_of(order)] == ["created", "moved"]


def test_two_taps_at_the_same_moment_make_one_move(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        shop.automation()
        order = asked((shop.bag(stock_of=5), 2))
        run = shop.runs_of(order)[0]
        payloads = [runs.payload(run, 0), runs.payload(run, 1)] * 2
    line_up = Barrier(4)

    def touch(button: str) -> None:
        line_up.wait()
        with db.merchant(merchant.id):
            arrivals.take_in(
                [factories.inbound("x", kind="button", button_payload=button, button_text="x")]
            )

    with ThreadPoolExecutor(4) as fingers:
        list(fingers.map(touch, payloads))

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
        orders = [asked((bag, 1)) for _ in range(6)]
        taps = [runs.payload(shop.runs_of(o)[0], 0) for o in orders]
    line_up = Barrier(2)

    def touch(button: str) -> None:
        line_up.wait()
        with db.merchant(merchant.id):
            arrivals.take_in(
                [factories.inbound("x", kind="button", button_payload=button, button_text="x")]
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
    older = asked()
    newer = asked(talk=older.conversation)

    arrivals.take_in([factories.inbound("Oui c'est bon")])

    answered, _ = question(newer)
    assert question(older)[0].state is RunState.SENT
    assert (answered.state, answered.reply) == (RunState.REPLIED, "Oui c'est bon")
    assert newer.state is TO_CONFIRM


def test_an_answer_that_quotes_a_question_is_the_reply_to_that_one(
    session: MerchantSession,
) -> None:
    shop.automation()
    older = asked()
    newer = asked(talk=older.conversation)
    _, message = question(older)

    arrivals.take_in([factories.inbound("Oui", context_wamid=message.wamid)])

    assert question(older)[0].state is RunState.REPLIED
    assert question(newer)[0].state is RunState.SENT


def test_nobody_answers_what_has_not_left_or_never_arrived(session: MerchantSession) -> None:
    shop.automation()
    waiting = shop.order(on=TO_CONFIRM, talk=shop.conversation())
    failed = asked()
    question(failed)[1].failed_at = utcnow()

    arrivals.take_in([factories.inbound("Salam")])

    for order in (waiting, failed):
        assert question(order)[0].replied_at is None


def test_what_was_written_before_the_question_is_no_answer_to_it(session: MerchantSession) -> None:
    shop.automation()
    order = asked()

    arrivals.take_in([factories.inbound("Salam", at=utcnow() - timedelta(minutes=5))])

    assert question(order)[0].replied_at is None


def test_another_customers_message_answers_nothing(session: MerchantSession) -> None:
    shop.automation()
    order = asked()

    arrivals.take_in([factories.inbound(sender=Person(wa_id="212699999999"))])

    assert question(order)[0].replied_at is None


# --- setting up -----------------------------------------------------------------------------------


def form(**changes: Any) -> automations.Form:
    values: Json = {
        "name": " Demande ",
        "stage": shop.stage(TO_CONFIRM),
        "template": shop.template(),
        "variables": shop.MAPPING | {"body.9": "left over from another template"},
        "buttons": {0: shop.stage(CONFIRMED), 1: shop.stage(CANCELLED), 2: None},
    }
    return automations.Form(**(values | changes))


def test_a_saved_automation_does_what_the_form_says(session: MerchantSession) -> None:
    made = automations.save(form(retrigger=True))
    db.session().flush()

    assert (made.name, made.stage.state, made.active, made.retrigger) == (
        "Demande",
        TO_CONFIRM,
        True,
        True,
    )
    assert made.variables == shop.MAPPING
    assert {b.index: b.stage.state if b.stage else None for b in made.buttons} == {
        0: CONFIRMED,
        1: CANCELLED,
        2: None,
    }


def test_an_automation_can_be_changed_and_its_buttons_repointed(session: MerchantSession) -> None:
    made = automations.save(form())
    db.session().flush()

    automations.save(form(name="Autre", buttons={0: shop.stage(CANCELLED)}), made)
    db.session().flush()
    db.session().expire(made)

    assert made.name == "Autre"
    assert [(b.index, b.stage) for b in made.buttons] == [(0, shop.stage(CANCELLED))]


def test_all_that_is_wrong_is_said_at_once(session: MerchantSession) -> None:
    with pytest.raises(Invalid) as no:
        automations.save(
            form(
                name=" ",
                stage=None,
                variables={"body.1": "customer.name", "body.2": "no.such"},
                buttons={7: shop.stage(CONFIRMED)},
            )
        )

    assert sorted(no.value.fields) == [
        "buttons.7",
        "name",
        "stage",
        "variables.body.2",
        "variables.body.3",
    ]
    assert db.session().scalar(select(func.count()).select_from(Run)) == 0


@pytest.mark.parametrize("state", ["paused", "pending", "rejected", "disabled"])
def test_only_approved_templates_are_taken(state: str, session: MerchantSession) -> None:
    with pytest.raises(Invalid) as no:
        automations.save(form(template=shop.template(state=state)))

    assert no.value.fields["template"].code == "template_state"


def test_a_button_cannot_promise_what_a_customer_may_not_do(session: MerchantSession) -> None:
    with pytest.raises(Invalid) as no:
        automations.save(form(buttons={0: shop.stage(DELIVERED)}))

    assert no.value.fields["buttons.0"].code == "transition_refused"


def test_a_button_stays_in_its_pipeline(merchant: Merchant, session: MerchantSession) -> None:
    wish = form()
    other = presets.apply(merchant, "cod", "en")
    db.session().flush()

    with pytest.raises(Invalid) as no:
        automations.save(replace(wish, buttons={0: other.stages[3]}))

    assert no.value.fields["buttons.0"].code == "foreign_stage"


def test_a_hidden_stage_triggers_nothing(session: MerchantSession) -> None:
    shop.stage(TO_CONFIRM).active = False

    with pytest.raises(Invalid) as no:
        automations.save(form())

    assert "stage" in no.value.fields


def test_an_automation_is_switched_off_and_on(session: MerchantSession) -> None:
    automation = shop.automation()
    automations.switch(automation, on=False)
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())
    assert shop.runs_of(order) == []

    automations.switch(automation, on=True)
    automation.template.state = "paused"
    with pytest.raises(Refused, match="template_state"):
        automations.switch(automation, on=True)


def test_automations_are_listed_in_the_order_of_the_stages(session: MerchantSession) -> None:
    late, early = shop.automation(on=SHIPPED, buttons={}), shop.automation(on=NEW, buttons={})

    assert [a.id for a in automations.listed()] == [early.id, late.id]


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
    order = asked()
    template = automation.template
    seed, message = question(order)
    combinations = product(
        [None, "no_conversation"],
        [None, utcnow()],
        [None, *Sending],
        [None, 0, 1, 2, 3, 4],
        [None, utcnow()],
    )
    for failure, replied_at, sending, rank, failed_at in combinations:
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
            failure=failure,
            replied_at=replied_at,
        )
        db.session().add_all([made, run])
    no_message = Run(
        automation=automation, order=order, entry_id=seed.entry_id, trigger=factories.some_id()
    )
    db.session().add(no_message)
    db.session().flush()

    for state in RunState:
        found = runs.listed(state=state, limit=10_000)
        assert {run.state for run in found} <= {state}
    everything = runs.listed(limit=10_000)
    shown = [run for state in RunState for run in runs.listed(state=state, limit=10_000)]
    assert len(shown) == len(everything) == 2 * 2 * 9 * 6 * 2 + 2


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

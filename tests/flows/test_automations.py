from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product
from threading import Barrier

import pytest
from sqlalchemy import func, select

from flows import arrivals, automations, pipeline, presets, runs, stock
from flows.errors import Invalid, Refused
from models import db
from models.automation import Run, RunState
from models.channel import Channel
from models.conversation import Activity
from models.message import Message, Origin, Sending
from models.order import Order
from models.pipeline import SystemState
from models.template import MessageTemplate
from models.timeline import AUTOMATION, CUSTOMER, SYSTEM, By
from models.types import utcnow
from tests import factories
from tests.flows import shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILURE, DELIVERED, RETURNED, CANCELLED = (
    SystemState
)
NBSP = "\u00a0"


def asked(*lines, **values):
    """An order whose customer was asked to confirm, and Meta took the question."""
    talk = values.pop("talk", None) or shop.conversation()
    order = shop.order(*lines, on=TO_CONFIRM, talk=talk, **values)
    accept(order)
    return order


def accept(order):
    for run in shop.runs_of(order):
        run.message.sending, run.message.rank = Sending.ACCEPTED, 0
        run.message.wamid = f"wamid.out.{run.message.seq}"
    db.session().flush()


def tap(order, index, *, text="Confirmer", run=None, **changes):
    """The customer touches a button of the question about `order`."""
    run = run or shop.runs_of(order)[0]
    event = {
        "kind": "button",
        "text": text,
        "payload": {"text": text, "payload": runs.payload(run, index)},
        "button_payload": runs.payload(run, index),
        "button_text": text,
        "context_wamid": run.message.wamid,
    }
    arrivals.take_in([factories.inbound(**(event | changes))])
    db.session().flush()
    db.session().refresh(order)


def said_in(order):
    thread = select(Activity.kind).where(Activity.conversation_id == order.conversation_id)
    return list(db.session().scalars(thread.order_by(Activity.at)))


# --- entering a stage -----------------------------------------------------------------------------


def test_entering_the_stage_queues_its_message_with_everything_filled_in(session):
    automation = shop.automation()

    order = shop.order((None, 1), on=TO_CONFIRM, talk=shop.conversation(), number=1042)

    (run,) = shop.runs_of(order)
    message = run.message
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
def test_whoever_moves_the_order_the_message_is_queued_once(by, session):
    shop.automation()
    order = shop.order(on=NEW, talk=shop.conversation())

    pipeline.move(order, shop.stage(TO_CONFIRM), by=by)

    assert len(shop.runs_of(order)) == 1


def test_a_stage_without_state_sends_too(session):
    shop.automation("Préparation", buttons={})

    order = shop.order(on="Préparation", talk=shop.conversation())

    assert [run.failure for run in shop.runs_of(order)] == [None]


def test_every_automation_of_the_stage_runs_and_none_that_is_switched_off(session):
    first, second = shop.automation(), shop.automation(name="Deuxième", buttons={})
    shop.automation(active=False)
    shop.automation(on=NEW, buttons={})

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    assert [run.automation_id for run in shop.runs_of(order)] == [first.id, second.id]


def test_coming_back_to_the_stage_sends_nothing_by_default(agent, session):
    shop.automation()
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    for state in (NEW, TO_CONFIRM):
        pipeline.move(order, shop.stage(state), by=By.user(agent))

    assert len(shop.runs_of(order)) == 1


def test_coming_back_sends_again_where_the_merchant_allows_it(agent, session):
    shop.automation(retrigger=True)
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    for state in (NEW, TO_CONFIRM):
        pipeline.move(order, shop.stage(state), by=By.user(agent))

    first, second = shop.runs_of(order)
    assert first.entry_id != second.entry_id


def test_the_same_entry_never_runs_twice_even_where_it_may_come_back(session):
    shop.automation(retrigger=True)
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    runs.start(order, pipeline.last_entry(order))

    assert len(shop.runs_of(order)) == 1


# --- what cannot be sent --------------------------------------------------------------------------


def test_an_order_without_conversation_moves_and_shows_why_nothing_was_sent(agent, session):
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


def test_a_message_is_never_sent_with_blanks(session):
    shop.automation(variables={"body.1": "order.city", "body.2": "agent.name", "body.3": "order.number"})

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation(), ship_city="")

    (run,) = shop.runs_of(order)
    assert (run.failure, run.detail) == ("missing_variable", "order.city, agent.name")
    assert run.message is None
    assert sent_messages() == 0


def sent_messages():
    outgoing = select(func.count()).where(Message.origin == Origin.AUTOMATION)
    return db.session().scalar(outgoing)


def test_a_template_meta_took_back_is_not_sent(session):
    automation = shop.automation()
    automation.template.state = "paused"

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    assert [run.failure for run in shop.runs_of(order)] == ["template_state"]


def other_number(merchant):
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


def test_the_customer_is_answered_on_their_number_with_that_accounts_template(merchant, session):
    other = other_number(merchant)
    automation = shop.automation()
    twin = shop.template(waba_id=other.waba_id, name=automation.template.name)

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation(phone_number_id="3" * 15))

    (run,) = shop.runs_of(order)
    assert (run.message.channel_id, run.message.template_id) == (other.id, twin.id)


def test_an_account_without_the_template_sends_nothing(merchant, session):
    other_number(merchant)
    shop.automation()

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation(phone_number_id="3" * 15))

    assert [run.failure for run in shop.runs_of(order)] == ["template_account"]


def test_one_automation_that_fails_stops_neither_the_move_nor_the_next(session):
    broken = shop.automation()
    broken.variables = "not even a mapping"
    good = shop.automation(name="Deuxième")
    db.session().flush()

    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())

    assert {run.automation_id: run.failure for run in shop.runs_of(order)} == {
        broken.id: "internal",
        good.id: None,
    }
    assert order.state is TO_CONFIRM


def test_short_stock_refuses_before_anything_is_queued(merchant, agent, session):
    shop.automation(on=CONFIRMED, buttons={})
    order = shop.order((shop.bag(stock_of=1), 2), on=TO_CONFIRM, talk=shop.conversation())

    with pytest.raises(stock.OutOfStock):
        pipeline.move(order, shop.stage(CONFIRMED), by=By.user(agent))

    assert shop.runs_of(order) == []


# --- a tap ----------------------------------------------------------------------------------------


def test_a_tap_moves_the_order_by_the_customer(session):
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


def test_a_tap_moves_the_order_it_is_about_not_another_of_the_customer(session):
    shop.automation()
    first, second = asked(), asked()

    tap(first, 0)

    db.session().refresh(second)
    assert (first.state, second.state) == (CONFIRMED, TO_CONFIRM)


def test_a_tap_is_understood_by_the_message_it_answers_when_the_payload_is_lost(session):
    shop.automation()
    first, second = asked(), asked()

    tap(first, 1, text="Annuler", button_payload="Annuler", payload={"text": "Annuler"})

    db.session().refresh(second)
    assert (first.state, second.state) == (CANCELLED, TO_CONFIRM)


def test_an_interactive_reply_counts_like_a_tap(session):
    shop.automation()
    order = asked()

    tap(order, 0, kind="interactive")

    assert order.state is CONFIRMED


def test_a_second_tap_only_leaves_a_note(session):
    shop.automation()
    order = asked()
    tap(order, 0)

    tap(order, 1, text="Annuler")

    assert order.state is CONFIRMED
    (note,) = shop.entries_of(order, "repeated_tap")
    assert (note.actor, note.facts["button"]) == ("customer", "Annuler")
    assert "repeated_tap" in said_in(order)
    assert shop.runs_of(order)[0].reply == "Confirmer"


def test_a_second_tap_only_leaves_a_note_even_if_the_order_came_back(agent, session):
    shop.automation()
    order = asked()
    tap(order, 0)
    pipeline.move(order, shop.stage(TO_CONFIRM), by=By.user(agent))

    tap(order, 0)

    assert order.state is TO_CONFIRM
    assert len(shop.entries_of(order, "repeated_tap")) == 1


def test_a_tap_after_the_order_moved_on_only_leaves_a_note(agent, session):
    shop.automation()
    order = asked()
    pipeline.move(order, shop.stage(CANCELLED), by=By.user(agent))

    tap(order, 0)

    assert order.state is CANCELLED
    (note,) = shop.entries_of(order, "late_tap")
    assert note.facts["stage"] == "Annulée"
    assert "late_tap" in said_in(order)
    assert shop.runs_of(order)[0].state is RunState.REPLIED


def test_a_tap_obeys_the_stage_it_was_sent_for_whatever_the_automation_says_since(session):
    automation = shop.automation()
    order = asked()
    automation.stage = shop.stage(NEW)
    db.session().flush()

    tap(order, 0)

    assert order.state is CONFIRMED


def test_a_button_that_leads_nowhere_is_only_noted(session):
    shop.automation()
    order = asked()

    tap(order, 2, text="Une question")

    assert order.state is TO_CONFIRM
    assert len(shop.entries_of(order, "tapped")) == 1
    assert shop.runs_of(order)[0].reply == "Une question"


def test_words_before_the_tap_do_not_use_it_up(session):
    shop.automation()
    order = asked()
    arrivals.take_in([factories.inbound("C'est combien ?")])

    tap(order, 0)

    assert order.state is CONFIRMED
    db.session().refresh(shop.runs_of(order)[0])
    assert shop.runs_of(order)[0].reply == "C'est combien ?"


def test_a_tap_that_stock_refuses_is_kept_and_seen(session):
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


def last_text(order):
    thread = select(Message).where(Message.conversation_id == order.conversation_id)
    return db.session().scalars(thread.order_by(Message.at.desc(), Message.seq.desc())).first().text


def test_after_new_stock_the_same_tap_confirms_and_clears_the_flag(session):
    shop.automation()
    bag = shop.bag(stock_of=1)
    order = asked((bag, 2))
    tap(order, 0)
    stock.adjust(bag, 5, reason="Arrivage")

    tap(order, 0)

    assert (order.state, order.flag) == (CONFIRMED, None)
    assert shop.held(bag) == (4, 2)


def test_tapping_a_blocked_order_again_says_so_once(session):
    shop.automation()
    order = asked((shop.bag(stock_of=1), 2))

    for _ in range(3):
        tap(order, 0)

    assert len(shop.entries_of(order, "stock_blocked")) == 1
    assert len(shop.entries_of(order, "repeated_tap")) == 2


def test_a_tap_the_pipeline_does_not_allow_is_noted(session):
    shop.automation(buttons={0: DELIVERED})
    order = asked()

    tap(order, 0)

    assert order.state is TO_CONFIRM
    (note,) = shop.entries_of(order, "tap_refused")
    assert (note.facts["to"], note.facts["code"]) == ("Livrée", "transition_refused")


def test_a_payload_taken_from_somebody_elses_message_moves_nothing(session):
    shop.automation()
    order = asked()
    run = shop.runs_of(order)[0]
    thief = shop.conversation(
        sender=factories.Person(wa_id="212699999999", profile_name="Thief"),
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
def test_what_we_did_not_write_is_not_read(text):
    assert runs.read_payload(text) is None


def test_a_tap_delivered_twice_by_meta_is_one_tap(session):
    shop.automation()
    order = asked()

    for _ in range(2):
        tap(order, 0, wamid="wamid.the-same")

    assert order.state is CONFIRMED
    assert [e.kind for e in shop.entries_of(order)] == ["created", "moved"]


def test_two_taps_at_the_same_moment_make_one_move(merchant):
    with db.merchant(merchant.id):
        shop.automation()
        order = asked((shop.bag(stock_of=5), 2))
        run = shop.runs_of(order)[0]
        payloads = [runs.payload(run, 0), runs.payload(run, 1)] * 2
    line_up = Barrier(4)

    def touch(button):
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


def test_a_tap_and_a_drag_at_the_same_moment_both_end(merchant, agent):
    with db.merchant(merchant.id):
        shop.automation()
        shop.automation(on=CANCELLED, buttons={}, variables=shop.MAPPING)
        bag = shop.bag(stock_of=50)
        orders = [asked((bag, 1)) for _ in range(6)]
        taps = [runs.payload(shop.runs_of(o)[0], 0) for o in orders]
    line_up = Barrier(2)

    def touch(button):
        line_up.wait()
        with db.merchant(merchant.id):
            arrivals.take_in(
                [factories.inbound("x", kind="button", button_payload=button, button_text="x")]
            )

    def drag(order):
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


def test_any_message_is_the_reply_to_the_newest_question(session):
    shop.automation()
    older = asked()
    newer = asked(talk=older.conversation)

    arrivals.take_in([factories.inbound("Oui c'est bon")])

    for order in (older, newer):
        db.session().refresh(shop.runs_of(order)[0])
    assert shop.runs_of(older)[0].state is RunState.SENT
    assert (shop.runs_of(newer)[0].state, shop.runs_of(newer)[0].reply) == (
        RunState.REPLIED,
        "Oui c'est bon",
    )
    assert newer.state is TO_CONFIRM


def test_an_answer_that_quotes_a_question_is_the_reply_to_that_one(session):
    shop.automation()
    older = asked()
    newer = asked(talk=older.conversation)
    quoted = shop.runs_of(older)[0].message.wamid

    arrivals.take_in([factories.inbound("Oui", context_wamid=quoted)])

    for order in (older, newer):
        db.session().refresh(shop.runs_of(order)[0])
    assert shop.runs_of(older)[0].state is RunState.REPLIED
    assert shop.runs_of(newer)[0].state is RunState.SENT


def test_nobody_answers_what_has_not_left_or_never_arrived(session):
    shop.automation()
    waiting = shop.order(on=TO_CONFIRM, talk=shop.conversation())
    failed = asked()
    shop.runs_of(failed)[0].message.failed_at = utcnow()

    arrivals.take_in([factories.inbound("Salam")])

    for order in (waiting, failed):
        db.session().refresh(shop.runs_of(order)[0])
        assert shop.runs_of(order)[0].replied_at is None


def test_what_was_written_before_the_question_is_no_answer_to_it(session):
    shop.automation()
    order = asked()

    arrivals.take_in([factories.inbound("Salam", at=utcnow() - timedelta(minutes=5))])

    db.session().refresh(shop.runs_of(order)[0])
    assert shop.runs_of(order)[0].replied_at is None


def test_another_customers_message_answers_nothing(session):
    shop.automation()
    order = asked()

    arrivals.take_in([factories.inbound(sender=factories.Person(wa_id="212699999999"))])

    db.session().refresh(shop.runs_of(order)[0])
    assert shop.runs_of(order)[0].replied_at is None


# --- setting up -----------------------------------------------------------------------------------


def form(**changes):
    values = {
        "name": " Demande ",
        "stage": shop.stage(TO_CONFIRM),
        "template": shop.template(),
        "variables": shop.MAPPING | {"body.9": "left over from another template"},
        "buttons": {0: shop.stage(CONFIRMED), 1: shop.stage(CANCELLED), 2: None},
    }
    return automations.Form(**(values | changes))


def test_a_saved_automation_does_what_the_form_says(session):
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


def test_an_automation_can_be_changed_and_its_buttons_repointed(session):
    made = automations.save(form())
    db.session().flush()

    automations.save(form(name="Autre", buttons={0: shop.stage(CANCELLED)}), made)
    db.session().flush()
    db.session().expire(made)

    assert made.name == "Autre"
    assert [(b.index, b.stage.state) for b in made.buttons] == [(0, CANCELLED)]


def test_all_that_is_wrong_is_said_at_once(session):
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
def test_only_approved_templates_are_taken(state, session):
    with pytest.raises(Invalid) as no:
        automations.save(form(template=shop.template(state=state)))

    assert no.value.fields["template"].code == "template_state"


def test_a_button_cannot_promise_what_a_customer_may_not_do(session):
    with pytest.raises(Invalid) as no:
        automations.save(form(buttons={0: shop.stage(DELIVERED)}))

    assert no.value.fields["buttons.0"].code == "transition_refused"


def test_a_button_stays_in_its_pipeline(merchant, session):
    other = presets.apply(merchant, "cod", "en")
    wish = form(buttons={0: other.stages[3]})

    with pytest.raises(Invalid) as no:
        automations.save(wish)

    assert no.value.fields["buttons.0"].code == "foreign_stage"


def test_a_hidden_stage_triggers_nothing(session):
    shop.stage(TO_CONFIRM).active = False

    with pytest.raises(Invalid) as no:
        automations.save(form())

    assert "stage" in no.value.fields


def test_an_automation_is_switched_off_and_on(session):
    automation = shop.automation()
    automations.switch(automation, on=False)
    order = shop.order(on=TO_CONFIRM, talk=shop.conversation())
    assert shop.runs_of(order) == []

    automations.switch(automation, on=True)
    automation.template.state = "paused"
    with pytest.raises(Refused, match="template_state"):
        automations.switch(automation, on=True)


def test_automations_are_listed_in_the_order_of_the_stages(session):
    late, early = shop.automation(on=SHIPPED, buttons={}), shop.automation(on=NEW, buttons={})

    assert [a.id for a in automations.listed()] == [early.id, late.id]


# --- looking back ---------------------------------------------------------------------------------


def test_the_history_shows_the_newest_first_page_by_page(session):
    shop.automation()
    talk = shop.conversation()
    orders = [shop.order(on=TO_CONFIRM, talk=talk) for _ in range(5)]

    first = runs.listed(limit=3)
    second = runs.listed(limit=3, before=(first[-1].created_at, first[-1].id))

    assert [run.order_id for run in [*first, *second]] == [o.id for o in reversed(orders)]


def test_the_state_in_sql_is_the_state_people_see(session):
    """Every combination of what a run and its message may be."""
    automation = shop.automation(retrigger=True)
    order = asked()
    template = automation.template
    seed = shop.runs_of(order)[0]
    entry_id, message = seed.entry_id, seed.message
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
            entry_id=entry_id,
            trigger=made.id,
            message=made,
            failure=failure,
            replied_at=replied_at,
        )
        db.session().add_all([made, run])
    no_message = Run(
        automation=automation, order=order, entry_id=entry_id, trigger=factories.some_id()
    )
    db.session().add(no_message)
    db.session().flush()

    for state in RunState:
        found = runs.listed(state=state, limit=10_000)
        assert {run.state for run in found} <= {state}
    everything = runs.listed(limit=10_000)
    shown = [run for state in RunState for run in runs.listed(state=state, limit=10_000)]
    assert len(shown) == len(everything) == 2 * 2 * 9 * 6 * 2 + 2


def test_runs_are_counted_by_automation(session):
    asking = shop.automation()
    quiet = shop.automation(on=SHIPPED, buttons={})
    for _ in range(2):
        shop.order(on=TO_CONFIRM, talk=shop.conversation())

    assert runs.counts() == {asking.id: 2}
    assert quiet.id not in runs.counts()


def test_another_merchant_sees_no_run(merchant, stranger):
    with db.merchant(merchant.id):
        shop.automation()
        shop.order(on=TO_CONFIRM, talk=shop.conversation())

    with db.merchant(stranger.merchant_id) as theirs:
        assert runs.listed() == []
        assert theirs.scalars(select(MessageTemplate)).all() == []

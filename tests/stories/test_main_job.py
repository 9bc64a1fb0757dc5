"""A WhatsApp message becomes an order, and the order sends its template: the whole chain."""

from __future__ import annotations

import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from bot import client, jobs
from bot.simulator import Simulator
from config import settings
from flows import conversations, messages, orders, outbox, troubles
from flows.errors import Refused
from flows.messages import interactives
from models import db
from models.automation import Run, RunState
from models.conversation import Conversation
from models.cost import Charge
from models.envelope import Envelope, EnvelopeState
from models.merchant import Merchant
from models.message import Direction, Message, Sending
from models.pipeline import SystemState
from models.types import utcnow
from tests import factories
from tests.stories.steps import Work, broken, confirmation, only, settle, take_order


def test_a_customer_writes_and_the_agent_answers(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Salam, je veux 2 sacs")
    settle(simulator, work)

    with db.merchant(shop.id):
        conversation = only(Conversation)
        assert conversation.unread == 1
        assert conversation.window_open
        messages.queue_text(conversation, "Bonjour Fatima !", client_id=uuid4())
    settle(simulator, work)

    with db.merchant(shop.id):
        sent = db.session().scalars(select(Message).where(Message.direction == Direction.OUT)).one()
        assert sent.sending is Sending.ACCEPTED
        assert sent.rank == 2
        charge = only(Charge)
        assert (charge.category, charge.reason, charge.amount_micros) == ("service", "free_tier", 0)
    assert broken() == []


def test_reading_a_conversation_gives_the_customer_blue_ticks(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    wamid = simulator.write("fatima", "Vous êtes là ?")
    settle(simulator, work)

    with db.merchant(shop.id):
        conversations.mark_read(only(Conversation))
    settle(simulator, work)

    assert simulator.world.bubbles[wamid].status == "read"


def test_the_stage_sends_its_template_and_a_tap_moves_the_order(
    shop: Merchant, simulator: Simulator, work: Work, ordered: int
) -> None:
    simulator.tap("fatima", confirmation(simulator), 0)
    settle(simulator, work)

    with db.merchant(shop.id):
        order = orders.find(ordered)
        assert order.state is SystemState.CONFIRMED
        assert [entry.kind for entry in orders.timeline(order)][:1] == ["moved"]
        run = only(Run)
        assert run.state is RunState.REPLIED
        charge = db.session().scalars(select(Charge).where(Charge.category == "utility")).one()
        assert charge.amount_micros == 23_000
        assert charge.order_id == order.id
    assert broken() == []


def test_a_second_tap_only_leaves_a_note(
    shop: Merchant, simulator: Simulator, work: Work, ordered: int
) -> None:
    wamid = confirmation(simulator)
    simulator.tap("fatima", wamid, 0)
    settle(simulator, work)

    simulator.tap("fatima", wamid, 2)
    settle(simulator, work)

    with db.merchant(shop.id):
        order = orders.find(ordered)
        assert order.state is SystemState.CONFIRMED
        kinds = [entry.kind for entry in orders.timeline(order)]
        assert kinds.count("moved") == 1
        assert {"repeated_tap", "late_tap"} & set(kinds)


def test_a_confirmation_without_stock_waits_and_is_never_dropped(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Je veux 41 sacs")
    settle(simulator, work)
    number = take_order(shop, quantity=41)
    settle(simulator, work)

    simulator.tap("fatima", confirmation(simulator), 0)
    settle(simulator, work)

    with db.merchant(shop.id):
        order = orders.find(number)
        assert order.state is SystemState.NEW
        assert "stock_blocked" in order.flags
        assert "stock_blocked" in [entry.kind for entry in orders.timeline(order)]
    assert broken() == []


def test_any_body_replayed_five_times_at_once_has_one_effect(
    shop: Merchant, simulator: Simulator, work: Work, ordered: int, app: Flask
) -> None:
    simulator.tap("fatima", confirmation(simulator), 0)
    posted = simulator.deliver(batch=10)

    def replay(n: int) -> int:
        # Other bytes each time: Meta batches anew, so a body's hash proves nothing.
        body = posted[0].body + b" " * n
        signature = hmac.digest(settings().app_secrets[0].encode(), body, "sha256").hex()
        headers = {"X-Hub-Signature-256": f"sha256={signature}"}
        answer = app.test_client().post("/webhooks/whatsapp", data=body, headers=headers)
        return answer.status_code

    with ThreadPoolExecutor(5) as pool:
        assert set(pool.map(replay, range(5))) == {200}
        list(pool.map(lambda _: jobs.read_envelopes("ingest"), range(5)))
    settle(simulator, work)

    with db.merchant(shop.id) as session:
        taps = session.scalars(select(Message).where(Message.kind == "button")).all()
        assert len(taps) == 1
        moved = [e for e in orders.timeline(orders.find(ordered)) if e.kind == "moved"]
        assert len(moved) == 1
        assert len(session.scalars(select(Run)).all()) == 1
        assert len(session.scalars(select(Charge)).all()) == 1
    assert broken() == []


def test_a_flushed_valkey_loses_nothing(shop: Merchant, simulator: Simulator, work: Work) -> None:
    simulator.write("fatima", "Vous livrez à Fès ?")
    simulator.deliver()
    outbox.connection().flushdb()
    work()
    with db.merchant(shop.id) as session:
        assert session.scalars(select(Message)).all() == []

    outbox.sweep()
    settle(simulator, work)

    with db.merchant(shop.id):
        assert only(Message).text == "Vous livrez à Fès ?"


def test_a_worker_killed_between_claim_and_conclude_leaves_it_uncertain_until_a_status_settles_it(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Salam")
    settle(simulator, work)
    with db.merchant(shop.id):
        queued = messages.queue_text(only(Conversation), "Bonjour !")
        channel_id = queued.channel_id
    outbox.connection().flushdb()
    with db.merchant(shop.id):
        [letter] = messages.claim(channel_id)
    client.send(letter)  # Meta has it, and here the worker dies

    with time_machine.travel(utcnow() + timedelta(minutes=2), tick=True):
        with db.merchant(shop.id):
            assert messages.sender(channel_id) is not None
            assert messages.claim(channel_id) == []
        with db.merchant(shop.id) as session:
            assert session.get_one(Message, (shop.id, queued.id)).sending is Sending.UNCERTAIN
        settle(simulator, work)

    with db.merchant(shop.id) as session:
        settled = session.get_one(Message, (shop.id, queued.id))
        assert (settled.sending, settled.rank) == (Sending.ACCEPTED, 2)
        assert len(session.scalars(select(Charge)).all()) == 1
    assert broken() == []


def test_what_meta_refuses_says_why_and_what_is_temporary_is_tried_again(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Salam")
    settle(simulator, work)
    simulator.fail(131026)
    with db.merchant(shop.id):
        refused = messages.queue_text(only(Conversation), "Bonjour !")
    settle(simulator, work)
    simulator.fail(130429)
    with db.merchant(shop.id):
        slowed = messages.queue_text(only(Conversation), "Encore là ?")
    settle(simulator, work)

    with db.merchant(shop.id) as session:
        one = session.get_one(Message, (shop.id, refused.id))
        assert (one.sending, one.reason) == (Sending.FAILED, "undeliverable")
        two = session.get_one(Message, (shop.id, slowed.id))
        assert (two.sending, two.reason) == (Sending.WAITING, "throttled")
    outbox.connection().flushdb()  # the account rests by the clock of Redis
    with time_machine.travel(utcnow() + timedelta(minutes=1), tick=True):
        outbox.sweep()
        settle(simulator, work)
    with db.merchant(shop.id) as session:
        assert session.get_one(Message, (shop.id, slowed.id)).sending is Sending.ACCEPTED


def test_a_lost_answer_is_uncertain_and_never_sent_again_by_itself(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Salam")
    settle(simulator, work)
    simulator.fail("accept_then_close")
    with db.merchant(shop.id):
        lost = messages.queue_text(only(Conversation), "Bonjour !")
    work()

    with db.merchant(shop.id) as session:
        assert session.get_one(Message, (shop.id, lost.id)).sending is Sending.UNCERTAIN
    outbox.sweep()
    settle(simulator, work)

    with db.merchant(shop.id) as session:
        found = session.get_one(Message, (shop.id, lost.id))
        assert (found.sending, found.attempt) == (Sending.ACCEPTED, 1)


@pytest.mark.parametrize("what", ["sent", "discard"])
def test_whatever_somebody_said_of_a_lost_answer_meta_tells_how_it_ended(
    what: str, shop: Merchant, simulator: Simulator, work: Work
) -> None:
    agent = factories.member(shop, "confirmation_agent")
    simulator.write("fatima", "Salam")
    settle(simulator, work)
    simulator.fail("accept_then_close")
    with db.merchant(shop.id):
        lost = messages.queue_text(only(Conversation), "Bonjour !")
    work()

    with db.merchant(shop.id):
        troubles.deal(troubles.find_message(lost.id), what, by=agent, note="She called")
    settle(simulator, work)

    with db.merchant(shop.id) as session:
        found = session.get_one(Message, (shop.id, lost.id))
        assert (found.sending, found.attempt, found.troubled) == (Sending.ACCEPTED, 1, False)
        assert found.wamid is not None
        assert (found.rank or 0) >= 1


def test_free_text_is_refused_when_the_window_has_closed(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Salam")
    settle(simulator, work)

    with (
        time_machine.travel(utcnow() + timedelta(hours=24, seconds=1), tick=True),
        db.merchant(shop.id),
        pytest.raises(Refused, match="window_closed"),
    ):
        messages.queue_text(only(Conversation), "Bonjour !")


def test_a_body_for_a_number_nobody_owns_waits_and_is_read_when_the_number_is_added(
    simulator: Simulator, work: Work, merchant: Merchant
) -> None:
    simulator.write("fatima", "Il y a quelqu'un ?")
    settle(simulator, work)
    with db.house() as house:
        assert house.scalars(select(Envelope.state)).all() == [EnvelopeState.UNROUTED]

    shop = factories.demo_shop()
    settle(simulator, work)

    with db.merchant(shop.id):
        assert only(Message).text == "Il y a quelqu'un ?"
    with db.house() as house:
        assert house.scalars(select(Envelope.state)).all() == [EnvelopeState.SETTLED]


def test_buttons_and_linked_media_reach_the_phone(
    shop: Merchant, simulator: Simulator, work: Work
) -> None:
    simulator.write("fatima", "Salam")
    settle(simulator, work)

    with db.merchant(shop.id):
        conversation = only(Conversation)
        question = interactives.reply_buttons("Quelle taille ?", {"m": "M", "l": "L"})
        messages.queue_interactive(conversation, question)
        messages.queue_media(
            conversation, "image", link="https://shop.example/sac.jpg", caption="Noir"
        )
    settle(simulator, work)

    seen = simulator.seen(simulator.customer("fatima"))
    assert [bubble.type for bubble in seen] == ["interactive", "image"]
    with db.merchant(shop.id) as session:
        sent = session.scalars(select(Message).where(Message.direction == Direction.OUT)).all()
        assert {message.sending for message in sent} == {Sending.ACCEPTED}

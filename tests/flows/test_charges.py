"""The ledger of charges: one per delivered message, in any order, from any number of workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from flows import costs, statuses
from flows.events import Person, Status
from models import db
from models.channel import Channel
from models.conversation import Conversation
from models.cost import Charge
from models.customer import Customer, WhatsAppIdentity
from models.merchant import Counter, Merchant
from models.message import Direction, Message, Origin, Sending
from models.order import Order
from models.pipeline import Stage, SystemState
from tests.effort import examples

PHONE = "+212661234567"
NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)


@pytest.fixture
def channel(session: db.MerchantSession) -> Channel:
    return session.scalars(select(Channel)).one()


@pytest.fixture
def message(channel: Channel) -> Message:
    """A template on its way to a customer, with Meta's id."""
    identity = WhatsAppIdentity(wa_id=PHONE[1:], phone=PHONE)
    conversation = Conversation(channel_id=channel.id, identity_id=identity.id)
    sent = Message(
        conversation_id=conversation.id,
        channel_id=channel.id,
        direction=Direction.OUT,
        origin=Origin.AUTOMATION,
        kind="template",
        wamid="wamid.1",
        sending=Sending.ACCEPTED,
        category="utility",
    )
    for row in (identity, conversation, sent):
        db.session().add(row)
        db.session().flush()
    return sent


@pytest.fixture
def order(session: Any) -> Order:
    stage = session.scalars(select(Stage).order_by(Stage.position)).first()
    customer = Customer(name="Fatima Zahra")
    bought = Order(
        number=1,
        customer_id=customer.id,
        stage_id=stage.id,
        state=SystemState.NEW,
        currency="MAD",
        catalog_total=0,
        applied_total=0,
        ship_name="Fatima Zahra",
        ship_phone=PHONE,
    )
    session.add(customer)
    session.flush()
    session.add(bought)
    session.flush()
    return bought


@pytest.fixture
def statements(session: Any) -> Iterator[list[str]]:
    """The SQL of this session from now on."""
    seen: list[str] = []

    def see(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", see)
    yield seen
    event.remove(engine, "before_cursor_execute", see)


def delivery(channel: Channel | UUID, wamid: str = "wamid.1", **facts: Any) -> costs.Delivery:
    channel_id = channel if isinstance(channel, UUID) else channel.id
    values: dict[str, Any] = {"delivered_at": NOON, "phone": PHONE, **facts}
    return costs.Delivery(channel_id=channel_id, wamid=wamid, **values)


def says(category: str, kind: str = "regular") -> dict[str, Any]:
    return {"pricing_model": "PMP", "type": kind, "category": category}


def all_charges() -> Sequence[Charge]:
    return db.session().scalars(select(Charge).order_by(Charge.wamid)).all()


def the_charge() -> Charge:
    (found,) = all_charges()
    return found


# --- once, and corrected in place -----------------------------------------------------------------


def test_a_delivery_told_again_changes_nothing(channel: Channel) -> None:
    told = delivery(channel, pricing=says("service"))
    costs.settle([told, told])
    before = (the_charge().id, the_charge().amount_micros, the_charge().quota_index)

    costs.settle([told])
    costs.settle([replace(told, pricing=None, phone=None, category_hint="marketing")])
    costs.settle([replace(told, pricing=says("marketing"))])

    assert (the_charge().id, the_charge().amount_micros, the_charge().quota_index) == before
    assert before[1:] == (23_000, 1)


def test_meta_pricing_replaces_an_estimate_in_the_same_row(channel: Channel) -> None:
    costs.settle([delivery(channel, category_hint="utility")])
    guessed = the_charge()
    first = (guessed.id, guessed.amount_micros, guessed.source)

    costs.settle([delivery(channel, pricing=says("utility", "free_entry_point"))])

    assert first == (guessed.id, 23_000, "estimate")
    assert the_charge().id == guessed.id
    assert (guessed.amount_micros, guessed.reason) == (0, "free_entry_point")
    assert (guessed.source, guessed.pricing_type) == ("webhook", "free_entry_point")


def test_an_estimated_service_message_keeps_its_number_when_meta_prices_it(
    channel: Channel,
) -> None:
    costs.settle([delivery(channel, category_hint="service")])

    costs.settle([delivery(channel, pricing=says("service"))])
    costs.settle([delivery(channel, "wamid.2", pricing=says("service"))])

    assert [(c.quota_index, c.amount_micros) for c in all_charges()] == [(1, 23_000), (2, 23_000)]


def test_a_recipient_that_becomes_known_later_gives_the_message_its_price(
    channel: Channel,
) -> None:
    costs.settle([delivery(channel, phone=None, pricing=says("utility"))])
    unknown = the_charge().amount_micros

    costs.settle([delivery(channel, phone=None, user_id="MA.1349", pricing=says("utility"))])

    assert unknown is None
    assert (the_charge().amount_micros, the_charge().country) == (23_000, "MA")


def test_what_was_known_before_is_not_forgotten(channel: Channel) -> None:
    costs.settle([delivery(channel, category_hint="utility")])

    costs.settle([delivery(channel, phone=None, pricing={"type": "regular"})])

    assert (the_charge().amount_micros, the_charge().source) == (23_000, "webhook")
    assert (the_charge().country, the_charge().category) == ("MA", "utility")


def test_the_message_and_order_of_a_charge_may_become_known_later(
    channel: Channel, message: Message, order: Order
) -> None:
    costs.settle([delivery(channel, pricing=says("utility"))])

    costs.settle(
        [delivery(channel, pricing=says("utility"), message_id=message.id, order_id=order.id)]
    )

    assert costs.of_messages([message.id])[message.id].micros == 23_000
    assert the_charge().order_id == order.id


def test_what_was_sent_is_known_later_than_its_delivery(channel: Channel) -> None:
    costs.settle([delivery(channel)])
    unknown = (the_charge().category, the_charge().reason)

    costs.settle([delivery(channel, category_hint="service")])

    assert unknown == ("unknown", "unpriced")
    assert (the_charge().reason, the_charge().quota_index) == ("free_tier", 1)


def test_an_earlier_day_of_delivery_is_on_the_earlier_price_list(channel: Channel) -> None:
    read = datetime(2026, 9, 30, 23, 0, tzinfo=UTC)  # midnight in Casablanca
    costs.settle([delivery(channel, delivered_at=read, pricing=says("utility"))])
    in_october = the_charge().amount_micros

    delivered = read - timedelta(seconds=1)
    costs.settle([delivery(channel, delivered_at=delivered, pricing=says("utility"))])

    assert in_october == 23_000
    assert (the_charge().amount_micros, the_charge().local_date) == (4_000, date(2026, 9, 30))


def test_a_reply_of_the_month_before_takes_a_number_of_that_month(channel: Channel) -> None:
    Counter.take(costs.quota_counter(channel.id, OCTOBER), 1000)
    november = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)  # midnight in Casablanca
    costs.settle([delivery(channel, delivered_at=november, category_hint="service")])
    in_november = (the_charge().quota_index, the_charge().amount_micros)

    october = november - timedelta(seconds=1)
    costs.settle([delivery(channel, delivered_at=october, category_hint="service")])

    assert in_november == (1, 0)
    assert (the_charge().quota_index, the_charge().amount_micros) == (1001, 23_000)


def test_replies_of_one_batch_are_numbered_as_they_were_delivered(channel: Channel) -> None:
    late = delivery(channel, "a", category_hint="service")
    early = delivery(
        channel, "b", category_hint="service", delivered_at=NOON - timedelta(seconds=1)
    )

    costs.settle([late, early])

    assert {c.wamid: c.quota_index for c in all_charges()} == {"b": 1, "a": 2}


def test_a_later_day_of_reading_changes_nothing(channel: Channel) -> None:
    costs.settle([delivery(channel, delivered_at=datetime(2026, 9, 30, 12, tzinfo=UTC))])

    costs.settle([delivery(channel, pricing=says("utility"))])

    assert (the_charge().amount_micros, the_charge().local_date) == (4_000, date(2026, 9, 30))


def test_a_message_that_turns_out_typed_on_the_phone_costs_nothing(channel: Channel) -> None:
    costs.settle([delivery(channel, pricing=says("service"))])

    costs.settle([delivery(channel, pricing=says("service"), free_because_phone=True)])
    costs.settle([delivery(channel, pricing=says("service"))])

    assert (the_charge().amount_micros, the_charge().reason) == (0, "phone")


def test_two_statuses_of_one_batch_are_one_delivery_that_knows_both(channel: Channel) -> None:
    unpriced = delivery(channel, delivered_at=NOON - timedelta(days=1))
    priced = delivery(channel, phone=None, pricing=says("marketing"))

    costs.settle([priced, unpriced])

    assert the_charge().amount_micros == 41_400
    assert the_charge().delivered_at == unpriced.delivered_at


def test_one_wamid_of_two_numbers_is_two_charges(channel: Channel) -> None:
    other = Channel(
        name="Second",
        phone_number_id="77",
        waba_id="78",
        display_phone_number="+212 520-000077",
        country="MA",
    )
    db.session().add(other)
    db.session().flush()

    costs.settle([delivery(c, pricing=says("service")) for c in (channel, other)])

    assert [c.quota_index for c in all_charges()] == [1, 1]


def test_nothing_delivered_is_nothing_charged(channel: Channel) -> None:
    costs.settle([])

    assert all_charges() == []


def test_a_thousand_deliveries_take_a_handful_of_statements(
    channel: Channel, statements: list[str]
) -> None:
    many = [delivery(channel, f"wamid.{n}", pricing=says("service")) for n in range(1000)]
    statements.clear()

    costs.settle(many)
    db.session().flush()

    assert len(all_charges()) == 1000
    assert len(statements) <= 8


# --- any order, any repetition --------------------------------------------------------------------

PRICES = {"service": 23_000, "utility": 23_000, "marketing": 41_400}
OLD_PRICES = {"utility": 4_000, "marketing": 22_500}
MIDNIGHT = datetime(2026, 9, 30, 23, tzinfo=UTC)


@dataclass(frozen=True)
class Story:
    """One message as Meta will report it, and what it must cost in the end."""

    category: str
    free: bool
    read: bool
    priced_on: frozenset[str]
    over_midnight: bool

    @property
    def cost(self) -> int:
        if self.free:
            return 0
        return (OLD_PRICES if self.over_midnight else PRICES)[self.category]

    def statuses(self, wamid: str) -> list[Status]:
        kind = "free_entry_point" if self.free else "regular"
        start = MIDNIGHT - timedelta(minutes=1) if self.over_midnight else NOON
        steps = (
            {"sent": -1, "delivered": 0, "read": 61} if self.read else {"sent": -1, "delivered": 0}
        )
        return [
            Status(
                phone_number_id="1" * 15,
                waba_id="9" + "1" * 14,
                field="messages",
                wamid=wamid,
                status=name,
                at=start + timedelta(seconds=seconds),
                recipient=Person(wa_id=PHONE[1:]),
                pricing=says(self.category, kind) if name in self.priced_on else None,
            )
            for name, seconds in steps.items()
        ]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    category = draw(st.sampled_from(["service", "utility", "marketing"]))
    return Story(
        category=category,
        free=draw(st.booleans()),
        read=draw(st.booleans()),
        priced_on=draw(
            st.sampled_from(
                [frozenset(p) for p in (["sent"], ["delivered"], ["sent", "delivered"])]
            )
        ),
        # A service message over that midnight had no number before it and keeps none of October.
        over_midnight=category != "service" and draw(st.booleans()),
    )


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    told=st.lists(stories(), min_size=1, max_size=6), repeats=st.integers(1, 3), seed=st.integers()
)
def test_any_order_and_repetition_of_statuses_makes_the_same_charges(
    channel: Channel, told: list[Story], repeats: int, seed: int
) -> None:
    chance = Random(seed)
    feed = [s for n, story in enumerate(told) for s in story.statuses(f"wamid.{n}")] * repeats
    chance.shuffle(feed)

    with db.session().begin_nested() as example:
        while feed:
            size = chance.randint(1, 5)
            statuses.apply([(channel, status) for status in feed[:size]])
            del feed[:size]
        charges = all_charges()
        assert {c.wamid: c.amount_micros for c in charges} == {
            f"wamid.{n}": story.cost for n, story in enumerate(told)
        }
        assert {c.source for c in charges} == {"webhook"}
        numbered = sum(story.category == "service" and not story.free for story in told)
        given_out = sorted(c.quota_index for c in charges if c.quota_index)
        assert given_out == list(range(1, len(given_out) + 1))
        assert len(given_out) >= numbered
        example.rollback()
    db.session().expunge_all()


def test_eight_workers_that_settle_the_same_deliveries_make_one_charge_each(
    merchant: Merchant,
) -> None:
    with db.merchant(merchant.id) as session:
        channel_id = session.scalars(select(Channel.id)).one()
    told = [delivery(channel_id, f"wamid.{n:02}", category_hint="service") for n in range(40)]

    def work(number: int) -> None:
        chance = Random(number)
        mine = chance.sample(told, 30) + told[number * 5 : number * 5 + 5]
        for start in range(0, len(mine), 7):
            with db.merchant(merchant.id):
                costs.settle(mine[start : start + 7])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    with db.merchant(merchant.id) as session:
        assert len(all_charges()) == 40
        assert sorted(c.quota_index or 0 for c in all_charges()) == list(range(1, 41))
        name = costs.quota_counter(channel_id, OCTOBER)
        assert session.scalars(select(Counter.value).where(Counter.name == name)).one() == 40


def test_a_worker_that_knows_less_waits_for_the_one_that_knows_more(
    merchant: Merchant, owner_connection: psycopg.Connection
) -> None:
    with db.merchant(merchant.id) as session:
        channel_id = session.scalars(select(Channel.id)).one()
        costs.settle([delivery(channel_id)])

    def guess() -> None:
        with db.merchant(merchant.id):
            costs.settle([delivery(channel_id, category_hint="marketing")])

    with ThreadPoolExecutor(1) as pool:
        with db.merchant(merchant.id) as session:
            costs.settle([delivery(channel_id, pricing=says("utility"))])
            session.flush()
            guessing = pool.submit(guess)
            until(lambda: waiting_locks(owner_connection) == 1)
        guessing.result(timeout=10)

    with db.merchant(merchant.id):
        assert (the_charge().category, the_charge().source) == ("utility", "webhook")


def waiting_locks(connection: psycopg.Connection) -> int:
    found = connection.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    return found[0] if found else 0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


# --- the month's account --------------------------------------------------------------------------


def test_the_month_adds_up_by_category_number_and_day(channel: Channel) -> None:
    costs.settle(
        [
            delivery(channel, "a", pricing=says("marketing")),
            delivery(channel, "b", pricing=says("utility")),
            delivery(channel, "c", pricing=says("utility", "free_entry_point")),
            delivery(channel, "d", category_hint="service"),
            delivery(channel, "e", pricing=says("utility"), phone=None),
            delivery(channel, "f", pricing=says("utility"), delivered_at=NOON - timedelta(days=14)),
            delivery(channel, "g", pricing=says("utility"), delivered_at=NOON - timedelta(days=15)),
        ]
    )

    account = costs.month(date(2026, 10, 20))

    assert list(account.categories) == ["marketing", "utility", "service"]
    utility = account.categories["utility"]
    assert (utility.messages, utility.free, utility.billed, utility.unpriced) == (4, 1, 2, 1)
    assert utility.amounts == {"USD": 46_000}
    assert account.total.amounts == {"USD": 87_400}
    assert (account.total.messages, account.total.estimated) == (6, 1)
    assert account.days[date(2026, 10, 1)].amounts == {"USD": 23_000}
    assert account.days[date(2026, 10, 2)].messages == 0
    assert len(account.days) == 31
    (number,) = account.numbers
    assert (number.tally.messages, number.quota_used) == (6, 1)
    assert costs.first_month() == date(2026, 9, 1)


def test_a_month_of_one_number_leaves_the_others_out(channel: Channel) -> None:
    other = Channel(
        name="Euro",
        phone_number_id="77",
        waba_id="78",
        display_phone_number="+33 1 00 00 00 00",
        country="FR",
        currency="EUR",
        time_zone="Europe/Paris",
    )
    db.session().add(other)
    db.session().flush()
    costs.settle([delivery(c, pricing=says("marketing")) for c in (channel, other)])

    both, one = costs.month(OCTOBER), costs.month(OCTOBER, channel_id=other.id)

    assert (both.total.amounts, both.total.unpriced) == ({"USD": 41_400}, 1)
    assert (one.total.amounts, one.total.messages) == ({}, 1)
    assert [n.channel.id for n in one.numbers] == [other.id]


def test_a_month_without_messages_is_empty_and_has_its_quota_since_october(
    channel: Channel,
) -> None:
    september, october = costs.month(date(2026, 9, 3)), costs.month(OCTOBER)

    assert october.total == costs.Tally()
    assert (september.has_quota, october.has_quota) == (False, True)
    assert costs.first_month() is None


def test_a_stranger_sees_no_charge_of_ours(merchant: Merchant, stranger: Any) -> None:
    with db.merchant(merchant.id) as session:
        ours = session.scalars(select(Channel)).one()
        costs.settle([delivery(ours, pricing=says("marketing"))])

    with db.merchant(stranger.merchant_id):
        account = costs.month(OCTOBER)

    assert account.total == costs.Tally()
    assert [n.channel.id for n in account.numbers] != [ours.id]

"""The n-th thing asked of the database fails, for every n: nothing is half done, a retry completes.

A failure is an error, a connection that is gone, or a commit that was made and whose answer was
lost. bin/test tries every 47th, and of the lost answers every third; WASL_EXAMPLES tries them all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import psycopg
import pytest
import time_machine
from sqlalchemy import func, select, text, update

from bot import desk, jobs
from bot.simulator import Simulator
from flows import (
    bulk,
    callbacks,
    invariants,
    messages,
    orders,
    outbox,
    pipeline,
    plans,
    runs,
    stock,
    team,
)
from flows.customers import Number
from flows.errors import Refused
from flows.orders import NewLine, NewOrder
from models import db
from models.automation import Run
from models.bulk import Bulk, BulkItem, BulkState
from models.catalog import Variant
from models.channel import Channel
from models.conversation import Conversation
from models.cost import Charge
from models.envelope import Envelope
from models.merchant import Merchant
from models.message import Attempt, Message, MessageStatus, Sending
from models.order import Order
from models.pipeline import SystemState
from models.stock import Movement
from models.template import MessageTemplate
from models.timeline import By, Entry
from models.types import utcnow
from models.user import Membership, Role, User
from tests import factories
from tests.flows import shop

NEW, CONFIRMED = SystemState.NEW, SystemState.CONFIRMED
STRIDE, OF_COMMITS = (1, 1) if "WASL_EXAMPLES" in os.environ else (47, 3)
LATER = timedelta(minutes=6)
"""When the leases of what failed are over."""


# --- how it fails ---------------------------------------------------------------------------------


@dataclass
class Fault:
    """The `nth` statement or commit fails, or loses its answer: then commits alone are counted."""

    nth: int
    way: str
    asked: int = 0
    struck: bool = False

    def execute(self, real: Any, cursor: psycopg.Cursor, *args: Any, **options: Any) -> Any:
        if self.way != "answer lost" and self._is_due():
            self._strike(cursor.connection)
        return real(cursor, *args, **options)

    def commit(self, real: Any, connection: psycopg.Connection) -> Any:
        if not self._is_due():
            return real(connection)
        if self.way == "answer lost":
            real(connection)
        if self.way == "error":
            connection.rollback()  # as PostgreSQL does with what it cannot commit
        return self._strike(connection)

    def _is_due(self) -> bool:
        self.asked += 1
        return self.asked == self.nth

    def _strike(self, connection: psycopg.Connection) -> None:
        self.struck = True
        if self.way != "error":
            connection.close()
        raise psycopg.OperationalError(f"the trial wanted the {self.nth}th to fail: {self.way}")


@contextmanager
def failing(nth: int, way: str = "error") -> Iterator[Fault]:
    fault = Fault(nth, way)
    execute, commit = psycopg.Cursor.execute, psycopg.Connection.commit

    def executed(cursor: psycopg.Cursor, *args: Any, **options: Any) -> Any:
        return fault.execute(execute, cursor, *args, **options)

    def committed(connection: psycopg.Connection) -> None:
        fault.commit(commit, connection)

    with (
        mock.patch.object(psycopg.Cursor, "execute", executed),
        mock.patch.object(psycopg.Connection, "commit", committed),
    ):
        yield fault


# --- a shop, and what happens in it ---------------------------------------------------------------


class House:
    """One merchant, whose number Meta knows; every flow finds something new to do in it."""

    def __init__(self, merchant: Merchant, agent: Membership, simulator: Simulator) -> None:
        self.merchant, self.agent, self.simulator = merchant, agent, simulator
        plans.change(merchant.id, "plus")  # everybody fits in
        factories.introduce(merchant, simulator)
        factories.work()
        self.hear("Salam")
        with self.open() as session:
            self.talk = session.scalars(select(Conversation.id)).one()
            self.channel = session.scalars(select(Channel.id)).one()
            bag = factories.product(stock_of=10_000)
            self.bag, self.product = bag.variants[0].id, bag.id
            template = session.scalars(select(MessageTemplate)).one()
            shop.automation(NEW, template=template, buttons={}, delay=3600)
            shop.automation(CONFIRMED, template=template, buttons={})

    def open(self) -> Any:
        return db.merchant(self.merchant.id)

    def hear(self, said: str) -> None:
        self.simulator.write("fatima", said, to=factories.NUMBER)
        self.bring()

    def bring(self) -> None:
        self.simulator.deliver()
        jobs.read_envelopes("ingest")

    def conversation(self) -> Conversation:
        return db.session().get_one(Conversation, (self.merchant.id, self.talk))

    def count(self, what: Any) -> int:
        with self.open() as session:
            return session.scalar(select(func.count()).where(what)) or 0

    def order(self) -> UUID:
        """An order with a bag that nobody has reserved yet."""
        with self.open() as session:
            variant = session.get_one(Variant, (self.merchant.id, self.bag))
            return shop.order((variant, 2), on=NEW, talk=self.conversation()).id


class Flow:
    """Something that happens: `act` may fail anywhere and is then done again."""

    whole = False
    """One transaction: when it fails, nothing has happened."""

    def __init__(self, house: House) -> None:
        self.house = house

    def prepare(self) -> Any:
        """Something new to do it with."""

    def act(self, subject: Any) -> None:
        raise NotImplementedError

    def ended(self, subject: Any, *, clean: bool) -> Any:
        """What is true in the end: the same, whatever failed on the way."""
        raise NotImplementedError


class Inbound(Flow):
    """A text is kept and read."""

    def prepare(self) -> str:
        return self.house.simulator.write("fatima", "Bonjour", to=factories.NUMBER)

    def act(self, subject: str) -> None:
        self.house.bring()

    def ended(self, subject: str, *, clean: bool) -> Any:
        with db.house() as house:
            states = set(house.scalars(select(Envelope.state)))
        with self.house.open():
            unread = self.house.conversation().unread
        heard = Message.direction == "in"
        assert self.house.count(heard) == unread
        return self.house.count(Message.wamid == subject), states


class Told(Flow):
    """Meta tells of a message of ours, which is charged once."""

    def prepare(self) -> UUID:
        sent = Delivered(self.house).prepare()
        jobs.deliver_messages(outbox.delivery_lane(self.house.merchant.id, self.house.channel))
        desk.rest()
        return sent

    def act(self, subject: UUID) -> None:
        self.house.bring()

    def ended(self, subject: UUID, *, clean: bool) -> Any:
        with self.house.open() as session:
            told = session.scalars(
                select(MessageStatus.status).where(MessageStatus.message_id == subject)
            ).all()
            rank = session.scalar(select(Message.rank).where(Message.id == subject))
        return sorted(told), rank, self.house.count(Charge.message_id == subject)


class Taken(Flow):
    """An order is made, with what its stage triggers."""

    whole = True

    def prepare(self) -> NewOrder:
        return NewOrder(
            client_id=uuid4(),
            name="Fatima Zahra El Idrissi",
            phone=Number("0661234567", "+212661234567"),
            address="12 rue Ibn Aïcha, Guéliz",
            city="Marrakech",
            lines=(NewLine(product_id=self.house.product, variant_id=self.house.bag, quantity=1),),
        )

    def act(self, subject: NewOrder) -> None:
        with self.house.open():
            orders.create(subject, by=self.house.agent, conversation=self.house.conversation())

    def ended(self, subject: NewOrder, *, clean: bool) -> Any:
        with self.house.open() as session:
            order = session.scalars(select(Order).where(Order.client_id == subject.client_id)).one()
            kinds = [entry.kind for entry in shop.entries_of(order)]
            return len(order.lines), kinds, len(shop.runs_of(order))


class Moved(Flow):
    """An order moves: its goods are reserved, the customer is told."""

    whole = True

    def prepare(self) -> UUID:
        return self.house.order()

    def act(self, subject: UUID) -> None:
        with self.house.open() as session:
            order = session.get_one(Order, (self.house.merchant.id, subject))
            pipeline.move(order, shop.stage(CONFIRMED), by=By.user(self.house.agent))

    def ended(self, subject: UUID, *, clean: bool) -> Any:
        with self.house.open() as session:
            order = session.get_one(Order, (self.house.merchant.id, subject))
            held = [(line.stock, line.quantity) for line in order.lines]
            texts = select(func.count()).where(Message.order_id == subject)
            return order.state, order.version, held, session.scalar(texts)


class InBulk(Flow):
    """A worker moves two orders."""

    def prepare(self) -> UUID:
        ids = [self.house.order() for _ in range(2)]
        with self.house.open():
            return bulk.start_move(ids, shop.stage(CONFIRMED), by=self.house.agent).id

    def act(self, subject: UUID) -> None:
        bulk.drain(self.house.merchant.id)

    def ended(self, subject: UUID, *, clean: bool) -> Any:
        with self.house.open() as session:
            found = session.get_one(Bulk, (self.house.merchant.id, subject))
            items = session.scalars(select(BulkItem).where(BulkItem.bulk_id == subject)).all()
            moved = select(func.count()).where(
                Entry.order_id.in_([item.order_id for item in items]), Entry.kind == "moved"
            )
            assert found.state is BulkState.DONE
            return found.done, found.refused, [i.outcome for i in items], session.scalar(moved)


class Delivered(Flow):
    """A message is claimed, posted and concluded."""

    def prepare(self) -> UUID:
        with self.house.open():
            return messages.queue_text(self.house.conversation(), "Bonjour !").id

    def act(self, subject: UUID) -> None:
        jobs.deliver_messages(outbox.delivery_lane(self.house.merchant.id, self.house.channel))
        desk.rest()

    def ended(self, subject: UUID, *, clean: bool) -> Any:
        accepted = self._accepted(subject)
        with self.house.open() as session:
            before = session.get_one(Message, (self.house.merchant.id, subject)).sending
        self.house.bring()
        with self.house.open() as session:
            message = session.get_one(Message, (self.house.merchant.id, subject))
            attempts = select(func.count()).where(Attempt.message_id == subject)
            assert session.scalar(attempts) == message.attempt == 1
        if clean:
            assert before is Sending.ACCEPTED
        # What Meta has is accepted, at the latest by its status; the rest is for people to decide.
        assert accepted <= 1
        assert message.sending is (Sending.ACCEPTED if accepted else Sending.UNCERTAIN)
        return None

    def _accepted(self, subject: UUID) -> int:
        records = self.house.simulator.ledger.records("accepted")
        told = [callbacks.read(record["callback"]) for record in records]
        return sum(1 for found in told if found and found[0] == subject)


class GoesOff(Flow):
    """A question that was put off leaves."""

    def prepare(self) -> UUID:
        order_id = self.house.order()
        with self.house.open() as session:
            session.execute(update(Run).where(Run.order_id == order_id).values(due_at=utcnow()))
        return order_id

    def act(self, subject: UUID) -> None:
        runs.go_off(self.house.merchant.id)

    def ended(self, subject: UUID, *, clean: bool) -> Any:
        with self.house.open() as session:
            run = session.scalars(select(Run).where(Run.order_id == subject)).one()
            texts = select(func.count()).where(Message.run_id == run.id)
            return run.due_at, run.sent_count, run.failure, session.scalar(texts)


class Joined(Flow):
    """Somebody who was invited joins the team."""

    whole = True

    def prepare(self) -> tuple[str, User]:
        user = User(email=f"{uuid4()}@example.com", name="Zineb", password_hash="none")
        with db.house() as house:
            house.add(user)
        with self.house.open():
            token = team.invite(user.email, Role.AGENT, by=self.house.agent)[1]
        return token, user

    def act(self, subject: tuple[str, User]) -> None:
        token, user = subject
        with suppress(Refused):  # the first time was not in vain: only its answer was lost
            team.accept(token, user=user)

    def ended(self, subject: tuple[str, User], *, clean: bool) -> Any:
        token, user = subject
        with pytest.raises(Refused, match="link_gone"):
            team.invitation(token)
        return self.house.count(Membership.user_id == user.id)


class Adjusted(Flow):
    """Goods arrive. Asked again after an answer was lost, they arrive again: people look first."""

    whole = True

    def prepare(self) -> tuple[int, int]:
        return self._level(), self.house.count(Movement.kind == "adjust")

    def act(self, subject: tuple[int, int]) -> None:
        if self._level() > subject[0]:
            return
        with self.house.open():
            stock.adjust(self._variant(), 5, reason="count", by=self.house.agent)

    def ended(self, subject: tuple[int, int], *, clean: bool) -> Any:
        before, lines = subject
        return self._level() - before, self.house.count(Movement.kind == "adjust") - lines

    def _variant(self) -> Variant:
        return db.session().get_one(Variant, (self.house.merchant.id, self.house.bag))

    def _level(self) -> int:
        with self.house.open():
            return stock.levels(self._variant())[0].available


# From another place for each way, so that a short sweep sees more of them.
SWEEPS = (("error", 1, STRIDE), ("lost", 1 + STRIDE // 2, STRIDE), ("answer lost", 1, OF_COMMITS))
FLOWS = [Inbound, Told, Taken, Moved, InBulk, Delivered, GoesOff, Joined, Adjusted]


# --- the sweep ------------------------------------------------------------------------------------


@pytest.fixture
def house(merchant: Merchant, owner: Membership, simulator: Simulator) -> House:
    return House(merchant, owner, simulator)


@pytest.mark.parametrize("kind", FLOWS, ids=lambda kind: kind.__name__.lower())
def test_whatever_statement_fails_nothing_is_half_done_and_a_retry_completes(
    house: House, kind: type[Flow]
) -> None:
    flow = kind(house)
    subject = flow.prepare()
    flow.act(subject)
    wanted = flow.ended(subject, clean=True)

    for way, nth, stride in SWEEPS:
        while _fails(flow, nth, way, wanted):
            nth += stride

    assert [check.name for check in invariants.check() if not check.holds] == []


def _fails(flow: Flow, nth: int, way: str, wanted: Any) -> bool:
    """Whether it came to the n-th; in the end all is as wanted."""
    subject = flow.prepare()
    before = census() if flow.whole else None
    with failing(nth, way) as fault:
        failed = _raises(flow, subject)
    assert broken() == []
    if flow.whole and failed and way != "answer lost":
        assert census() == before
    with time_machine.travel(utcnow() + LATER):
        flow.act(subject)
    assert (flow.ended(subject, clean=not fault.struck), way, nth) == (wanted, way, nth)
    return fault.struck


def _raises(flow: Flow, subject: Any) -> bool:
    try:
        flow.act(subject)
    except Exception:
        return True
    return False  # it lived with the fault: a connection that was lost before its first use


def broken() -> list[str]:
    """The invariants that do not hold, in one question."""
    asked = [
        f"SELECT '{name.replace(chr(39), '')}', ({q})" for name, q in invariants.QUESTIONS.items()
    ]
    with db.house() as session:
        return [name for name, found in session.execute(text(" UNION ALL ".join(asked))) if found]


def census() -> dict[str, int]:
    """How many rows each table has."""
    tables = [table.name for table in db.Base.metadata.sorted_tables]
    asked = [f"SELECT '{name}', (SELECT count(*) FROM {name})" for name in tables]  # noqa: S608 - our own
    with db.house() as session:
        return {name: int(n) for name, n in session.execute(text(" UNION ALL ".join(asked)))}

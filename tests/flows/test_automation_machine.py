"""Orders, customers, Meta and a clock that stops and jumps, in any order: what must stay true.

No automation twice, none missed, a run is answered or expired but never both, and nothing waits
that has ended.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from sqlalchemy import func, select

from flows import arrivals, pipeline, runs
from flows.errors import Refused
from flows.events import Person
from models import db
from models.automation import Automation, Run
from models.message import Message
from models.order import Order
from models.pipeline import SystemState
from models.timeline import AUTOMATION, By, Entry
from models.types import utcnow
from tests import factories
from tests.effort import examples
from tests.flows import meta, shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, *_ = SystemState
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_number = itertools.count(100)


class Automations(RuleBasedStateMachine):
    """To confirm asks, waits and falls back to Unreachable; Unreachable says so."""

    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(START, tick=False)
        self.traveller = self.clock.start()
        number = next(_number)
        self.merchant = factories.merchant(number=str(number))
        self.phone_number_id = str(number) * 15
        self.agent = By.user(factories.member(self.merchant, "manager"))
        self.talks = itertools.count(212661000000)
        self.customers: dict[UUID, Person] = {}
        self.heard: Any = None

    def teardown(self) -> None:
        try:
            self.everything_comes_to_an_end()
        finally:
            self.clock.stop()

    @initialize(
        delay=st.sampled_from([0, 3600]),
        timeout=st.sampled_from([None, 86_400]),
        counted_from=st.sampled_from(["sent", "delivered"]),
        resends=st.sampled_from([0, 1]),
        retrigger=st.booleans(),
    )
    def set_up(
        self, delay: int, timeout: int | None, counted_from: str, resends: int, retrigger: bool
    ) -> None:
        self.resends, self.retrigger = resends, retrigger
        with db.merchant(self.merchant.id):
            shop.automation(
                delay=delay,
                timeout=timeout,
                timeout_from=counted_from,
                resends=resends,
                retrigger=retrigger,
                fallback_stage=shop.stage(UNREACHABLE),
            )
            shop.automation(UNREACHABLE, name="Injoignable", buttons={}, retrigger=retrigger)

    # --- what happens -----------------------------------------------------------------------------

    @rule(target=orders, stage=st.sampled_from([NEW, TO_CONFIRM]))
    def order(self, stage: SystemState) -> Any:
        who = Person(wa_id=str(next(self.talks)), profile_name="Fatima")
        with db.merchant(self.merchant.id):
            talk = shop.conversation(phone_number_id=self.phone_number_id, sender=who)
            made = shop.order(on=stage, talk=talk)
        self.customers[made.id] = who
        return made.id if made else multiple()

    @rule(order_id=orders, stage=st.sampled_from([NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED]))
    def somebody_moves(self, order_id: UUID, stage: SystemState) -> None:
        with db.merchant(self.merchant.id) as session:
            order = session.get_one(Order, (self.merchant.id, order_id))
            pipeline.move(order, shop.stage(stage), by=self.agent)

    @rule(order_id=orders)
    def somebody_undoes(self, order_id: UUID) -> None:
        with db.merchant(self.merchant.id) as session:
            order = session.get_one(Order, (self.merchant.id, order_id))
            try:
                pipeline.undo(order, by=self.agent)
            except Refused:
                session.rollback()

    @rule(minutes=st.sampled_from([1, 61, 60 * 24, 60 * 49]))
    def time_passes(self, minutes: int) -> None:
        self.traveller.shift(timedelta(minutes=minutes))

    @rule()
    def the_timers_go_off(self) -> None:
        runs.go_off(self.merchant.id)

    @rule()
    def meta_takes_what_waits(self) -> None:
        meta.take(self.merchant)

    @rule()
    def meta_delivers(self) -> None:
        meta.report(self.merchant, "delivered")

    @rule(order_id=orders, late=st.sampled_from([0, 0, 1, 30]))
    def the_customer_writes(self, order_id: UUID, late: int) -> None:
        self._write(order_id, "Oui", at=utcnow() - timedelta(hours=late))

    @rule(order_id=orders, index=st.sampled_from([0, 2]))
    def the_customer_taps(self, order_id: UUID, index: int) -> None:
        with db.merchant(self.merchant.id) as session:
            asked = select(Run).where(Run.order_id == order_id, Run.message_id.is_not(None))
            run = session.scalars(asked.limit(1)).first()
        if run is not None:
            pressed, text = runs.payload(run, index), shop.BUTTONS[index]["text"]
            self._write(order_id, text, kind="button", button_payload=pressed, button_text=text)

    def _write(self, order_id: UUID, text: str, **changes: Any) -> None:
        who = {"phone_number_id": self.phone_number_id, "sender": self.customers[order_id]}
        self.heard = factories.inbound(text, **(who | changes))
        self.meta_repeats_itself()

    @precondition(lambda self: self.heard)
    @rule()
    def meta_repeats_itself(self) -> None:
        with db.merchant(self.merchant.id):
            arrivals.take_in([self.heard])

    # --- what stays true --------------------------------------------------------------------------

    @invariant()
    def all_is_well(self) -> None:
        with db.merchant(self.merchant.id) as session:
            self.runs = session.scalars(select(Run)).all()
            self.entries = session.scalars(select(Entry).order_by(Entry.seq)).all()
            stages = {order.id: order.stage_id for order in session.scalars(select(Order))}
            stage_of = dict(session.execute(select(Automation.id, Automation.stage_id)).all())
            asked = select(func.count()).where(Message.run_id.is_not(None))
            questions = session.scalars(asked.group_by(Message.run_id)).all()

        assert {e.order_id: e.to_stage_id for e in self.entries if e.to_stage_id} == stages
        assert all(count <= 1 + self.resends for count in questions)
        for run in self.runs:
            self._ended_once_and_waits_for_nothing(run)
        for automation_id, stage_id in stage_of.items():
            for order_id in stages:
                self._had_its_turn(automation_id, stage_id, order_id)

    def _ended_once_and_waits_for_nothing(self, run: Run) -> None:
        assert run.replied_at is None or run.expired_at is None
        if run.replied_at or run.expired_at or run.cancelled_at or run.failure:
            assert (run.due_at, run.timeout_at) == (None, None)

    def _had_its_turn(self, automation_id: UUID, stage_id: UUID, order_id: UUID) -> None:
        """Once for each entry, or once for the order; what was undone has not happened."""
        undone = {e.facts["undoes"] for e in self.entries if e.kind == "undone"}
        entered = {
            e.id
            for e in self.entries
            if (e.order_id, e.to_stage_id) == (order_id, stage_id)
            and e.kind in ("created", "moved")
            and str(e.id) not in undone
        }
        turns = [
            run
            for run in self.runs
            if (run.order_id, run.automation_id) == (order_id, automation_id)
            and run.cancel_reason != "undone"
        ]
        if self.retrigger:
            begun = [run.entry_id for run in turns]
            assert entered <= set(begun)
            assert len(set(begun)) == len(begun)
        else:
            # One that had left before anything was sent has its turn when it comes back.
            assert len([run for run in turns if run.trigger != run.id]) <= 1
            assert turns or not entered

    def everything_comes_to_an_end(self) -> None:
        """Whatever happened, some days of a running clock leave nothing due and nobody waiting."""
        for _ in range(3):
            self.traveller.shift(timedelta(days=2))
            runs.go_off(self.merchant.id)
            meta.take(self.merchant)
            meta.report(self.merchant, "delivered")
        with db.merchant(self.merchant.id) as session:
            waiting = select(func.count()).where(Run.due_at.is_not(None))
            assert session.scalar(waiting) == 0
            self._each_end_moved_its_order_at_most_once()

    def _each_end_moved_its_order_at_most_once(self) -> None:
        by_time = select(Entry).where(Entry.actor == AUTOMATION.actor, Entry.kind == "moved")
        moves = [entry.facts["run"] for entry in db.session().scalars(by_time)]
        assert len(moves) == len(set(moves))
        ended = select(Run.id).where(Run.expired_at.is_not(None))
        assert set(moves) <= {str(run_id) for run_id in db.session().scalars(ended)}


TestAutomations = Automations.TestCase
TestAutomations.settings = settings(
    max_examples=examples(5),
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

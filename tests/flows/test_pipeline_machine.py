"""The merchant shapes the pipeline while people and clocks work on it: what must stay true.

Every order stands where its timeline last put it, on a stage that exists, with the state that its
past explains; sums, stock and messages follow. WASL_EXAMPLES=2000 makes it a long search.
"""

from __future__ import annotations

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import func, select, text

from flows import invariants, pipeline, runs, stages, stock
from flows.errors import Refused
from flows.stages import Form
from models import db
from models.automation import Automation, Run
from models.catalog import Variant
from models.conversation import Conversation
from models.order import Order
from models.pipeline import Stage, SystemState
from models.tally import Tally
from models.timeline import Actor, By, Entry
from models.types import utcnow
from tests import factories
from tests.effort import examples
from tests.flows import shop

_number = itertools.count(5000)
_stages = itertools.count(1)

OVER = (SystemState.DELIVERED, SystemState.RETURNED, SystemState.CANCELLED)
ANY = st.integers(0, 99)
STATES = st.sampled_from([None, *SystemState])
QUESTIONS = [
    question
    for name, question in invariants.QUESTIONS.items()
    if "stock" in name or "reserved" in name or "stands where" in name or "ran once" in name
]


@dataclass(frozen=True)
class Sends:
    """An automation as the merchant set it up."""

    id: UUID
    stage_id: UUID
    retrigger: bool


class Workshop(RuleBasedStateMachine):
    """A pipeline under change, with orders on it, goods behind it and messages after it."""

    def __init__(self) -> None:
        super().__init__()
        number = str(next(_number))
        self.merchant = factories.merchant(number=number)
        self.manager = factories.member(self.merchant, "manager")
        self.agent = factories.member(self.merchant, "confirmation_agent")
        self.orders: list[UUID] = []
        self.sends: list[Sends] = []
        self.due: list[tuple[UUID, UUID, UUID]] = []
        """Every turn an automation must have had: (order, automation, entry)."""
        self.taken: dict[tuple[UUID, UUID, UUID | None], UUID] = {}
        """What may not run again, and the entry that it ran for."""
        with db.merchant(self.merchant.id):
            talk = shop.conversation(phone_number_id=number * 15, waba_id=f"9{number * 14}")
            self.talk_id = talk.id
            self.variants = [shop.bag(stock_of=n).id for n in (0, 3, 9)]
        self.set_automation(2, 0, False)
        for where in (0, 2, 3):
            self.take_order(where, [2], 1)

    # --- what people and machines do --------------------------------------------------------------

    @rule(where=ANY, goods=st.lists(st.integers(0, 3), max_size=2), pieces=st.integers(1, 3))
    def take_order(self, where: int, goods: list[int], pieces: int) -> None:
        def take() -> None:
            lines = [(self._variant(n) if n < 3 else None, pieces) for n in goods]
            talk = db.session().get_one(Conversation, (self.merchant.id, self.talk_id))
            made = shop.order(*lines, on=self._stage(where).name, talk=talk)
            self._entered(pipeline.last_entry(made))
            self.orders.append(made.id)

        self._attempt(take)

    @precondition(lambda self: self.orders)
    @rule(which=ANY, where=ANY, who=st.sampled_from([*Actor]), boss=st.booleans())
    def move(self, which: int, where: int, who: Actor, boss: bool) -> None:
        by = By.user(self.manager if boss else self.agent) if who is Actor.USER else By(who)
        self._attempt(lambda: self._move(which, where, by))

    @precondition(lambda self: self.orders)
    @rule(which=ANY, where=ANY)
    def a_manager_moves_and_undoes(self, which: int, where: int) -> None:
        """What an order is comes back whole, whatever the move was."""
        by = By.user(self.manager)

        def there_and_back() -> None:
            order = self._order(which)
            stage, before = self._stage(where), self._all_of(order)
            if stage.id == order.stage_id:
                return
            moved = pipeline.move(order, stage, by=by)
            self._entered(moved)
            self._undone(moved, pipeline.undo(order, by=by))
            assert self._all_of(order) == before

        self._attempt(there_and_back)

    @precondition(lambda self: self.orders)
    @rule(which=ANY, boss=st.booleans())
    def undo(self, which: int, boss: bool) -> None:
        by = By.user(self.manager if boss else self.agent)

        def undo() -> None:
            order = self._order(which)
            entry = pipeline.last_entry(order)
            self._undone(entry, pipeline.undo(order, by=by))

        self._attempt(undo)

    @precondition(lambda self: self.orders)
    @rule(which=ANY, one=ANY, other=ANY)
    def two_people_drag_one_card(self, which: int, one: int, other: int) -> None:
        line_up = Barrier(2)
        with db.merchant(self.merchant.id):
            version, known = self._order(which).version, set(self._entries())

        def drag(where: int) -> None:
            with db.merchant(self.merchant.id):
                order, stage = self._order(which), self._stage(where)
                line_up.wait()
                try:
                    pipeline.move(order, stage, by=By.user(self.manager), version=version)
                except Refused:
                    db.rollback()

        with ThreadPoolExecutor(2) as people:
            list(people.map(drag, (one, other)))
        with db.merchant(self.merchant.id):
            made = [e for id_, e in self._entries().items() if id_ not in known]
            assert len(made) <= 1
            for entry in made:
                self._entered(entry)

    @rule(which=st.integers(0, 2), pieces=st.integers(-3, 5).filter(bool))
    def count_stock(self, which: int, pieces: int) -> None:
        self._attempt(lambda: stock.adjust(self._variant(which), pieces, reason="count"))

    @rule(where=ANY, delay=st.sampled_from([0, 0, 3600]), retrigger=st.booleans())
    def set_automation(self, where: int, delay: int, retrigger: bool) -> None:
        with db.merchant(self.merchant.id):
            stage = self._stage(where)
            made = Automation(
                name="Envoi",
                stage=stage,
                template=shop.template(),
                variables=shop.MAPPING,
                delay=delay,
                retrigger=retrigger,
            )
            db.session().add(made)
            db.session().flush()
            self.sends.append(Sends(made.id, stage.id, retrigger))

    @rule(hours=st.integers(0, 3))
    def the_clock_jumps(self, hours: int) -> None:
        """What waited leaves once, or is cancelled because the order has gone on."""
        now = utcnow() + timedelta(hours=hours)
        with db.merchant(self.merchant.id):
            waiting = {run.id: self._still_there(run) for run in self._runs() if run.due_at}
            gone_off = {run.id for run in self._runs() if run.due_at and run.due_at <= now}

        runs.go_off(self.merchant.id, now)

        with db.merchant(self.merchant.id):
            for run in self._runs():
                if run.id in gone_off:
                    assert (run.due_at, run.message_id is not None) == (None, waiting[run.id])
                    assert waiting[run.id] or run.cancel_reason in ("left_stage", "switched_off")

    # --- what the merchant does to the pipeline ---------------------------------------------------

    @rule(place=st.integers(1, 12), state=STATES)
    def add_stage(self, place: int, state: SystemState | None) -> None:
        form = Form(name=f"Étape {next(_stages)}", state=state)
        before = self._places()
        self._attempt(lambda: stages.add(self._pipeline(), form, place=place))
        assert self._places() == before

    @rule(where=ANY, agreed=st.booleans())
    def delete_stage(self, where: int, agreed: bool) -> None:
        def delete() -> None:
            stage = self._stage(where)
            stages.delete(stage, by=self.manager, agreed=agreed)
            self.sends = [sends for sends in self.sends if sends.stage_id != stage.id]

        self._attempt(delete)

    @rule(where=ANY, state=STATES)
    def change_state(self, where: int, state: SystemState | None) -> None:
        self._attempt(lambda: stages.change_state(self._stage(where), state, by=self.manager))

    @rule(where=ANY, show=st.booleans())
    def hide_or_show(self, where: int, show: bool) -> None:
        before = self._places()
        self._attempt(lambda: (stages.show if show else stages.hide)(self._stage(where)))
        assert self._places() == before

    @rule(seed=st.randoms(use_true_random=False))
    def reorder(self, seed: Any) -> None:
        before = self._places()

        def shuffle() -> None:
            ids = [stage.id for stage in self._pipeline().stages]
            seed.shuffle(ids)
            stages.reorder(self._pipeline(), ids)

        self._attempt(shuffle)
        assert self._places() == before

    @rule(where=ANY, to=st.lists(ANY, max_size=3))
    def allow_only(self, where: int, to: list[int]) -> None:
        self._attempt(
            lambda: stages.set_transitions(
                self._stage(where), {self._stage(which).id for which in to}
            )
        )

    # --- what must stay true ----------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_and_nothing_happens_twice(self) -> None:
        with db.merchant(self.merchant.id):
            self._check_pipeline()
            self._check_orders()
            self._check_sums()
            self._check_runs()
        with db.house() as house:
            assert [house.scalar(text(question)) or 0 for question in QUESTIONS] == [0] * 5

    def _check_pipeline(self) -> None:
        rows = self._pipeline().stages
        assert [stage.position for stage in rows] == list(range(1, len(rows) + 1))
        assert self._pipeline().first_stage.state not in OVER

    def _check_orders(self) -> None:
        """Each is where its past put it, and each line of its past begins where the last ended."""
        past: dict[UUID, list[Entry]] = {id_: [] for id_ in self.orders}
        for entry in sorted(self._entries().values(), key=lambda entry: entry.seq):
            past[entry.order_id].append(entry)
        for order in db.session().scalars(select(Order)):
            entries = past[order.id]
            last = entries[-1]
            assert order.stage.deleted_at is None
            assert (order.stage_id, order.stage.state or order.state) == (
                last.to_stage_id,
                order.state,
            )
            assert (order.state, order.status) == (last.facts["to_state"], last.facts["to_status"])
            assert entries[0].kind == "created"
            for before, after in itertools.pairwise(entries):
                assert after.from_stage_id == before.to_stage_id
                assert after.facts["from_state"] == before.facts["to_state"]

    def _check_sums(self) -> None:
        """What is kept is what counting would find."""
        columns = (Tally.orders, Tally.due, Tally.confirmed, Tally.shipped, Tally.delivered)
        kept = select(Tally.stage_id, *(func.sum(c) for c in columns)).group_by(Tally.stage_id)
        counted = select(
            Order.stage_id,
            func.count(),
            func.sum(Order.applied_total + Order.delivery_fee),
            func.count(Order.confirmed_at),
            func.count(Order.shipped_at),
            func.count().filter(Order.state == SystemState.DELIVERED),
        ).group_by(Order.stage_id)
        session = db.session()
        sums = {tuple(row) for row in session.execute(kept) if any(row[1:])}
        assert sums == {tuple(row) for row in session.execute(counted)}

    def _check_runs(self) -> None:
        """Each automation has had each of its turns, once."""
        had = Counter((run.order_id, run.automation_id, run.entry_id) for run in self._runs())
        assert had == Counter(self.due)
        assert set(had.values()) <= {1}

    # --- the machine's own memory -----------------------------------------------------------------

    def _attempt(self, act: Any) -> None:
        """In a transaction of its own; the shop may say no, and then nothing has happened."""
        kept = (list(self.orders), list(self.sends), list(self.due), dict(self.taken))
        try:
            with db.merchant(self.merchant.id):
                act()
        except Refused:
            self.orders, self.sends, self.due, self.taken = kept

    def _move(self, which: int, where: int, by: By) -> None:
        order, stage = self._order(which), self._stage(where)
        here, open_to = order.stage_id, pipeline.allowed(order, by)
        entry = pipeline.move(order, stage, by=by)
        if here != stage.id:
            assert stage in open_to
            self._entered(entry)

    def _entered(self, entry: Entry) -> None:
        for sends in self.sends:
            once = (entry.order_id, sends.id, entry.id if sends.retrigger else None)
            if sends.stage_id == entry.to_stage_id and once not in self.taken:
                self.taken[once] = entry.id
                self.due.append((entry.order_id, sends.id, entry.id))

    def _undone(self, entry: Entry, undone: pipeline.Undone) -> None:
        """What was undone has not happened: its messages may have their turn again."""
        assert undone.gone == []
        self.taken = {once: by for once, by in self.taken.items() if by != entry.id}

    def _pipeline(self) -> Any:
        return shop.pipeline_of()

    def _stage(self, n: int) -> Stage:
        rows = self._pipeline().stages
        found: Stage = rows[n % len(rows)]
        return found

    def _order(self, n: int) -> Order:
        id_ = self.orders[n % len(self.orders)]
        return db.session().get_one(Order, (self.merchant.id, id_))

    def _variant(self, n: int) -> Variant:
        return db.session().get_one(Variant, (self.merchant.id, self.variants[n]))

    def _runs(self) -> list[Run]:
        return list(db.session().scalars(select(Run)))

    def _entries(self) -> dict[UUID, Entry]:
        wanted = select(Entry).where(Entry.to_stage_id.is_not(None))
        return {entry.id: entry for entry in db.session().scalars(wanted)}

    def _places(self) -> Any:
        with db.merchant(self.merchant.id) as session:
            rows = session.execute(select(Order.id, Order.stage_id, Order.state, Order.version))
            return {tuple(row) for row in rows}

    def _still_there(self, run: Run) -> bool:
        return run.automation.active and not runs.has_left(run)

    def _all_of(self, order: Order) -> Any:
        db.session().flush()
        names = [column.key for column in Order.__table__.columns if column.key != "version"]
        lines = [(line.id, line.stock) for line in order.lines]
        return {name: getattr(order, name) for name in names}, lines


def test_whatever_happens_to_the_pipeline_its_orders_stay_whole() -> None:
    run_machine(
        Workshop,
        settings=settings(
            max_examples=examples(4),
            stateful_step_count=14,
            deadline=None,
            database=None,
            # Two who race never race twice the same way: to make such an example smaller is vain.
            phases=[phase for phase in Phase if phase is not Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )

"""A customer, the bot, agents, automations and the clock in any order: what must stay true.

One order or draft for what was confirmed, no word of the bot where a person has the conversation,
no move that a stage does not allow or the timeline does not explain, one answer to one burst.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from flows import arrivals, messages, orders, pipeline
from flows.errors import Refused
from flows.events import Person
from flows.orders import NewLine, NewOrder
from flows.talks import bots, drafts, leaving, turning
from flows.talks.cart import Cart
from models import db
from models.catalog import Variant
from models.channel import Channel
from models.conversation import Conversation
from models.message import Direction, Message, Origin
from models.order import Order
from models.pipeline import Stage, SystemState
from models.talk import DraftState, OrderDraft, Talk, Turn
from models.timeline import Actor, By, Entry
from models.types import new_id, utcnow
from tests import factories
from tests.effort import examples
from tests.flows import meta, shop

NEW, UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILED, *_ = SystemState
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SILENCE = timedelta(hours=12)
SENTENCES = (
    *("je veux 2 sacs noirs à Rabat, 12 rue des Fleurs", "bghit sac 7mer l casa", "un foulard svp"),
    *("12 rue des Fleurs, Agdal", "Rabat", "noir", "3", "non 3 pas 2", "sans le foulard"),
    *("oui", "oui je confirme", "wakha", "👍", "non merci", "oui mais pas demain", "plus tard"),
    *("bonjour", "merci", "blorp zgrut", "c'est combien le sac ?", "où est ma commande ?"),
    *("je veux annuler ma commande", "je veux parler à quelqu'un", "STOP", "samedi matin"),
)
"""What customers say; each may come at any time."""
MADE = ("ordered", "drafted")
BY_THE_BOT = "bot"
_number = itertools.count(100)


class Talks(RuleBasedStateMachine):
    """One customer of a shop that asks to confirm each new order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(START, tick=False)
        self.traveller = self.clock.start()
        number = next(_number)
        self.merchant = factories.merchant(number=str(number))
        self.phone_number_id = str(number) * 15
        self.agent = factories.member(self.merchant, "manager")
        self.wamids = itertools.count(1)
        self.conversation_id: UUID | None = None
        self.unanswered = 0
        self.bursts = 0
        self.silent_until = START
        self.accepted = 0
        self.agents_orders = 0

    def teardown(self) -> None:
        self.clock.stop()

    @initialize(rule=st.sampled_from(["order", "draft"]), stock=st.sampled_from([2, 50]))
    def open_shop(self, rule: str, stock: int) -> None:
        with db.merchant(self.merchant.id) as session:
            factories.product("Sac en cuir", stock_of=stock, couleur=["Noir", "Rouge"])
            factories.product("Foulard", stock_of=stock)
            shop.automation(NEW)
            bot = bots.of(session.scalars(select(Channel.id)).one())
            bot.active, bot.order_rule = True, rule
            session.add(bot)
        self._write("bonjour")
        with db.merchant(self.merchant.id) as session:
            self.conversation_id = session.scalars(select(Conversation.id)).one()
        self.the_bot_answers()

    # --- the customer -----------------------------------------------------------------------------

    @rule(said=st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=2), waits=st.booleans())
    def the_customer_writes(self, said: list[str], waits: bool) -> None:
        for sentence in said:
            self._write(sentence)
        if waits:
            self.the_bot_answers()

    @rule(which=st.integers(0, 40), times=st.sampled_from([1, 1, 2]), waits=st.booleans())
    def the_customer_taps(self, which: int, times: int, waits: bool) -> None:
        """Any button of any message there has been, the newest ones first."""
        buttons = self._buttons()
        if not buttons:
            return
        payload, title, wamid = buttons[which % len(buttons)]
        for _ in range(times):
            self._write(
                title,
                kind="interactive",
                button_payload=payload,
                button_text=title,
                reply_to_wamid=wamid,
            )
            if waits:
                self.the_bot_answers()

    def _write(self, text: str, **changes: Any) -> None:
        event = factories.inbound(
            text,
            phone_number_id=self.phone_number_id,
            sender=Person(wa_id="212661234567", profile_name="Fatima Zahra"),
            **changes,
        )
        self.unanswered += 1
        with db.merchant(self.merchant.id):
            arrivals.take_in([event])

    def _buttons(self) -> list[tuple[str, str, str]]:
        wanted = select(Message).where(
            Message.direction == Direction.OUT, Message.wamid.is_not(None)
        )
        with db.merchant(self.merchant.id) as session:
            sent = session.scalars(wanted.order_by(Message.seq.desc())).all()
            return [button for message in sent for button in _choices(message)]

    # --- the bot ----------------------------------------------------------------------------------

    @rule()
    def the_bot_answers(self) -> None:
        self.traveller.shift(timedelta(seconds=5))
        before = self._said()
        with db.merchant(self.merchant.id):
            turning.take_turn(self._talk_of())
        newest = self._said()[len(before) :]
        if self.unanswered:
            self.bursts += 1
        else:
            assert not newest, "an answer to nothing"
        self.unanswered = 0
        if utcnow() < self.silent_until:
            assert not newest, "a word where a person has the conversation"
        self._hear_what_it_did()
        with db.merchant(self.merchant.id):
            assert not turning.take_turn(self._talk_of()), "a second answer"
        meta.take(self.merchant)

    def _talk_of(self) -> UUID:
        with db.merchant(self.merchant.id) as session:
            return session.scalars(select(Conversation.id)).one()

    def _said(self) -> Sequence[UUID]:
        wanted = select(Message.id).where(Message.origin == Origin.BOT).order_by(Message.seq)
        with db.merchant(self.merchant.id) as session:
            return session.scalars(wanted).all()

    def _hear_what_it_did(self) -> None:
        with db.merchant(self.merchant.id) as session:
            newest = session.scalars(select(Turn).order_by(Turn.at.desc()).limit(1)).first()
            unread = session.scalars(select(Conversation.unread)).one()
        if newest is None or newest.at != utcnow():
            return
        if newest.did == "handed_over":
            self.silent_until = utcnow() + SILENCE
            assert unread, "nobody is called"
        elif newest.did == "drafted":
            assert unread, "nobody is called to the draft"
        elif newest.did != "said_nothing":
            assert not unread, "what is answered is read"

    # --- people -----------------------------------------------------------------------------------

    @rule()
    def an_agent_writes(self) -> None:
        with db.merchant(self.merchant.id) as session:
            talk = session.scalars(select(Conversation)).one()
            try:
                messages.queue_text(talk, "Je regarde.", by=self._agent())
            except Refused:  # the window is closed
                session.rollback()
                return
        self.silent_until = utcnow() + SILENCE

    @rule(over=st.booleans())
    def an_agent_takes_over_or_gives_back(self, over: bool) -> None:
        with db.merchant(self.merchant.id) as session:
            conversation = session.scalars(select(Conversation)).one()
            talk = session.scalars(select(Talk)).one()
            if over:
                leaving.take_over(conversation, talk, 12, by=self._agent())
            else:
                leaving.give_back(conversation, talk, by=self._agent())
        if over:
            self.unanswered = 0  # theirs now, what was said before too
        self.silent_until = utcnow() + SILENCE if over else START
        self.traveller.shift(timedelta(seconds=1))

    @rule(accepts=st.booleans())
    def an_agent_settles_the_draft(self, accepts: bool) -> None:
        with db.merchant(self.merchant.id) as session:
            conversation = session.scalars(select(Conversation)).one()
            draft = drafts.waiting(conversation)
            if draft is None:
                return
            if not accepts:
                drafts.dismiss(draft, by=self._agent())
                return
            form = drafts.form_of(Cart.of({"cart": draft.cart}), draft.id, "MA")
            try:
                order = orders.create(form, by=self._agent(), conversation=conversation)
            except Refused:
                session.rollback()
                return
            drafts.accept(draft, order, by=self._agent())
        self.accepted += 1
        meta.take(self.merchant)

    @rule()
    def an_agent_takes_an_order(self) -> None:
        with db.merchant(self.merchant.id) as session:
            conversation = session.scalars(select(Conversation)).one()
            scarf = session.scalars(select(Variant).order_by(Variant.id.desc()).limit(1)).one()
            form = NewOrder(
                client_id=new_id(),
                name="Fatima Zahra",
                phone=None,
                address="4 rue Hassan",
                city="Rabat",
                lines=(NewLine(variant_id=scarf.id, quantity=1),),
            )
            try:
                orders.create(form, by=self._agent(), conversation=conversation)
            except Refused:
                session.rollback()
                return
        self.agents_orders += 1
        meta.take(self.merchant)

    @rule(to=st.sampled_from([UNREACHABLE, TO_CONFIRM, CONFIRMED, SHIPPED, FAILED]))
    def an_agent_moves_the_newest_order(self, to: SystemState) -> None:
        with db.merchant(self.merchant.id) as session:
            newest = select(Order).order_by(Order.number.desc()).limit(1)
            order = session.scalars(newest).first()
            if order is None:
                return
            try:
                pipeline.move(order, shop.stage(to), by=By.user(self._agent()))
            except Refused:
                session.rollback()

    def _agent(self) -> Any:
        return db.session().get_one(type(self.agent), (self.merchant.id, self.agent.id))

    @rule(minutes=st.sampled_from([1, 20, 60, 13 * 60, 25 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.traveller.shift(timedelta(minutes=minutes))

    # --- what stays true --------------------------------------------------------------------------

    @invariant()
    def all_is_well(self) -> None:
        with db.merchant(self.merchant.id) as session:
            turns = session.scalars(select(Turn).order_by(Turn.at, Turn.id)).all()
            said = session.scalars(select(Message).where(Message.origin == Origin.BOT)).all()
            heard = session.scalars(select(Message.id).where(Message.direction == Direction.IN))
            received = len(heard.all())
            unread = session.scalars(select(Conversation.unread)).all()
            self._orders_are_explained(turns, session.scalars(select(Order)).all())
            self._moves_are_allowed()
        self._confirmed_once(turns)
        self._answered_once(turns, said)
        assert all(0 <= count <= received for count in unread)

    def _confirmed_once(self, turns: Sequence[Turn]) -> None:
        """Whatever is ordered or drafted was shown, and what was shown is ordered once."""
        shown: int | None = None
        for turn in turns:
            if turn.did == "summary":
                shown = turn.facts["total"]
            elif turn.did in MADE:
                assert shown is not None, "ordered twice, or never shown"
                shown = None

    def _orders_are_explained(self, turns: Sequence[Turn], made: Sequence[Order]) -> None:
        by_bot = [order for order in made if order.source == BY_THE_BOT]
        ordered = [turn.order_id for turn in turns if turn.did == "ordered"]
        drafted = [
            draft.order_id
            for draft in db.session().scalars(select(OrderDraft))
            if draft.state is DraftState.ACCEPTED
        ]
        assert sorted(order.id for order in by_bot) == sorted(filter(None, ordered + drafted))
        assert len(drafted) == self.accepted
        assert len(made) - len(by_bot) == self.agents_orders
        totals = {turn.order_id: _total_before(turns, turn) for turn in turns if turn.order_id}
        for order in by_bot:
            if order.id in ordered:
                assert order.amount_due.minor == totals[order.id], "not what was shown"

    def _moves_are_allowed(self) -> None:
        states = {stage.id: stage.state for stage in db.session().scalars(select(Stage))}
        stands: dict[UUID, UUID] = {}
        for entry in db.session().scalars(select(Entry).order_by(Entry.seq)):
            if entry.to_stage_id is None:
                continue
            assert entry.from_stage_id == stands.get(entry.order_id)
            stands[entry.order_id] = entry.to_stage_id
            if entry.actor is Actor.CUSTOMER and entry.kind == "moved":
                left, entered = states[entry.from_stage_id], states[entry.to_stage_id]  # type: ignore[index]
                assert left is not None and entered is not None
                assert pipeline.MOVES[left, entered] == "+"
                assert {"spoken", "run", "button"} & set(entry.facts), "nobody said so"
        assert stands == {order.id: order.stage_id for order in db.session().scalars(select(Order))}

    def _answered_once(self, turns: Sequence[Turn], said: Sequence[Message]) -> None:
        """Every word of the bot has its turn, and every burst one at most."""
        assert len(turns) <= self.bursts
        heard = Counter(turn.heard_id for turn in turns)
        assert all(count == 1 for count in heard.values())
        by_turn = Counter(message.turn_id for message in said)
        assert set(by_turn) <= {turn.id for turn in turns}
        assert all(count <= 2 for count in by_turn.values())


def _choices(message: Message) -> list[tuple[str, str, str]]:
    """(payload, title, wamid) of what can be tapped below a message."""
    wamid, body = message.wamid or "", message.payload.get("body") or {}
    action = body.get("action") or {} if isinstance(body, dict) else {}
    rows = [b["reply"] for b in action.get("buttons", ()) if "reply" in b]
    rows += [row for part in action.get("sections", ()) for row in part.get("rows", ())]
    asked = message.payload.get("buttons") or ()
    ours = [(f"w1.{message.run_id}.{n}", text, wamid) for n, text in enumerate(asked)]
    return [(row["id"], row["title"], wamid) for row in rows] + (ours if message.run_id else [])


def _total_before(turns: Sequence[Turn], made: Turn) -> int | None:
    """What the last summary before this turn showed."""
    place = turns.index(made)
    shown = [turn.facts["total"] for turn in turns[:place] if turn.did == "summary"]
    return shown[-1] if shown else None


TestTalks = Talks.TestCase
TestTalks.settings = settings(
    max_examples=examples(20),
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

"""Plays a script of tests/bot/talks: the customer's lines over the simulator, the bot's answers
as they reached the phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import time_machine
from sqlalchemy import func, select

from bot.simulator import Simulator
from bot.simulator.offers import choices_of
from bot.simulator.world import Bubble
from flows import messages, orders, outbox, pipeline
from flows.customers import Number
from flows.orders import NewLine, NewOrder
from flows.talks import bots, drafts, questions
from flows.talks.cart import Cart
from models import db
from models.catalog import Variant
from models.channel import Channel
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.merchant import Merchant
from models.order import Order
from models.pipeline import Stage, SystemState
from models.talk import Talk, Turn
from models.timeline import By
from models.types import utcnow
from tests import factories
from tests.stories.steps import Work

FOLDER = Path(__file__).parent / "talks"
NAMES = ("fatima", "khadija", "youssef", "nadia")
_PIECES = re.compile(r"(\d+)×(\S+)")


@dataclass(frozen=True)
class Script:
    """A talk: its title, and its lines as (place in the file, who or what, what)."""

    title: str
    lines: tuple[tuple[str, str, str], ...]


def scripts() -> Iterator[Script]:
    for file in sorted(FOLDER.glob("*.txt")):
        for block in re.split(r"(?m)^# ", file.read_text(encoding="utf-8"))[1:]:
            title, *rest = block.splitlines()
            lines = [
                (f"{file.name}, {title.strip()!r}: {line}", *_parts(line))
                for line in rest
                if line.strip()
            ]
            yield Script(f"{file.stem}: {title.strip()}", tuple(lines))


def _parts(line: str) -> tuple[str, str]:
    who, _, what = line.partition(":")
    return who.strip(), what.strip()


@dataclass
class Play:
    """One talk on its stage: the demo's first shop, its bot on, nobody else at work."""

    shop: Merchant
    simulator: Simulator
    work: Work
    who: str = "fatima"
    seen: set[str] = field(default_factory=set)
    turns: int = 0
    past: timedelta = timedelta(0)
    clock: time_machine.travel | None = None

    def perform(self, script: Script) -> None:
        self._settings("")
        self._look()
        for index, (place, who, what) in enumerate(script.lines):
            after = script.lines[index + 1][1] if index + 1 < len(script.lines) else ""
            try:
                self._line(who, what, burst=after == who)
            except AssertionError as wrong:
                raise AssertionError(f"{place}\n{wrong}") from None

    def _line(self, who: str, what: str, *, burst: bool) -> None:
        name, _, verb = who.partition(" ")
        if name in NAMES:
            self.who = name
            self._customer(verb, what)
            if not burst:
                self.settle()
        else:
            getattr(self, f"_{name}")(what)

    # --- what people do ---------------------------------------------------------------------------

    def _customer(self, verb: str, what: str) -> None:
        if verb == "":
            self.simulator.write(self.who, what.replace("\\n", "\n"))
        elif verb == "taps":
            self._tap(what)
        elif verb == "reacts":
            self.simulator.react(self.who, self._on_phone()[-1].wamid, what)
        elif verb == "sends":
            self._send(what)
        else:
            raise ValueError(verb)

    def _tap(self, title: str) -> None:
        for bubble in reversed(self._on_phone()):
            titles = [str(choice.get("text")) for choice in choices_of(bubble)]
            if title in titles:
                self.simulator.tap(self.who, bubble.wamid, titles.index(title))
                return
        raise AssertionError(f"there is nothing to tap that says {title!r}")

    def _send(self, what: str) -> None:
        kind, _, rest = what.partition(" ")
        if kind == "location":
            place = {"latitude": 33.58, "longitude": -7.63, "name": rest, "address": rest}
            self.simulator.write(self.who, type="location", location=place)
        elif kind == "cart":
            items = [
                {
                    "product_retailer_id": sku,
                    "quantity": int(n),
                    "item_price": 320,
                    "currency": "MAD",
                }
                for n, sku in _PIECES.findall(rest)
            ]
            order = {"catalog_id": "1", "product_items": items}
            self.simulator.write(self.who, type="order", order=order)
        else:
            self.simulator.send_sample(self.who, kind)

    def _agent(self, text: str) -> None:
        agent = factories.member(self.shop, "confirmation_agent")
        with db.merchant(self.shop.id):
            messages.queue_text(self._conversation(), text, by=agent)
        self.settle()
        self._look()

    def _time(self, what: str) -> None:
        self.past += timedelta(hours=float(what.split()[0]))
        self.end()
        self.clock = time_machine.travel(utcnow() + self.past, tick=True)
        self.clock.start()
        self.settle()

    def end(self) -> None:
        """The time is what it is again."""
        if self.clock is not None:
            self.clock.stop()
            self.clock = None

    # --- how things are before --------------------------------------------------------------------

    def _settings(self, what: str) -> None:
        with db.merchant(self.shop.id):
            for channel in db.session().scalars(select(Channel)):
                bot = bots.of(channel.id)
                bot.active = True
                for name, _, value in (pair.partition("=") for pair in what.split()):
                    known: Any = {"yes": True, "no": False}.get(value, value)
                    setattr(bot, name, int(known) if str(known).isdecimal() else known)
                db.session().add(bot)

    def _given(self, what: str) -> None:
        kind, _, rest = what.partition(" ")
        if kind == "order":
            pieces, _, state = rest.partition(" on ")
            self._order(pieces, state.strip())
        elif kind == "question":
            name, _, told = rest.partition(" = ")
            keywords, _, answer = told.partition("; ")
            with db.merchant(self.shop.id):
                questions.save(
                    None, name=name, keywords=keywords.split(","), answers={"fr": answer}
                )
        elif kind == "stock":
            self._stock(rest)
        else:
            raise ValueError(what)

    def _order(self, pieces: str, state: str) -> None:
        if not self._talks():
            self.simulator.write(self.who, "Salam")
            self.settle()
        agent = factories.member(self.shop, "manager")
        with db.merchant(self.shop.id):
            wanted = {sku: int(n) for n, sku in _PIECES.findall(pieces)}
            found = db.session().scalars(select(Variant).where(Variant.sku.in_(wanted))).all()
            customer = self.simulator.customer(self.who)
            form = NewOrder(
                client_id=uuid4(),
                name=customer.name,
                phone=Number("", customer.phone),
                address="12 rue Ibn Aïcha, Guéliz",
                city="Marrakech",
                lines=tuple(NewLine(variant_id=v.id, quantity=wanted[v.sku]) for v in found),
            )
            order = orders.create(form, by=agent, conversation=self._conversation())
            for step in _way(state):
                stage = (
                    db.session()
                    .scalars(select(Stage).where(Stage.state == step, Stage.deleted_at.is_(None)))
                    .one()
                )
                pipeline.move(order, stage, by=By.user(agent))
        self.settle()
        self._look()

    def _stock(self, rest: str) -> None:
        from flows import stock
        from models.stock import StockLevel

        with db.merchant(self.shop.id):
            for n, sku in _PIECES.findall(rest):
                variant = db.session().scalars(select(Variant).where(Variant.sku == sku)).one()
                level = select(StockLevel.available).where(StockLevel.variant_id == variant.id)
                there = db.session().scalar(level) or 0
                stock.adjust(variant, int(n) - there, reason="trial", by=None)

    # --- what is expected -------------------------------------------------------------------------

    def _bot(self, what: str) -> None:
        did, *parts = (part.strip() for part in what.split("|"))
        heard = self._look()
        told = "\n".join(_text(bubble) for bubble in heard)
        titles = [str(choice.get("text")) for bubble in heard for choice in choices_of(bubble)]
        deed = self._deed()
        said = f"it did {deed!r}, said {told!r} with {titles}"
        if did == "nothing":
            assert not heard, said
            return
        assert deed == did, said
        for part in parts:
            buttons = re.findall(r"\[([^\]]+)\]", part)
            if buttons:
                assert set(buttons) <= set(titles), said
            else:
                assert part in told, said

    def _effect(self, what: str) -> None:
        name, _, value = (part.strip() for part in what.partition("="))
        with db.merchant(self.shop.id):
            found = str(getattr(self, f"_fact_{name}")())
        assert found == value, f"{name} = {found}"

    def _fact_order(self) -> str:
        order = self._newest()
        if order is None:
            return "none"
        pieces = ", ".join(f"{line.quantity}×{line.sku}" for line in order.lines)
        return " · ".join((pieces, order.ship_city, order.source, order.state))

    def _fact_orders(self) -> int:
        return db.session().scalar(select(func.count()).select_from(Order).where(self._mine())) or 0

    def _fact_state(self) -> str:
        order = self._newest()
        return order.state if order else "none"

    def _fact_address(self) -> str:
        order = self._newest()
        return order.ship_line if order else "none"

    def _fact_draft(self) -> str:
        draft = drafts.waiting(self._conversation())
        if draft is None:
            return "none"
        cart = Cart.of({"cart": draft.cart})
        found = select(Variant).where(Variant.id.in_([line.variant for line in cart.lines]))
        skus = {str(v.id): v.sku for v in db.session().scalars(found)}
        pieces = ", ".join(f"{line.quantity}×{skus[line.variant]}" for line in cart.lines)
        return " · ".join(filter(None, (pieces, cart.city)))

    def _fact_left(self) -> str:
        return self._talk().left_because or "no"

    def _fact_unread(self) -> str:
        return "yes" if self._conversation().unread else "no"

    def _fact_language(self) -> str:
        return self._talk().language or "none"

    def _fact_advertising(self) -> str:
        return "no" if self._conversation().identity.opted_out_at else "yes"

    # --- looking ----------------------------------------------------------------------------------

    def settle(self) -> None:
        """Webhooks, sweeps and workers until nothing moves any more."""
        for _ in range(20):
            self.work()
            outbox.sweep()
            self.work()
            if not self.simulator.deliver():
                return
        raise AssertionError("it never gets quiet")

    def _on_phone(self) -> list[Bubble]:
        customer = self.simulator.customer(self.who)
        return [b for b in self.simulator.seen(customer) if not b.from_customer]

    def _look(self) -> list[Bubble]:
        """What has reached the phone since the last look."""
        fresh = [bubble for bubble in self._on_phone() if bubble.wamid not in self.seen]
        self.seen |= {bubble.wamid for bubble in fresh}
        return fresh

    def _deed(self) -> str:
        with db.merchant(self.shop.id) as session:
            newest = select(Turn.did).order_by(Turn.at.desc(), Turn.id.desc())
            count = session.scalar(select(func.count()).select_from(Turn)) or 0
            if count == self.turns:
                return "nothing"
            self.turns = count
            return session.scalar(newest.limit(1)) or ""

    def _talks(self) -> bool:
        with db.merchant(self.shop.id):
            return self._find() is not None

    def _find(self) -> Conversation | None:
        customer = self.simulator.customer(self.who)
        wanted = (
            select(Conversation)
            .join(WhatsAppIdentity)
            .where(WhatsAppIdentity.user_id == customer.user_id)
        )
        return db.session().scalars(wanted).first()

    def _conversation(self) -> Conversation:
        found = self._find()
        assert found is not None, "nobody has written"
        return found

    def _talk(self) -> Talk:
        mine = select(Talk).where(Talk.conversation_id == self._conversation().id)
        return db.session().scalars(mine).one()

    def _mine(self) -> Any:
        return Order.conversation_id == self._conversation().id

    def _newest(self) -> Order | None:
        newest = select(Order).where(self._mine()).order_by(Order.number.desc()).limit(1)
        return db.session().scalars(newest).first()


def _text(bubble: Bubble) -> str:
    caption = bubble.content.get("caption") if isinstance(bubble.content, dict) else ""
    return str(bubble.shown.get("body") or caption or "").replace("\xa0", " ")


def _way(state: str) -> list[SystemState]:
    """The states an order goes through to get there."""
    ways = {
        "to_confirm": ["to_confirm"],
        "confirmed": ["confirmed"],
        "shipped": ["confirmed", "shipped"],
        "delivery_failure": ["confirmed", "shipped", "delivery_failure"],
        "delivered": ["confirmed", "shipped", "delivered"],
        "cancelled": ["cancelled"],
        "": [],
    }
    return [SystemState(step) for step in ways[state]]

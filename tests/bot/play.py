"""Plays a script of tests/bot/talks: the customer's lines over the simulator, the bot's answers
as they reached the phone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import time_machine
from sqlalchemy import func, select, update

from bot.simulator import Simulator
from bot.simulator.offers import choices_of
from bot.simulator.samples import sample
from bot.simulator.world import Bubble
from flows import (
    catalog,
    conversations,
    costs,
    customers,
    delivery,
    files,
    messages,
    orders,
    outbox,
    pipeline,
    stock,
)
from flows.costs.ledger import quota_counter
from flows.customers import Number
from flows.orders import NewLine, NewOrder
from flows.talks import bots, drafts, leaving, questions
from flows.talks.cart import Cart
from models import db
from models.automation import Automation
from models.catalog import Product, Variant
from models.channel import Channel
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.merchant import Counter, Merchant
from models.message import Media
from models.order import Order
from models.pipeline import Stage, SystemState
from models.stock import StockLevel
from models.talk import Bot, Talk, Turn
from models.timeline import By
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.stories.steps import Work

FOLDER = Path(__file__).parent / "talks"
NAMES = ("fatima", "khadija", "youssef", "nadia")
WAYS = {
    "": (),
    "to_confirm": ("to_confirm",),
    "confirmed": ("confirmed",),
    "shipped": ("confirmed", "shipped"),
    "delivery_failure": ("confirmed", "shipped", "delivery_failure"),
    "delivered": ("confirmed", "shipped", "delivered"),
    "cancelled": ("cancelled",),
}
"""The states an order goes through to get to one."""
TOGETHER = 20
"""Events that Meta puts into one body."""
_PIECES = re.compile(r"(\d+)×(\S+)")
_IN_CART = re.compile(r"(\d+)×([^\s@]+)(?:@(\d+))?")


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
        people = (who.partition(" ")[0] for _, who, _ in script.lines)
        self.who = next((name for name in people if name in NAMES), self.who)
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
            self._customer(verb, self._filled(what))
            if verb == "types":
                self._arrive()
            elif not burst:
                self.settle()
        elif verb:
            getattr(self, f"_{name}_{verb.replace(' ', '_')}")()
        else:
            getattr(self, f"_{name}")(what)

    def _filled(self, text: str) -> str:
        """{number} is the newest order's, whosever it is."""
        if "{number}" not in text:
            return text
        with db.merchant(self.shop.id) as session:
            return text.replace("{number}", str(session.scalar(select(func.max(Order.number)))))

    # --- what people do ---------------------------------------------------------------------------

    def _customer(self, verb: str, what: str) -> None:
        if verb in ("", "types"):
            self.simulator.write(self.who, what.replace("\\n", "\n"))
        elif verb == "taps":
            self._tap(what, reversed(self._on_phone()))
        elif verb == "taps earlier":
            self._tap(what, self._on_phone())
        elif verb.startswith("late"):
            self._late(float(verb.split()[1]), what)
        elif verb == "reacts":
            self.simulator.react(self.who, self._on_phone()[-1].wamid, what)
        elif verb == "sends":
            self._send(what)
        else:
            raise ValueError(verb)

    def _tap(self, title: str, bubbles: Iterable[Bubble]) -> None:
        for bubble in bubbles:
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
                    "item_price": float(price or 320),
                    "currency": "MAD",
                }
                for n, sku, price in _IN_CART.findall(rest)
            ]
            order = {"catalog_id": "1", "product_items": items}
            self.simulator.write(self.who, type="order", order=order)
        elif kind == "contact":
            card = {"name": {"formatted_name": "Moi"}, "phones": [{"phone": rest}]}
            self.simulator.write(self.who, type="contacts", contacts=[card])
        else:
            self.simulator.send_sample(self.who, kind)

    def _late(self, hours: float, text: str) -> None:
        """Written so long ago; Meta brings it now."""
        self.simulator.advance(-hours * 3600)
        self.simulator.write(self.who, text)
        self.simulator.advance(hours * 3600)

    def _agent(self, text: str) -> None:
        with self._at_work() as agent:
            messages.queue_text(self._conversation(), text, by=agent)

    def _agent_takes_over(self) -> None:
        with self._at_work() as agent:
            leaving.take_over(self._conversation(), self._talk(), 12, by=agent)

    def _agent_gives_back(self) -> None:
        with self._at_work() as agent:
            leaving.give_back(self._conversation(), self._talk(), by=agent)

    def _agent_accepts(self) -> None:
        """The draft that waits becomes an order."""
        with self._at_work() as agent:
            draft = drafts.waiting(self._conversation())
            assert draft is not None, "no draft waits"
            form = drafts.form_of(Cart.of({"cart": draft.cart}), draft.id, self.shop.country)
            order = orders.create(form, by=agent, conversation=self._conversation())
            drafts.accept(draft, order, by=agent)

    def _agent_dismisses(self) -> None:
        with self._at_work() as agent:
            draft = drafts.waiting(self._conversation())
            assert draft is not None, "no draft waits"
            drafts.dismiss(draft, by=agent)

    def _agent_undoes(self) -> None:
        """The last move of the newest order."""
        with self._at_work() as agent:
            order = self._newest()
            assert order is not None, "there is no order"
            pipeline.undo(order, by=By.user(agent))

    @contextmanager
    def _at_work(self, role: str = "confirmation_agent") -> Iterator[Membership]:
        """Somebody of the team does something; what reaches the phone by it was not the bot's."""
        member = factories.member(self.shop, role)
        with db.merchant(self.shop.id):
            yield member
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
        def set_up(bot: Bot) -> None:
            bot.active = True
            for name, _, value in (pair.partition("=") for pair in what.split()):
                known: Any = {"yes": True, "no": False}.get(value, value)
                setattr(bot, name, int(known) if str(known).isdecimal() else known)

        self._for_each_bot(set_up)

    def _for_each_bot(self, change: Callable[[Bot], None]) -> None:
        with db.merchant(self.shop.id) as session:
            for channel in session.scalars(select(Channel)):
                bot = bots.of(channel.id)
                change(bot)
                session.add(bot)

    def _given(self, what: str) -> None:
        kind, _, rest = what.partition(" ")
        getattr(self, f"_given_{kind}")(rest)

    def _given_order(self, rest: str) -> None:
        pieces, _, state = rest.partition(" on ")
        if not self._talks():
            self._begin_to_write()
        with self._at_work("manager") as agent:
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
            for step in WAYS[state.strip()]:
                self._move(order, step, agent)

    def _begin_to_write(self) -> None:
        """They have written before, and a person has read it: the bot knows nothing of it."""
        self._for_each_bot(lambda bot: setattr(bot, "active", False))
        self.simulator.write(self.who, "Salam")
        self.settle()
        with db.merchant(self.shop.id):
            conversations.mark_read(self._conversation())
        self._for_each_bot(lambda bot: setattr(bot, "active", True))

    def _given_no(self, _: str) -> None:
        """No automation says anything."""
        with db.merchant(self.shop.id) as session:
            session.execute(update(Automation).values(active=False))

    def _given_moved(self, state: str) -> None:
        """Somebody has moved the newest order."""
        with self._at_work("manager") as agent:
            order = self._newest()
            assert order is not None, "there is no order"
            self._move(order, state, agent)

    def _move(self, order: Order, state: str, agent: Membership) -> None:
        wanted = select(Stage).where(Stage.state == SystemState(state), Stage.deleted_at.is_(None))
        pipeline.move(order, db.session().scalars(wanted).one(), by=By.user(agent))

    def _given_parcel(self, rest: str) -> None:
        with db.merchant(self.shop.id):
            order = self._newest()
            assert order is not None, "there is no order"
            order.carrier, _, order.tracking = rest.partition(" ")

    def _given_question(self, rest: str) -> None:
        name, _, told = rest.partition(" = ")
        keywords, *answers = told.split("; ")
        by_language = dict(answer.split(": ", 1) for answer in answers)
        with db.merchant(self.shop.id):
            questions.save(None, name=name, keywords=keywords.split(","), answers=by_language)

    def _given_text(self, rest: str) -> None:
        key, language, _, text = rest.split(" ", 3)
        self._for_each_bot(lambda bot: setattr(bot, "texts", bot.texts | {key: {language: text}}))

    def _given_quiet(self, hours: str) -> None:
        """It speaks only from two hours hence on, for an hour."""
        first = utcnow().astimezone(self.shop.zone) + timedelta(hours=2)

        def close(bot: Bot) -> None:
            bot.speaks_from, bot.speaks_until = first.time(), (first + timedelta(hours=1)).time()

        self._for_each_bot(close)

    def _given_used(self, up: str) -> None:
        """The month's free messages are used up."""
        with db.merchant(self.shop.id) as session:
            for channel in session.scalars(select(Channel)):
                name = quota_counter(
                    channel.id,
                    utcnow().astimezone(ZoneInfo(channel.time_zone)).date().replace(day=1),
                )
                session.add(Counter(name=name, value=costs.FREE_SERVICE_MESSAGES))

    def _given_zone(self, rest: str) -> None:
        """`20 free 500 = Casablanca, Mohammedia`: what delivery to these cities costs."""
        told, _, cities = rest.partition(" = ")
        fee, _, free = told.partition(" free ")
        form = delivery.NewZone(
            name=cities,
            home=int(fee) * 100,
            desk=None,
            free_above=int(free) * 100 if free else None,
            cities=cities.split(", "),
            unread={},
        )
        with db.merchant(self.shop.id):
            delivery.keep(form)

    def _given_blocked(self, _: str) -> None:
        agent = factories.member(self.shop, "manager")
        with db.merchant(self.shop.id):
            card = self._conversation().identity.customer
            assert card is not None, "nobody has a card of this customer"
            customers.block(card, reason="Refuse ses colis", by=agent)

    def _given_products(self, count: str) -> None:
        """So many more products, after those of the demo by their names."""
        with db.merchant(self.shop.id):
            for n in range(int(count)):
                catalog.create(
                    f"Savon beldi {n:02}", sku=f"SAV-{n:02}", price=5000, track_stock=False
                )

    def _given_picture(self, sku: str) -> None:
        data, mime_type, name = sample("image")
        with db.merchant(self.shop.id) as session:
            media = Media(file=str(uuid4()), filename=name, mime_type=mime_type, size=len(data))
            media.sha256 = hashlib.sha256(data).hexdigest()
            files.put(media.file, BytesIO(data))
            session.add(media)
            session.flush()
            product = session.scalars(select(Product).where(Product.sku == sku)).one()
            product.picture_id = media.id

    def _given_stock(self, rest: str) -> None:
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

    def _fact_spoken(self) -> str:
        """The customer's sentence on the timeline of the newest order, at its last move."""
        order = self._newest()
        assert order is not None, "there is no order"
        return str(pipeline.last_entry(order).facts.get("spoken", "no"))

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

    def _arrive(self) -> None:
        """What was written stands in the inbox; the bot waits for more."""
        self.simulator.deliver(batch=TOGETHER)
        factories.work_for("ingest")

    def settle(self) -> None:
        """What was written is read, answered and on the phone; that it arrived there is read with
        what comes next, as Meta's bodies hold many things."""
        self.simulator.deliver(batch=TOGETHER)
        self.work()
        outbox.sweep()
        self.work()

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

"""How things are before a talk, or come to be in the middle of it: `given:`, `settings:`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from bot.simulator.samples import sample
from flows import (
    catalog,
    conversations,
    costs,
    customers,
    delivery,
    files,
    orders,
    pipeline,
    stock,
)
from flows.costs.ledger import quota_counter
from flows.customers import Number
from flows.orders import NewLine, NewOrder
from flows.talks import bots, questions
from models import db
from models.automation import Automation
from models.catalog import Product, Variant
from models.channel import Channel
from models.merchant import Counter
from models.message import Media
from models.order import Order
from models.pipeline import Stage, SystemState
from models.stock import StockLevel
from models.talk import Bot
from models.timeline import By
from models.types import utcnow
from models.user import Membership
from tests import factories
from tests.bot.theatre import Theatre

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
PIECES = re.compile(r"(\d+)×(\S+)")


class Given(Theatre):
    """A theatre that is set up by the lines of a script."""

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
            wanted = {sku: int(n) for n, sku in PIECES.findall(pieces)}
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
            for n, sku in PIECES.findall(rest):
                variant = db.session().scalars(select(Variant).where(Variant.sku == sku)).one()
                level = select(StockLevel.available).where(StockLevel.variant_id == variant.id)
                there = db.session().scalar(level) or 0
                stock.adjust(variant, int(n) - there, reason="trial", by=None)

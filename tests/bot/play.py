"""Plays a script of tests/bot/talks: the customer's lines over the simulator, the bot's answers
as they reached the phone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import time_machine
from sqlalchemy import func, select

from bot.simulator.offers import choices_of
from bot.simulator.world import Bubble
from flows import messages, orders, pipeline
from flows.talks import drafts, leaving
from flows.talks.cart import Cart
from models import db
from models.catalog import Variant
from models.order import Order
from models.timeline import By
from models.types import utcnow
from tests.bot.given import Given

FOLDER = Path(__file__).parent / "talks"
NAMES = ("fatima", "khadija", "youssef", "nadia")
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


class Play(Given):
    """One talk, line by line."""

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

    def _time(self, what: str) -> None:
        self.past += timedelta(hours=float(what.split()[0]))
        self.end()
        self.clock = time_machine.travel(utcnow() + self.past, tick=True)
        self.clock.start()
        self.settle()

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


def _text(bubble: Bubble) -> str:
    caption = bubble.content.get("caption") if isinstance(bubble.content, dict) else ""
    return str(bubble.shown.get("body") or caption or "").replace("\xa0", " ")

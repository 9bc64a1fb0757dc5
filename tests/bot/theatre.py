"""Where a talk is played: the demo's first shop and a phone, and what can be seen of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import time_machine
from sqlalchemy import func, select

from bot.simulator import Simulator
from bot.simulator.world import Bubble
from flows import outbox
from models import db
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.merchant import Merchant
from models.order import Order
from models.talk import Talk, Turn
from models.user import Membership
from tests import factories
from tests.stories.steps import Work

TOGETHER = 20
"""Events that Meta puts into one body."""


@dataclass
class Theatre:
    """The demo's first shop, its bot on, nobody else at work."""

    shop: Merchant
    simulator: Simulator
    work: Work
    who: str = "fatima"
    seen: set[str] = field(default_factory=set)
    turns: int = 0
    past: timedelta = timedelta(0)
    clock: time_machine.travel | None = None

    # --- going on ---------------------------------------------------------------------------------

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

    @contextmanager
    def _at_work(self, role: str = "confirmation_agent") -> Iterator[Membership]:
        """Somebody of the team does something; what reaches the phone by it was not the bot's."""
        member = factories.member(self.shop, role)
        with db.merchant(self.shop.id):
            yield member
        self.settle()
        self._look()

    def end(self) -> None:
        """The time is what it is again."""
        if self.clock is not None:
            self.clock.stop()
            self.clock = None

    # --- looking ----------------------------------------------------------------------------------

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

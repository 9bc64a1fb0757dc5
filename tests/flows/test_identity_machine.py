"""Payloads name people by number, by user id, by both; numbers change and pass on to others: nobody
is two people, and nothing somebody wrote moves to anybody else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import func, select

from flows import arrivals
from flows.events import Inbound, Person
from models import db
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import Message
from tests import factories
from tests.effort import examples
from tests.flows import shop

_numbers = itertools.count(50_000)
NUMBERS = [f"21266100000{n}" for n in range(4)]
USERS = [f"MA.{n}" for n in range(4)]


@dataclass
class Known:
    """Somebody as the rules of D9 know them, and what they wrote."""

    user_id: str | None = None
    wa_id: str | None = None
    wrote: set[str] = field(default_factory=set)


class Identities(RuleBasedStateMachine):
    """A merchant with two numbers; Meta's payloads, each told again now and then."""

    def __init__(self) -> None:
        super().__init__()
        number = str(next(_numbers))
        self.merchant = factories.merchant(number=number)
        with db.merchant(self.merchant.id):
            second = shop.number(self.merchant)
            second.phone_number_id = f"{number}-second"
        self.channels = [number * 15, second.phone_number_id]
        self.known: list[Known] = []
        self.told: list[Inbound] = []

    # --- what happens -----------------------------------------------------------------------------

    @rule(
        which=st.lists(
            st.tuples(
                st.none() | st.sampled_from(USERS),
                st.none() | st.sampled_from(NUMBERS),
                st.integers(0, 1),
            ).filter(lambda who: who[0] or who[1]),
            min_size=1,
            max_size=3,
        )
    )
    def they_write(self, which: list[tuple[str | None, str | None, int]]) -> None:
        """One batch, each as the payload names them."""
        batch = [self._message(user_id, wa_id, where) for user_id, wa_id, where in which]
        self._take_in(batch)
        for event in batch:
            self._resolve(event.sender).wrote.add(event.wamid)

    @rule(
        before=st.sampled_from(NUMBERS),
        after=st.sampled_from(NUMBERS),
        user_id=st.none() | st.sampled_from(USERS),
    )
    def meta_says_somebody_changed_number(
        self, before: str, after: str, user_id: str | None
    ) -> None:
        if before == after:
            return
        became = Person(wa_id=after, user_id=user_id)
        event = self._message(None, before, 0, kind="system", became=became)
        self._take_in([event])
        who = self._resolve(event.sender)
        who.wrote.add(event.wamid)
        for other in [k for k in self.known if k is not who and self._named(k, became)]:
            self._merge(who, other)
        who.wa_id, who.user_id = after, user_id or who.user_id

    @rule(data=st.data())
    def meta_tells_again(self, data: st.DataObject) -> None:
        """A repeated body changes nothing of what was written; who it names is named again."""
        if self.told:
            event = data.draw(st.sampled_from(self.told[-3:]))
            self._take_in([event])
            self._resolve(event.sender)

    # --- what is true -----------------------------------------------------------------------------

    @invariant()
    def everybody_is_one_and_has_what_they_wrote(self) -> None:
        with db.merchant(self.merchant.id) as session:
            found = session.scalars(select(WhatsAppIdentity)).all()
            ours = select(Conversation.identity_id, Message.wamid).join(
                Message, Message.conversation_id == Conversation.id
            )
            wrote: dict[object, set[str]] = {}
            for identity, wamid in session.execute(ours):
                wrote.setdefault(identity, set()).add(str(wamid))
            stored = session.scalar(select(func.count()).select_from(Message))
        assert stored == len({event.wamid for event in self.told})
        assert sorted(
            (str(i.user_id), str(i.wa_id), sorted(wrote.get(i.id, set()))) for i in found
        ) == sorted((str(k.user_id), str(k.wa_id), sorted(k.wrote)) for k in self.known)

    # --- D9, said plainly -------------------------------------------------------------------------

    def _resolve(self, person: Person) -> Known:
        by_user = next(
            (k for k in self.known if person.user_id and k.user_id == person.user_id), None
        )
        by_phone = next((k for k in self.known if person.wa_id and k.wa_id == person.wa_id), None)
        if by_phone and person.user_id and by_phone.user_id not in (None, person.user_id):
            by_phone.wa_id, by_phone = None, None  # the number is somebody else's now
        if by_user and by_phone and by_user is not by_phone:
            self._merge(by_user, by_phone)
        who = by_user or by_phone
        if who is None:
            who = Known()
            self.known.append(who)
        who.user_id, who.wa_id = person.user_id or who.user_id, person.wa_id or who.wa_id
        return who

    def _who(self, is_it: Callable[[Known], bool]) -> Known | None:
        return next(filter(is_it, self.known), None)

    def _merge(self, kept: Known, joined: Known) -> None:
        kept.wrote |= joined.wrote
        kept.wa_id = kept.wa_id or joined.wa_id
        self.known = [k for k in self.known if k is not joined]

    @staticmethod
    def _named(known: Known, person: Person) -> bool:
        same_user = bool(person.user_id) and known.user_id == person.user_id
        return same_user or known.wa_id == person.wa_id

    # --- how --------------------------------------------------------------------------------------

    def _message(
        self, user_id: str | None, wa_id: str | None, where: int, **changes: Any
    ) -> Inbound:
        sender = Person(user_id=user_id, wa_id=wa_id)
        event = factories.inbound(phone_number_id=self.channels[where], sender=sender, **changes)
        self.told.append(event)
        return event

    def _take_in(self, batch: list[Inbound]) -> None:
        with db.merchant(self.merchant.id):
            arrivals.take_in(batch)


def test_nobody_is_two_people_and_nothing_moves_to_anybody_else() -> None:
    run_machine(
        Identities,
        settings=settings(
            max_examples=examples(8),
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink) if examples(8) > 8 else (Phase.generate,),
        ),
    )

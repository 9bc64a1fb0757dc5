"""Meta answers and tells of our messages in every order, twice, before or after the other: what we
show in the end is the highest rung, a failure is a fact beside it, and money is counted once.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import func, select

from flows import arrivals, callbacks, messages
from flows.events import Person, Status
from flows.letters import Letter, Outcome
from models import db
from models.channel import Channel
from models.cost import Charge
from models.message import RANKS, Attempt, Message, MessageStatus, Sending
from tests import factories
from tests.effort import examples
from tests.flows import shop

_numbers = itertools.count(40_000)
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
# What becomes of a POST: the statuses Meta has of it; None: it never reached Meta.
FATES = (
    None,
    (),
    ("sent",),
    ("sent", "delivered", "read"),
    ("delivered", "read"),
    ("failed",),
    ("sent", "failed"),
    ("sent", "failed", "delivered"),
)
SECONDS = {"sent": 1, "failed": 2, "delivered": 3, "read": 4}


@dataclass
class Posted:
    """One attempt to send a message, and what Meta knows of it."""

    letter: Letter
    fate: tuple[str, ...] | None
    named: bool
    """Whether a failure carries our callback id, as every other status does."""
    wamid: str
    answer: str = ""
    told: set[str] = field(default_factory=set)


class Ladder(RuleBasedStateMachine):
    """A number, its messages, and Meta's two ways of telling: the answer, and statuses."""

    def __init__(self) -> None:
        super().__init__()
        number = str(next(_numbers))
        self.phone_number_id = number * 15
        self.merchant = factories.merchant(number=number)
        self.people = itertools.count(212661000000)
        self.sent: dict[UUID, list[Posted]] = {}
        with db.merchant(self.merchant.id) as session:
            self.channel = session.scalars(select(Channel.id)).one()

    # --- what happens -----------------------------------------------------------------------------

    @rule(fate=st.sampled_from(FATES), named=st.booleans())
    def send(self, fate: tuple[str, ...] | None, named: bool) -> None:
        with db.merchant(self.merchant.id):
            who = Person(wa_id=str(next(self.people)))
            talk = shop.conversation(phone_number_id=self.phone_number_id, sender=who)
            made = messages.queue_text(talk, "Bonjour !").id
        self.sent[made] = []
        self._post(made, fate, named)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def meta_answers(self, data: st.DataObject) -> None:
        waiting = [post for post in self._all() if not post.answer]
        if waiting:
            post = data.draw(st.sampled_from(waiting))
            reached = ("accepted", "unknown") if post.fate is not None else ("unknown",)
            self._answer(post, data.draw(st.sampled_from(reached)))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def meta_tells(self, data: st.DataObject) -> None:
        """Some of what there is to tell, in any order, some of it again."""
        every = [(post, name) for post in self._all() for name in post.fate or ()]
        if every:
            chosen = data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=6))
            self._tell(chosen)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), fate=st.sampled_from(FATES), named=st.booleans())
    def somebody_sends_it_again(
        self, data: st.DataObject, fate: tuple[str, ...] | None, named: bool
    ) -> None:
        ended = [m for m, posts in self.sent.items() if posts[-1].answer and len(posts) == 1]
        if not ended:
            return
        with db.merchant(self.merchant.id) as session:
            message = session.get_one(
                Message, (self.merchant.id, data.draw(st.sampled_from(ended)))
            )
            if message.sending not in (Sending.FAILED, Sending.UNCERTAIN):
                return
            messages.send_again(message)
        self._post(message.id, fate, named)

    # --- what is true in the end ------------------------------------------------------------------

    def teardown(self) -> None:
        for post in self._all():
            if not post.answer:
                self._answer(post, "unknown" if post.fate is None else "accepted")
        self._tell([(post, name) for post in self._all() for name in post.fate or ()])
        with db.merchant(self.merchant.id) as session:
            found = {message.id: message for message in session.scalars(select(Message))}
            charged = list(session.scalars(select(Charge.wamid)))
            told = session.execute(select(MessageStatus.wamid, MessageStatus.status)).all()
            attempts = dict(
                session.execute(
                    select(Attempt.message_id, func.count()).group_by(Attempt.message_id)
                ).all()
            )
        posts = self._all()
        assert sorted(map(tuple, told)) == sorted((p.wamid, n) for p in posts for n in p.told)
        assert sorted(charged) == sorted(p.wamid for p in posts if _arrived(p))
        assert attempts == {message: len(tries) for message, tries in self.sent.items()}
        for message_id, tries in self.sent.items():
            self._stands_as_told(found[message_id], tries)

    def _stands_as_told(self, message: Message, tries: list[Posted]) -> None:
        (post,) = [p for p in tries if p.wamid == message.wamid] or [tries[-1]]
        known = post.told if message.wamid else set()
        ranks = [RANKS[name] for name in known if name in RANKS]
        taken = post.answer == "accepted" or bool(ranks)

        assert (message.rank or 0) == max(ranks, default=0)
        if len(tries) > 1:
            assert message.sending in (Sending.ACCEPTED, Sending.FAILED, Sending.UNCERTAIN)
        elif "failed" in known and not _arrived(post):
            assert (message.sending, message.failed_at is None) == (Sending.FAILED, False)
        else:
            wanted = Sending.ACCEPTED if taken else Sending.UNCERTAIN
            assert (message.sending, message.failed_at) == (wanted, None), post

    # --- how --------------------------------------------------------------------------------------

    def _all(self) -> list[Posted]:
        return [post for posts in self.sent.values() for post in posts]

    def _post(self, message_id: UUID, fate: tuple[str, ...] | None, named: bool) -> None:
        with db.merchant(self.merchant.id):
            letters = {letter.message_id: letter for letter in messages.claim(self.channel)}
        if message_id not in letters:
            return  # the first try arrived meanwhile, and it need not leave again
        tries = self.sent[message_id]
        wamid = f"wamid.{message_id}.{len(tries)}"
        tries.append(Posted(letters[message_id], fate, named, wamid))

    def _answer(self, post: Posted, answer: str) -> None:
        post.answer = answer
        name = post.wamid if answer == "accepted" else None
        with db.merchant(self.merchant.id):
            messages.conclude([(post.letter, Outcome(answer, wamid=name))])  # type: ignore[arg-type]

    def _tell(self, what: list[tuple[Posted, str]]) -> None:
        with db.merchant(self.merchant.id):
            arrivals.take_in([self._status(post, name) for post, name in what])
        for post, name in what:
            post.told.add(name)

    def _status(self, post: Posted, name: str) -> Status:
        named: Any = post.named or name != "failed"
        return Status(
            phone_number_id=self.phone_number_id,
            waba_id=None,
            field="messages",
            wamid=post.wamid,
            status=name,
            at=START + timedelta(seconds=SECONDS[name]),
            recipient=Person(wa_id=(post.letter.to or "").lstrip("+")),
            callback=callbacks.write(post.letter.message_id, post.letter.attempt)
            if named
            else None,
            errors=({"code": 131026, "title": "no"},) if name == "failed" else (),
        )


def _arrived(post: Posted) -> bool:
    return bool(post.told & {"delivered", "read"})


def test_whatever_the_order_of_answers_and_statuses_a_message_stands_where_meta_says() -> None:
    run_machine(
        Ladder,
        settings=settings(
            max_examples=examples(12),
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink) if examples(12) > 12 else (Phase.generate,),
        ),
    )

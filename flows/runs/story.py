"""Why was this sent, and what came of it: one run told from its beginning to its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from flows.runs.sending import trigger_of
from models import db
from models.automation import Run, RunState
from models.cost import Charge
from models.message import Message, Sending
from models.timeline import Entry
from models.types import Json

WHOLE_SECONDS = timedelta(seconds=2)
"""Meta cuts its times to the second: what follows ours may seem to come before it."""


@dataclass(frozen=True, slots=True)
class Step:
    """The run came to `state` at this time; `facts` say how: which message, what was answered."""

    state: RunState
    at: datetime
    facts: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of the run: its text and buttons, its times and attempts, and what it cost.

    `message.text`, `.payload["buttons"]`, `.accepted_at` … `.read_at`; `charge` is None until Meta
    has delivered it.
    """

    message: Message
    charge: Charge | None


@dataclass(frozen=True, slots=True)
class Story:
    run: Run
    trigger: Entry
    """The move that made it: who (`actor`, `member`), from where, to where, when."""
    steps: list[Step]
    sent: list[Sent]
    """The first message, its re-sends, the other template: oldest first."""
    moved: Entry | None
    """The move it caused: by the customer's tap, or because the time was up."""
    notes: list[Entry]
    """Everything else the order's timeline says of this run, oldest first."""
    problem: tuple[str, str] | None
    """Why it failed or was cancelled: a code of flows.runs.explain, and what else is known."""

    @property
    def attempts(self) -> int:
        """How often Meta was called for it."""
        return sum(one.message.attempt for one in self.sent)


def story(run: Run) -> Story:
    """Everything known of the run; its steps are in order."""
    messages = _messages(run)
    charges = _charges([message.id for message in messages])
    entries = _entries(run)
    moved = next((entry for entry in entries if entry.kind == "moved"), None)
    return Story(
        run=run,
        trigger=trigger_of(run),
        steps=_in_order(_steps(run, messages, entries)),
        sent=[Sent(message, charges.get(message.id)) for message in messages],
        moved=moved,
        notes=[entry for entry in entries if entry is not moved],
        problem=_problem(run),
    )


def _messages(run: Run) -> Sequence[Message]:
    # Runs of the first weeks know their only message, which does not know them.
    mine = (Message.run_id == run.id) | (Message.id == run.message_id)
    oldest_first = select(Message).where(mine).order_by(Message.seq)
    loaded = oldest_first.options(selectinload(Message.attempts))
    return db.session().scalars(loaded).all()


def _charges(message_ids: Sequence[UUID]) -> dict[UUID | None, Charge]:
    wanted = select(Charge).where(Charge.message_id.in_(message_ids))
    return {charge.message_id: charge for charge in db.session().scalars(wanted)}


def _entries(run: Run) -> Sequence[Entry]:
    """What the order's timeline says because of this run."""
    wanted = select(Entry).where(
        Entry.order_id == run.order_id, Entry.facts["run"].astext == str(run.id)
    )
    loaded = wanted.order_by(Entry.seq).options(joinedload(Entry.member))
    return db.session().scalars(loaded).all()


def _in_order(steps: Iterable[Step]) -> list[Step]:
    """By time; a step that Meta dates a moment before the one it follows still follows it."""
    placed: list[tuple[datetime, Step]] = []
    for step in steps:
        followed = [at for at, _ in placed if timedelta() <= at - step.at < WHOLE_SECONDS]
        placed.append((max(followed, default=step.at), step))
    return [step for _, step in sorted(placed, key=lambda one: one[0])]


def _steps(run: Run, messages: Sequence[Message], entries: Sequence[Entry]) -> Iterator[Step]:
    waits = {"due_at": run.due_at} if run.due_at else {}
    yield Step(RunState.SCHEDULED, run.created_at, waits)
    for message in messages:
        yield from _steps_of(message)
    if run.failure is not None:
        failed = [entry.at for entry in entries if entry.kind == "automation_failed"]
        yield Step(RunState.FAILED, max(failed, default=run.created_at), {"code": run.failure})
    if run.cancelled_at is not None:
        yield Step(RunState.CANCELLED, run.cancelled_at, {"code": run.cancel_reason})
    if run.replied_at is not None:
        yield Step(RunState.REPLIED, run.replied_at, {"reply": run.reply})
    if run.expired_at is not None:
        yield Step(RunState.EXPIRED, run.expired_at)


def _steps_of(message: Message) -> Iterator[Step]:
    arrived = min(filter(None, (message.delivered_at, message.read_at)), default=None)
    about = {"message": message.id}
    if message.accepted_at is not None:
        yield Step(RunState.SENT, message.accepted_at, about)
    if arrived is not None:
        yield Step(RunState.DELIVERED, arrived, about | {"read_at": message.read_at})
    if message.failed_at is not None:
        yield Step(RunState.FAILED, message.failed_at, about | {"code": message.reason})


def _problem(run: Run) -> tuple[str, str] | None:
    message = run.message
    if run.failure is not None:
        return run.failure, run.detail or ""
    if run.cancelled_at is not None:
        return run.cancel_reason or "", ""
    if message is None or message.reason is None or message.sending is Sending.DISCARDED:
        return None
    return message.reason, message.error_detail or ""

"""What runs by itself: sweep lost nudges, fold sums, prune settled envelopes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, update

from flows import channels, costs, health, outbox, security, tallies
from flows.heartbeats import Life
from models import db
from models.envelope import Envelope, EnvelopeState
from models.mail import Mail, MailState
from models.team import PasswordReset
from models.types import utcnow

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
JUST_ADDED = timedelta(minutes=10)


@dataclass(slots=True)
class Chore:
    """Something to do every `seconds`; a failure is logged and tried again next time."""

    seconds: float
    do: Callable[[], object]
    due: float = field(default=0.0)


def prune() -> None:
    """Settled and dismissed envelopes older than 30 days are gone, and so are mails that left and
    links for new passwords; what nobody has read yet stays."""
    with db.house() as house:
        house.execute(
            delete(Envelope).where(
                Envelope.state.in_((EnvelopeState.SETTLED, EnvelopeState.DISMISSED)),
                Envelope.settled_at < utcnow() - KEPT,
            )
        )
        house.execute(
            delete(Mail).where(
                Mail.state.in_((MailState.SENT, MailState.FAILED)),
                Mail.created_at < utcnow() - KEPT,
            )
        )
        house.execute(delete(PasswordReset).where(PasswordReset.created_at < utcnow() - KEPT))


def look_again() -> None:
    """Bodies that came while their number was being added are read once more."""
    with db.house() as house:
        house.execute(
            update(Envelope)
            .where(
                Envelope.state == EnvelopeState.UNROUTED,
                Envelope.received_at > utcnow() - JUST_ADDED,
            )
            .values(state=EnvelopeState.NEW)
        )


def chores() -> list[Chore]:
    return [
        Chore(2.0, outbox.sweep),
        Chore(60.0, look_again),
        Chore(60.0, tallies.fold),
        Chore(600.0, channels.ask_daily),
        Chore(60.0, costs.fold),
        Chore(600.0, costs.warn),
        Chore(3600.0, prune),
        Chore(3600.0, security.prune),
        Chore(60.0, health.forget_the_dead),
    ]


def tick(waiting: list[Chore], now: float, life: Life | None = None) -> None:
    """Do what is due at `now` (seconds of a monotonic clock)."""
    for chore in waiting:
        if now >= chore.due:
            chore.due = now + chore.seconds
            if life is not None:
                life.turn(getattr(chore.do, "__name__", ""))
            _do(chore)


def _do(chore: Chore) -> None:
    try:
        chore.do()
    except Exception:
        # The clock must outlive a database that is away for a minute.
        log.exception("a chore failed, the next tick tries again")


def run(stopped: Callable[[], bool], life: Life) -> None:
    """Tick until told to stop."""
    waiting = chores()
    while not stopped():
        tick(waiting, time.monotonic(), life)
        life.turn()
        time.sleep(0.25)

"""Webhook bodies that were kept are read, in the order of arrival."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from rq.timeouts import BaseTimeoutException
from sqlalchemy import Select, Update, func, select, text, update

from bot import reader
from bot.jobs.shifts import work_off
from flows import arrivals, crashpoints, logs, outbox, watched
from flows.events import Event
from models import db
from models.db import is_busy, is_gone
from models.envelope import Envelope, EnvelopeState
from models.rowsets import among
from models.types import clean, utcnow

log = logging.getLogger(__name__)

ENVELOPES = 1000
BYTES = 8 << 20
"""Bodies of one batch: a history webhook alone may have 3 MB and a thousand messages."""
PIECE = 500
"""Events of one transaction: who waits for its rows waits for a tenth of a second."""
TRIES = 3
FEW, GATHERING = 200, 0.1
"""While bodies keep coming, fewer than this many are not read at once: what comes in a tenth of a
second is read together, for a third of the work. The first one never waits."""


def read_envelopes(lane: str) -> None:
    """Every waiting body is read; each of its events has had its effect, once."""

    def some() -> int:
        count = _read_some()
        if 0 < count < FEW and outbox.woken(lane):
            time.sleep(GATHERING)
        return count

    work_off(lane, some)


@dataclass(slots=True)
class _Opened:
    """An envelope and what was found in it."""

    id: int
    received_at: datetime
    signed_for: list[UUID] | None
    attempts: int
    events: list[Event] = field(default_factory=list)
    unrouted: bool = False
    error: str | None = None
    later: bool = False
    """Others held what an event of it needed: it is read again, and no try is counted."""
    concerns: set[UUID] = field(default_factory=set)
    """The merchants for whom an event of it failed."""

    @property
    def waits(self) -> bool:
        return self.later or self.error is not None


def _read_some() -> int:
    """Read one batch in the order of arrival; how many envelopes it had.

    The house transaction holds the envelopes locked while each merchant's share is committed on
    its own; killed half-way, the locks vanish, and reading again changes nothing.
    """
    with db.house() as house:
        opened = [_open(*row) for row in house.execute(_bodies(_next(house)))]
        crashpoints.reached("read.locked")
        if opened:
            logs.note(envelopes=f"{opened[0].id}-{opened[-1].id}")
        for one in opened:
            watched.read(one.id, one.received_at, one.events)
        for merchant_id, theirs in _shares(opened).items():
            _take_in(merchant_id, theirs)
            crashpoints.reached("read.shared")
        _settle(house, opened)
    return len(opened)


def _next(house: db.HouseSession) -> list[int]:
    """The oldest envelopes that wait and nobody else reads, locked: as many as fit into one batch.

    The first one always does.
    """
    size = func.octet_length(Envelope.body)
    wanted = select(Envelope.id, size).where(Envelope.state == EnvelopeState.NEW)
    oldest = wanted.order_by(Envelope.id).limit(ENVELOPES).with_for_update(skip_locked=True)
    fitting: list[int] = []
    total = 0
    for id_, length in house.execute(oldest):
        total += length
        if fitting and total > BYTES:
            break
        fitting.append(id_)
    return fitting


def _bodies(ids: list[int]) -> Select[bytes, int, datetime, list[UUID] | None, int]:
    e = Envelope
    wanted = select(e.body, e.id, e.received_at, e.signed_for, e.attempts)
    return wanted.where(among(e.id, ids)).order_by(e.id)


def _open(body: bytes, *facts: Any) -> _Opened:
    """`facts`: id, received_at, signed_for, attempts."""
    one = _Opened(*facts)
    try:
        one.events = reader.events(body)
    except reader.Unreadable as error:
        # It will not become readable by trying again.
        one.attempts, one.error = TRIES, str(error)
    return one


def _shares(opened: Sequence[_Opened]) -> dict[UUID, list[tuple[_Opened, Event]]]:
    """Each merchant's events in the order of arrival."""
    pairs = [(one, event) for one in opened for event in one.events]
    shares: dict[UUID, list[tuple[_Opened, Event]]] = {}
    for (one, event), found in zip(
        pairs, arrivals.owners([event for _, event in pairs]), strict=True
    ):
        # What a merchant's own app signed speaks of that merchant's numbers, and of nobody else's.
        signed_for = one.signed_for
        merchants = [m for m in found if signed_for is None or m in signed_for]
        one.unrouted |= not merchants
        for merchant_id in merchants:
            shares.setdefault(merchant_id, []).append((one, event))
    return shares


def _take_in(merchant_id: UUID, theirs: Sequence[tuple[_Opened, Event]]) -> None:
    for start in range(0, len(theirs), PIECE):
        _take_in_piece(merchant_id, theirs[start : start + PIECE])


def _take_in_piece(merchant_id: UUID, piece: Sequence[tuple[_Opened, Event]]) -> None:
    """All at once; if that fails, each half by itself, so that a poisoned event stops nobody."""
    try:
        with db.merchant(merchant_id) as session:
            # Nobody waits for the disk here: until the envelope is settled, which is written after
            # this in the same log and waited for, a crash has it read again.
            session.execute(text("SET LOCAL synchronous_commit = off"))
            arrivals.take_in([event for _, event in piece])
            crashpoints.reached("read.made")
    except BaseTimeoutException:
        raise  # the job's time is over: no event is to blame
    except Exception as error:
        if is_gone(error):
            raise  # no event is to blame: all are read when the database is back
        if len(piece) > 1:
            log.warning("%d events failed together (%s), now in halves", len(piece), error)
            middle = len(piece) // 2
            _take_in_piece(merchant_id, piece[:middle])
            _take_in_piece(merchant_id, piece[middle:])
        else:
            one = piece[0][0]
            if is_busy(error):
                log.warning("an event of envelope %s must wait: %s", one.id, error)
                one.later = True
                return
            log.exception("an event of envelope %s failed", one.id)
            one.error = clean(f"{type(error).__name__}: {error}")[:500]
            one.concerns.add(merchant_id)


def _settle(house: db.HouseSession, opened: Sequence[_Opened]) -> None:
    for state in (EnvelopeState.SETTLED, EnvelopeState.UNROUTED):
        ids = [one.id for one in opened if not one.waits and _ends(one) is state]
        if ids:
            done = update(Envelope).where(among(Envelope.id, ids))
            _write(house, done.values(state=state, settled_at=utcnow(), error=None, concerns=None))
    for one in opened:
        if one.error is not None:
            mine = update(Envelope).where(Envelope.id == one.id)
            _write(house, mine.values(_fault(one)))


def _ends(one: _Opened) -> EnvelopeState:
    return EnvelopeState.UNROUTED if one.unrouted else EnvelopeState.SETTLED


def _fault(one: _Opened) -> dict[str, Any]:
    attempts = one.attempts + 1
    state = EnvelopeState.QUARANTINED if attempts >= TRIES else EnvelopeState.NEW
    concerns = sorted(one.concerns) or None
    return {"error": one.error, "concerns": concerns, "attempts": attempts, "state": state}


def _write(house: db.HouseSession, statement: Update) -> None:
    house.execute(statement, execution_options={"synchronize_session": False})

"""Webhook bodies that were kept are read, in the order of arrival."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from rq.timeouts import BaseTimeoutException
from sqlalchemy import func, select

from bot import reader
from bot.jobs.shifts import work_off
from flows import arrivals, crashpoints, logs, watched
from flows.events import Event
from models import db
from models.envelope import Envelope, EnvelopeState
from models.types import clean, utcnow

log = logging.getLogger(__name__)

ENVELOPES = 200
BYTES = 8 << 20
"""Bodies of one batch: a history webhook alone may have 3 MB and a thousand messages."""
PIECE = 500
"""Events of one transaction: a statement takes at most 65,535 parameters."""
TRIES = 3


def read_envelopes(lane: str) -> None:
    """Every waiting body is read; each of its events has had its effect, once."""
    work_off(lane, _read_some)


@dataclass(slots=True)
class _Opened:
    """An envelope and what was found in it."""

    envelope: Envelope
    events: list[Event] = field(default_factory=list)
    unrouted: bool = False
    error: str | None = None
    concerns: set[UUID] = field(default_factory=set)
    """The merchants for whom an event of it failed."""


def _read_some() -> int:
    """Read one batch in the order of arrival; how many envelopes it had.

    The house transaction holds the envelopes locked while each merchant's share is committed on
    its own; killed half-way, the locks vanish, and reading again changes nothing.
    """
    with db.house() as house:
        waiting = house.scalars(
            select(Envelope)
            .where(Envelope.id.in_(_next(house)), Envelope.state == EnvelopeState.NEW)
            .order_by(Envelope.id)
            .with_for_update(skip_locked=True)
        ).all()
        crashpoints.reached("read.locked")
        if waiting:
            logs.note(envelopes=f"{waiting[0].id}-{waiting[-1].id}")
        opened = [_open(envelope) for envelope in waiting]
        for one in opened:
            watched.read(one.envelope.id, one.envelope.received_at, one.events)
        for merchant_id, theirs in _shares(opened).items():
            _take_in(merchant_id, theirs)
            crashpoints.reached("read.shared")
        for one in opened:
            _settle(one)
    return len(waiting)


def _next(house: db.HouseSession) -> list[int]:
    """The oldest waiting envelopes, as many as fit into one batch; the first one always does."""
    size = func.octet_length(Envelope.body)
    wanted = select(Envelope.id, size).where(Envelope.state == EnvelopeState.NEW)
    fitting: list[int] = []
    total = 0
    for id_, length in house.execute(wanted.order_by(Envelope.id).limit(ENVELOPES)):
        total += length
        if fitting and total > BYTES:
            break
        fitting.append(id_)
    return fitting


def _open(envelope: Envelope) -> _Opened:
    try:
        return _Opened(envelope, reader.events(envelope.body))
    except reader.Unreadable as error:
        envelope.attempts = TRIES  # it will not become readable by trying again
        return _Opened(envelope, error=str(error))


def _shares(opened: Sequence[_Opened]) -> dict[UUID, list[tuple[_Opened, Event]]]:
    """Each merchant's events in the order of arrival."""
    pairs = [(one, event) for one in opened for event in one.events]
    shares: dict[UUID, list[tuple[_Opened, Event]]] = {}
    for (one, event), found in zip(
        pairs, arrivals.owners([event for _, event in pairs]), strict=True
    ):
        # What a merchant's own app signed speaks of that merchant's numbers, and of nobody else's.
        signed_for = one.envelope.signed_for
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
        with db.merchant(merchant_id):
            arrivals.take_in([event for _, event in piece])
            crashpoints.reached("read.made")
    except BaseTimeoutException:
        raise  # the job's time is over: no event is to blame
    except Exception as error:
        if len(piece) > 1:
            log.warning("%d events failed together (%s), now in halves", len(piece), error)
            middle = len(piece) // 2
            _take_in_piece(merchant_id, piece[:middle])
            _take_in_piece(merchant_id, piece[middle:])
        else:
            one = piece[0][0]
            log.exception("an event of envelope %s failed", one.envelope.id)
            one.error = clean(f"{type(error).__name__}: {error}")[:500]
            one.concerns.add(merchant_id)


def _settle(one: _Opened) -> None:
    envelope = one.envelope
    envelope.error, envelope.concerns = one.error, sorted(one.concerns) or None
    if one.error is not None:
        envelope.attempts += 1
        if envelope.attempts >= TRIES:
            envelope.state = EnvelopeState.QUARANTINED
        return
    envelope.state = EnvelopeState.UNROUTED if one.unrouted else EnvelopeState.SETTLED
    envelope.settled_at = utcnow()

"""What rq runs for the bot: read_envelopes, deliver_messages, sync_templates. Any may run twice."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from uuid import UUID

from sqlalchemy import select

from bot import client, reader
from flows import arrivals, channels, messages, outbox, templates
from flows.events import Event
from models import db
from models.envelope import Envelope, EnvelopeState
from models.types import clean, utcnow

log = logging.getLogger(__name__)

ENVELOPES = 200
TRIES = 3
SHIFT = 20.0
"""Seconds after which a drain makes room for other lanes and asks to be woken again."""


# --- reading --------------------------------------------------------------------------------------


def read_envelopes(lane: str) -> None:
    """Every waiting body is read; each of its events has had its effect, once."""
    outbox.looking(lane)
    until = time.monotonic() + SHIFT
    while _read_some():
        if time.monotonic() > until:
            outbox.nudge(lane)
            return


@dataclass(slots=True)
class _Opened:
    """An envelope and what was found in it."""

    envelope: Envelope
    events: list[Event] = field(default_factory=list)
    unrouted: bool = False
    error: str | None = None


def _read_some() -> int:
    """Read one batch in the order of arrival; how many envelopes it had.

    The house transaction holds the envelopes locked while each merchant's share is committed on
    its own; killed half-way, the locks vanish, and reading again changes nothing.
    """
    with db.house() as house:
        waiting = house.scalars(
            select(Envelope)
            .where(Envelope.state == EnvelopeState.NEW)
            .order_by(Envelope.id)
            .limit(ENVELOPES)
            .with_for_update(skip_locked=True)
        ).all()
        opened = [_open(envelope) for envelope in waiting]
        for merchant_id, theirs in _shares(opened).items():
            _take_in(merchant_id, theirs)
        for one in opened:
            _settle(one)
    return len(waiting)


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
    for (one, event), merchants in zip(
        pairs, arrivals.owners([event for _, event in pairs]), strict=True
    ):
        one.unrouted |= not merchants
        for merchant_id in merchants:
            shares.setdefault(merchant_id, []).append((one, event))
    return shares


def _take_in(merchant_id: UUID, theirs: Sequence[tuple[_Opened, Event]]) -> None:
    """All at once; if that fails, one by one, so that a poisoned event stops nobody."""
    try:
        with db.merchant(merchant_id):
            arrivals.take_in([event for _, event in theirs])
    except Exception:
        log.exception("a batch of %d events failed, now one by one", len(theirs))
        for one, event in theirs:
            _take_in_alone(merchant_id, one, event)


def _take_in_alone(merchant_id: UUID, one: _Opened, event: Event) -> None:
    try:
        with db.merchant(merchant_id):
            arrivals.take_in([event])
    except Exception as error:
        log.exception("an event of envelope %s failed", one.envelope.id)
        one.error = clean(f"{type(error).__name__}: {error}")[:500]


def _settle(one: _Opened) -> None:
    envelope = one.envelope
    envelope.error = one.error
    if one.error is not None:
        envelope.attempts += 1
        if envelope.attempts >= TRIES:
            envelope.state = EnvelopeState.QUARANTINED
        return
    envelope.state = EnvelopeState.UNROUTED if one.unrouted else EnvelopeState.SETTLED
    envelope.settled_at = utcnow()


# --- sending --------------------------------------------------------------------------------------


def deliver_messages(lane: str) -> None:
    """Everything due in this lane has been posted to Meta, or says why not."""
    outbox.looking(lane)
    until = time.monotonic() + SHIFT
    while _deliver_some(*outbox.lane_of(lane)):
        if time.monotonic() > until:
            outbox.nudge(lane)
            return


def _deliver_some(merchant_id: UUID, channel_id: UUID) -> int:
    with db.merchant(merchant_id):
        letters = messages.claim(channel_id)
        marks = messages.claim_read_marks(channel_id)
    if not letters and not marks:
        return 0
    sent = list(_pool().map(client.send, letters))
    told = list(_pool().map(client.mark_read, marks))
    with db.merchant(merchant_id):
        messages.conclude(list(zip(letters, sent, strict=True)))
        messages.conclude_read_marks(list(zip(marks, told, strict=True)))
    return len(letters) + len(marks)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=messages.BATCH, thread_name_prefix="meta")


# --- templates ------------------------------------------------------------------------------------


def sync_templates(lane: str) -> None:
    """The templates of this channel's account are here as Meta has them now."""
    outbox.looking(lane)
    merchant_id, channel_id = outbox.lane_of(lane)
    with db.merchant(merchant_id):
        channel = channels.find(channel_id)
        if channel is None:
            return
        waba_id, token = channel.waba_id, channel.token
    listed = client.templates(waba_id, token)
    with db.merchant(merchant_id):
        templates.keep(waba_id, listed)

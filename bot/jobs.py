"""What rq runs for the bot: envelopes, messages, templates, files. Any of it may run twice."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from uuid import UUID

from rq.timeouts import BaseTimeoutException
from sqlalchemy import func, select

from bot import client, media, numbers, reader, reckoning, submissions
from flows import arrivals, channels, costs, messages, outbox, templates
from flows import media as incoming
from flows.events import Event
from flows.letters import Letter, Outcome
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
            .where(Envelope.id.in_(_next(house)), Envelope.state == EnvelopeState.NEW)
            .order_by(Envelope.id)
            .with_for_update(skip_locked=True)
        ).all()
        opened = [_open(envelope) for envelope in waiting]
        for merchant_id, theirs in _shares(opened).items():
            _take_in(merchant_id, theirs)
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
    _conclude(merchant_id, list(zip(letters, sent, strict=True)))
    with db.merchant(merchant_id):
        messages.conclude_read_marks(list(zip(marks, told, strict=True)))
    return len(letters) + len(marks)


def _conclude(merchant_id: UUID, endings: Sequence[tuple[Letter, Outcome]]) -> None:
    """Every ending is kept; one that cannot be does not take the others' with it."""
    try:
        with db.merchant(merchant_id):
            messages.conclude(endings)
    except BaseTimeoutException:
        raise
    except Exception:
        log.exception("%d endings were not concluded together", len(endings))
        if len(endings) > 1:
            for ending in endings:
                _conclude(merchant_id, [ending])


def show_typing(lane: str) -> None:
    """The customer of this conversation sees "typing…", unless that was long ago. No row (D6)."""
    merchant_id, conversation_id = outbox.lane_of(lane)
    if not outbox.still_worth_it(lane):
        return
    with db.merchant(merchant_id):
        letter = messages.claim_typing(conversation_id)
    if letter is not None:
        client.show_typing(letter)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=messages.BATCH, thread_name_prefix="meta")


# --- templates ------------------------------------------------------------------------------------


def sync_templates(lane: str) -> None:
    """The templates of this channel's account are here as Meta has them now, if that was due."""
    outbox.looking(lane)
    merchant_id, channel_id = outbox.lane_of(lane)
    with db.merchant(merchant_id):
        account = templates.take(channel_id)
    if account is None:
        return
    found = submissions.whole_list(account.waba_id, account.token)
    with db.merchant(merchant_id):
        templates.keep_listed(account, found)


def submit_templates(lane: str) -> None:
    """Every draft of this merchant that is due has been taken to Meta, or says why not."""
    outbox.looking(lane)
    until = time.monotonic() + SHIFT
    while _submit_some(outbox.merchant_of(lane)):
        if time.monotonic() > until:
            outbox.nudge(lane)
            return


def _submit_some(merchant_id: UUID) -> int:
    with db.merchant(merchant_id):
        taken = templates.claim()
    for submission in taken:
        outcome = submissions.submit(submission)
        with db.merchant(merchant_id):
            templates.conclude(submission, outcome)
    return len(taken)


# --- numbers --------------------------------------------------------------------------------------


def run_errands(lane: str) -> None:
    """Everything this merchant asks of Meta about its numbers has been asked, or says why not."""
    outbox.looking(lane)
    until = time.monotonic() + SHIFT
    while _run_some(outbox.merchant_of(lane)):
        if time.monotonic() > until:
            outbox.nudge(lane)
            return


def _run_some(merchant_id: UUID) -> int:
    with db.merchant(merchant_id):
        taken = channels.claim()
    for task in taken:
        done = numbers.carry_out(task)
        with db.merchant(merchant_id):
            channels.conclude(task, done)
    return len(taken)


# --- what Meta charged ----------------------------------------------------------------------------


def reckon(lane: str) -> None:
    """What Meta says it charged this channel in the last days is kept, if that was due."""
    outbox.looking(lane)
    merchant_id, channel_id = outbox.lane_of(lane)
    with db.merchant(merchant_id):
        question = costs.take_question(channel_id)
    if question is None:
        return
    points = reckoning.ask(question)
    with db.merchant(merchant_id):
        costs.keep_answer(question, points)


# --- files ----------------------------------------------------------------------------------------


def fetch_media(lane: str) -> None:
    """Every file that customers sent this merchant has been fetched, or says why not."""
    outbox.looking(lane)
    until = time.monotonic() + SHIFT
    while _fetch_some(outbox.merchant_of(lane)):
        if time.monotonic() > until:
            outbox.nudge(lane)
            return


def _fetch_some(merchant_id: UUID) -> int:
    with db.merchant(merchant_id):
        errands = incoming.claim()
    for errand, ending in zip(errands, _pool().map(media.fetch, errands), strict=True):
        with db.merchant(merchant_id):
            incoming.conclude(errand, ending)
    return len(errands)

"""Messages leave: claimed as fast as Meta allows, handed over to be posted and concluded."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from bot import client, desk, pace
from bot.jobs.shifts import DELIVER, SHIFT
from flows import messages, outbox, workers
from flows.letters import Letter, Sender
from models import db
from models.types import utcnow

NOTICED = 5.0
"""Seconds after which people see why a message waits."""
AHEAD = 0.01
"""Seconds from waking a worker until it asks for permits."""
CROWDED = 0.1
"""Seconds until a lane is looked at again whose calls to Meta are too many already."""


def deliver_messages(lane: str) -> None:
    """Everything due in this lane has been posted to Meta, or says why not.

    Not when another lane wants its turn, or the number its rest: then this one is woken again.
    """
    outbox.looking(lane)
    merchant_id, channel_id = outbox.lane_of(lane)
    with db.merchant(merchant_id):
        sender = messages.sender(channel_id)
    until = time.monotonic() + SHIFT
    while sender is not None:
        batches = _hand_over_some(lane, sender)
        if not batches or not all(desk.wait(batch, DELIVER) for batch in batches):
            return
        if workers.stopping() or time.monotonic() > until:
            outbox.nudge(lane)
            return


def _hand_over_some(lane: str, sender: Sender) -> list[desk.Batch]:
    """What may leave of this number now; the lane is woken again for what may not yet."""
    merchant_id, channel_id = outbox.lane_of(lane)
    turn = _turn(lane, sender)
    with db.merchant(merchant_id):
        claimed = messages.claim(channel_id, limit=turn.permits) if turn.permits else []
        marks = messages.claim_read_marks(channel_id)
    letters = _that_may_go(merchant_id, claimed)
    pace.settle(turn, dict.fromkeys(range(len(letters), turn.permits)))
    batches = []
    if letters:
        conclude = messages.conclude
        ours = desk.Batch(lane, merchant_id, letters, client.send, conclude, turn=turn)
        batches.append(ours)
    if marks:
        tell, told = client.mark_read, messages.conclude_read_marks
        batches.append(desk.Batch(lane, merchant_id, marks, tell, told))
    for batch in batches:
        desk.hand_over(batch)
    return batches


def _turn(lane: str, sender: Sender) -> pace.Turn:
    room = min(desk.room(lane), messages.BATCH)
    if room == 0:
        _come_back(lane, CROWDED)
        return pace.Turn(sender, 0)
    turn = pace.take(sender, room)
    if turn.permits == 0:
        _wait(lane, turn)
    return turn


def _that_may_go(merchant_id: UUID, letters: Sequence[Letter]) -> list[Letter]:
    """Without those whose customer has had too many within minutes: they wait."""
    waits = pace.waits(letters)
    early = [(letter, wait) for letter, wait in zip(letters, waits, strict=True) if wait]
    if early:
        with db.merchant(merchant_id):
            for letter, wait in early:
                messages.give_back(letter, utcnow() + timedelta(seconds=wait), "pair_limit")
    return [letter for letter, wait in zip(letters, waits, strict=True) if not wait]


# --- what has to wait -----------------------------------------------------------------------------


def _wait(lane: str, turn: pace.Turn) -> None:
    """The lane is left. People are told of what will not go within NOTICED seconds."""
    merchant_id, channel_id = outbox.lane_of(lane)
    soon = turn.wait < NOTICED
    if not soon or _is_worth_telling(lane):
        with db.merchant(merchant_id):
            messages.hold_up(
                channel_id,
                "pace" if soon else "throttled",
                from_=utcnow() + timedelta(seconds=turn.wait),
                per_second=turn.sender.per_second,
                beyond=turn.sender.per_second * int(NOTICED) if soon else 0,
            )
    _come_back(lane, min(max(turn.wait - AHEAD, AHEAD), NOTICED))


_told: dict[str, float] = {}


def _is_worth_telling(lane: str) -> bool:
    """Not each time that a quarter of a second has to be waited for."""
    now = time.monotonic()
    if now < _told.get(lane, 0.0):
        return False
    _told[lane] = now + NOTICED
    return True


def _come_back(lane: str, seconds: float) -> None:
    # A worker that dies meanwhile takes this with it: the sweep finds what is due within seconds.
    timer = threading.Timer(seconds, outbox.nudge, [lane])
    timer.daemon = True
    timer.start()


# --- "typing…" ------------------------------------------------------------------------------------


def show_typing(lane: str) -> None:
    """The customer of this conversation sees "typing…", unless that was long ago. No row (D6)."""
    merchant_id, conversation_id = outbox.lane_of(lane)
    if not outbox.woken(lane):
        return
    with db.merchant(merchant_id):
        letter = messages.claim_typing(conversation_id)
    if letter is not None:
        client.show_typing(letter)

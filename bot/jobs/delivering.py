"""Messages leave: claimed, posted side by side, concluded."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from rq.timeouts import BaseTimeoutException

from bot import client
from bot.jobs.shifts import pool, work_off
from flows import crashpoints, messages, outbox
from flows.letters import Letter, Outcome
from models import db

log = logging.getLogger(__name__)


def deliver_messages(lane: str) -> None:
    """Everything due in this lane has been posted to Meta, or says why not."""
    work_off(lane, partial(_deliver_some, *outbox.lane_of(lane)))


def _deliver_some(merchant_id: UUID, channel_id: UUID) -> int:
    with db.merchant(merchant_id):
        letters = messages.claim(channel_id)
        marks = messages.claim_read_marks(channel_id)
    if not letters and not marks:
        return 0
    sent = list(pool().map(client.send, letters))
    told = list(pool().map(client.mark_read, marks))
    _conclude(merchant_id, list(zip(letters, sent, strict=True)))
    if letters:
        crashpoints.reached("send.concluded")
    if marks:
        crashpoints.reached("mark.told")
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

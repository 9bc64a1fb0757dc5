"""Where the fate of a message changes: counted for who watches (flows/counters.py), and told to who
follows one message through the log (WASL_LOG_LEVEL=debug)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from flows import counters, logs
from models.message import RANKS, Sending

log = logging.getLogger(__name__)


class Sent(Protocol):
    """A message of ours, as far as it is asked here."""

    id: UUID
    sending: Sending | None
    rank: int | None


def read(envelope_id: int, received_at: datetime, events: Sequence[object]) -> None:
    """A body was read, whatever becomes of its events."""
    times = [at for event in events if (at := getattr(event, "at", None))]
    if times:
        lag = (received_at - max(times)).total_seconds()
        counters.took("wa_webhook_lag_seconds", max(0.0, lag))
    logs.fine(log, "body read", envelope=envelope_id, events=len(events))


def concluded(
    message_id: UUID, attempt: int, *, kind: str, state: Sending | None, code: int | None
) -> None:
    """A call that sends this message ended, if this transaction is committed."""
    ending, number = state.value if state else "", str(code or "")
    counters.count_when_true("wa_sends_total", ending, kind, number)
    logs.fine(log, "call concluded", message=message_id, attempt=attempt, state=ending, code=number)


def heard(message: Sent, status: str, *, by_callback: bool) -> None:
    """Meta reports this of the message, which has not been changed by it yet."""
    if RANKS.get(status, len(RANKS)) < (message.rank or 0):
        counters.count_when_true("wa_status_out_of_order_total")
    if message.sending is Sending.UNCERTAIN:
        by = "callback" if by_callback else "wamid"
        counters.count_when_true("wa_send_reconciled_total", by)
    logs.fine(log, "status heard", message=message.id, status=status)

"""What one status changes about the message it speaks of: the ladder climbs and never falls.

Rules of one message, without a database: flows.statuses reads what they look at, by the thousand,
and writes what they changed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from flows.verdicts import verdict
from models.message import RANKS, TROUBLED, Sending
from models.types import Json, clean

DELIVERED = RANKS["delivered"]
_TIMES = {"sent": "sent_at", "delivered": "delivered_at", "read": "read_at", "played": "read_at"}


@dataclass(slots=True)
class Told:
    """One status as it is kept: the columns of MessageStatus."""

    id: UUID
    channel_id: UUID
    message_id: UUID | None
    wamid: str
    status: str
    recipient: str
    at: datetime
    callback: str | None
    payload: Json
    """{pricing, conversation, errors, person}."""
    called: tuple[UUID, int] | None = None
    """The message and attempt of a callback that we wrote, once it was read."""

    @property
    def arrived(self) -> bool:
        return RANKS.get(self.status, 0) >= DELIVERED


@dataclass(slots=True)
class Sent:
    """A message of ours as far as statuses move it, and what else is asked of it then."""

    # Never moved by a status.
    id: UUID
    channel_id: UUID
    conversation_id: UUID
    run_id: UUID | None
    order_id: UUID | None
    template: str | None
    """Its name, when it is one."""
    category: str | None
    attempt: int
    # Moved; see MOVED.
    wamid: str | None
    sending: Sending | None
    lease_until: datetime | None
    reason: str | None
    error_code: int | None
    error_detail: str | None
    rank: int | None
    accepted_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None
    settled_at: datetime | None
    settled_by_id: UUID | None
    settled_note: str | None

    @property
    def troubled(self) -> bool:
        """Message.troubled."""
        return self.sending in TROUBLED and self.settled_at is None

    def moved(self) -> dict[str, Any]:
        """Every column that a status may change, as it stands now."""
        return {name: getattr(self, name) for name in MOVED}


COLUMNS = tuple(field.name for field in fields(Sent))
MOVED = COLUMNS[COLUMNS.index("wamid") :]


def climb(message: Sent, told: Told) -> None:
    """The message knows what this status says; one that speaks of an earlier attempt is passed by.

    Call oldest first: what failed and then arrived has arrived.
    """
    if outlived(message, told):
        return
    message.wamid = message.wamid or told.wamid
    if told.status == "failed":
        _fail(message, told)
    elif told.status in _TIMES:
        _rise(message, told)


def outlived(message: Sent, told: Told) -> bool:
    """Whether this speaks of an earlier attempt than the one under way: a person sent it again.

    It is kept and charged, but settles nothing, with one exception: when the earlier attempt has
    arrived after all, the one that still waits to leave need not.
    """
    if told.called is None:
        return False
    waits = message.sending in (Sending.QUEUED, Sending.WAITING)
    again = told.called[1] < message.attempt or message.sending is Sending.QUEUED
    return again and not (waits and told.arrived)


def _rise(message: Sent, told: Told) -> None:
    message.rank = max(message.rank or 0, RANKS[told.status])
    field = _TIMES[told.status]
    earlier: datetime | None = getattr(message, field)
    setattr(message, field, min(earlier, told.at) if earlier else told.at)
    if message.failed_at is not None:
        if message.rank < DELIVERED and told.at <= message.failed_at:
            return  # "sent", told late: the failure came after it
        message.failed_at = None  # it left after all; the failure stays among the statuses
    if message.sending is not None and message.sending is not Sending.ACCEPTED:
        message.sending = Sending.ACCEPTED
        message.lease_until = None
        message.accepted_at = message.accepted_at or told.at
    message.reason = message.error_code = message.error_detail = None


def _fail(message: Sent, told: Told) -> None:
    if (message.rank or 0) >= DELIVERED:
        return
    if message.sent_at is not None and told.at < message.sent_at:
        return  # told late: it left after that
    error: Json = next(iter(told.payload.get("errors") or []), {})
    code = error.get("code")
    message.error_code = code if isinstance(code, int) else None
    message.reason = verdict(message.error_code).reason if message.error_code else "unknown_error"
    message.error_detail = _words(error)
    message.failed_at = told.at
    message.lease_until = None
    if message.sending is Sending.ACCEPTED:
        # Somebody said it had arrived: now somebody has to look again.
        message.settled_at = message.settled_by_id = message.settled_note = None
    if message.sending is not None:
        message.sending = Sending.FAILED


def _words(error: Json) -> str:
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else None
    return clean(str(details or error.get("message") or error.get("title") or ""))[:500]

"""What crosses between the outbox and bot/client: a letter out, how its sending ended back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from models.types import Json

Ending = Literal["accepted", "refused", "not_sent", "unknown"]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to upload before the message that shows it; `path` is its key in flows/files."""

    media_id: UUID
    path: str
    mime_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A message ready to be posted: plain values, no row, so that no database waits for Meta."""

    message_id: UUID
    attempt: int
    phone_number_id: str
    token: str = field(repr=False)
    to: str | None
    """E.164 with its plus; None when only the BSUID is known."""
    recipient: str | None
    kind: str
    payload: Json
    text: str
    reply_to: str | None
    callback: str
    upload: Upload | None = None
    uploaded: str | None = None
    """Meta's id of that file, where it still has it from an earlier message."""
    cards: tuple[tuple[Upload, str | None], ...] = ()
    """The files of a carousel's cards, each with Meta's id of it."""
    post_until: float = math.inf
    """Of this machine's monotonic clock: later, the claim might end before Meta's answer."""

    @property
    def needs_upload(self) -> bool:
        """Whether Meta has to be given a file first, which takes its time."""
        alone = self.upload is not None and self.uploaded is None
        return alone or any(known is None for _, known in self.cards)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one call to Meta ended.

    accepted: Meta has it (`wamid`). refused: Meta said no (`code`). not_sent: no byte left.
    unknown: it may or may not have been accepted.
    """

    ending: Ending
    wamid: str | None = None
    code: int | None = None
    subcode: int | None = None
    detail: str | None = None
    retry_after: float | None = None
    """Seconds Meta asked us to wait."""
    uploaded: str | None = None
    """Meta's id of the file uploaded on the way."""
    cards: tuple[tuple[UUID, str], ...] = ()
    """Our and Meta's ids of the cards' files uploaded on the way."""
    wa_id: str | None = None
    """Meta's own digits of the recipient, when they differ from what we wrote."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A number as far as its pace goes: Meta's ids, and how many messages a second it may send."""

    phone_number_id: str
    waba_id: str
    per_second: int


@dataclass(frozen=True, slots=True)
class ReadLetter:
    """Tell Meta that a message was read."""

    mark_id: UUID
    attempt: int
    phone_number_id: str
    token: str = field(repr=False)
    wamid: str

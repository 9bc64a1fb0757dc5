"""The token of one form that was sent: for which conversation, about what, until when; ours."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from config import settings
from models.types import utcnow

VERSION = "f1"
LASTS = timedelta(hours=24)
"""As long as a half-done order does."""
MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Token:
    conversation_id: UUID
    asked: UUID
    """The `client_id` of the message that asked."""
    purpose: str
    until: datetime

    @property
    def expired(self) -> bool:
        return utcnow() >= self.until


def write(conversation_id: UUID, asked: UUID, purpose: str) -> str:
    """`f1.<conversation>.<asked>.<purpose>.<until>.<mac>`: no phone, no merchant.

    ValueError for a purpose that is no plain word.
    """
    if not purpose.replace("_", "").isalnum() or not purpose.isascii():
        raise ValueError(purpose)
    until = int((utcnow() + LASTS).timestamp())
    stem = f"{VERSION}.{conversation_id}.{asked}.{purpose}.{until}"
    return f"{stem}.{_mac(stem)}"


def read(text: object) -> Token | None:
    """What a token of ours says, expired or not; None for anything else."""
    stem, _, mac = text.rpartition(".") if isinstance(text, str) else ("", "", "")
    if not hmac.compare_digest(_mac(stem).encode(), mac.encode("utf-8", "replace")):
        return None
    _, conversation, asked, purpose, until = stem.split(".")
    ends = datetime.fromtimestamp(int(until), UTC)
    return Token(UUID(conversation), UUID(asked), purpose, ends)


def _mac(stem: str) -> str:
    key, said = settings().secret_key.encode(), b"form|" + stem.encode("utf-8", "replace")
    return hmac.digest(key, said, hashlib.sha256)[:MAC_BYTES].hex()

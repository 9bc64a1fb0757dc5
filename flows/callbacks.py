"""The callback id that Meta echoes in every status: which message, which attempt, ours or not."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

from config import settings

VERSION = "v1"
MAC_BYTES = 8


def write(message_id: UUID, attempt: int) -> str:
    """`v1.<message uuid>.<attempt>.<mac>`: no phone, no merchant, under 100 characters (D6)."""
    stem = f"{VERSION}.{message_id}.{attempt}"
    return f"{stem}.{_mac(stem)}"


def read(callback: str | None) -> tuple[UUID, int] | None:
    """The message and attempt of a callback we wrote; None for anybody else's."""
    stem, _, mac = (callback or "").rpartition(".")
    if not hmac.compare_digest(_mac(stem).encode(), mac.encode()):
        return None
    _, message_id, attempt = stem.split(".")
    return UUID(message_id), int(attempt)


def _mac(stem: str) -> str:
    key = settings().secret_key.encode()
    return hmac.digest(key, b"callback|" + stem.encode(), hashlib.sha256)[:MAC_BYTES].hex()

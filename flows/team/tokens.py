"""Links that open a door: the token goes into the link, its hash into the database."""

from __future__ import annotations

import hashlib
import secrets


def fresh() -> tuple[str, bytes]:
    """(token, its hash): 256 bits nobody guesses."""
    token = secrets.token_urlsafe(32)
    return token, hashed(token)


def hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

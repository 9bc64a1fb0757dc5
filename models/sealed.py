"""Secrets at rest: AES-256-GCM, bound to the place they are kept in."""

from __future__ import annotations

import os
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config import settings

KEY_ID = b"\x01"  # first byte of every sealed value, for the day a second key arrives


def seal(secret: str, *, merchant_id: UUID | None, place: str, row_id: UUID) -> bytes:
    """`secret` encrypted for one column of one row ("channels.token"); useless anywhere else.

    No merchant: the row stands outside every one of them, as a user's does.
    """
    nonce = os.urandom(12)
    place_name = _place(merchant_id, place, row_id)
    return KEY_ID + nonce + AESGCM(settings().data_key).encrypt(nonce, secret.encode(), place_name)


def unseal(sealed: bytes, *, merchant_id: UUID | None, place: str, row_id: UUID) -> str:
    """The secret again; cryptography's InvalidTag when it was moved, changed or another key's."""
    nonce, body = sealed[1:13], sealed[13:]
    return (
        AESGCM(settings().data_key)
        .decrypt(nonce, body, _place(merchant_id, place, row_id))
        .decode()
    )


def _place(merchant_id: UUID | None, place: str, row_id: UUID) -> bytes:
    return f"{merchant_id or '-'}|{place}|{row_id}".encode()

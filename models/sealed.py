"""Secrets at rest: AES-256-GCM, bound to the place they are kept in.

A sealed column is called `sealed_<name>` and its model has a property `<name>` that opens and seals
it: by that flows/keys.py finds them all.
"""

from __future__ import annotations

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config import settings

FORM = b"\x01"  # first byte of every sealed value, for the day it is written otherwise


def seal(secret: str, *, merchant_id: UUID | None, place: str, row_id: UUID) -> bytes:
    """`secret` encrypted for one column of one row ("channels.token"); useless anywhere else.

    No merchant: the row stands outside every one of them, as a user's does.
    """
    nonce = os.urandom(12)
    key, where = settings().data_keys[0], _place(merchant_id, place, row_id)
    return FORM + nonce + AESGCM(key).encrypt(nonce, secret.encode(), where)


def unseal(sealed: bytes, *, merchant_id: UUID | None, place: str, row_id: UUID) -> str:
    """The secret again, whichever of our keys sealed it.

    cryptography's InvalidTag when it was moved, changed or sealed by a key we do not have.
    """
    nonce, body = sealed[1:13], sealed[13:]
    for key in settings().data_keys:
        try:
            return AESGCM(key).decrypt(nonce, body, _place(merchant_id, place, row_id)).decode()
        except InvalidTag:
            continue
    raise InvalidTag


def _place(merchant_id: UUID | None, place: str, row_id: UUID) -> bytes:
    return f"{merchant_id or '-'}|{place}|{row_id}".encode()

"""Identifiers in the shapes Meta gives them."""

from __future__ import annotations

import base64
import secrets


def new_wamid(phone_digits: str, *, from_customer: bool) -> str:
    """A message id as WhatsApp makes it: base64 of the other party, the direction and a key."""
    party = phone_digits.encode()
    key = secrets.token_hex(10 if from_customer else 9).upper().encode()
    direction = b"\x12" if from_customer else b"\x11"
    raw = b"\x1c\x18" + bytes([len(party)]) + party + b"\x15\x02\x00" + direction
    raw += b"\x18" + bytes([len(key)]) + key + b"\x00"
    return "wamid." + base64.b64encode(raw).decode()


def new_object_id() -> str:
    """A numeric Graph id (media, templates)."""
    return str(10**15 + secrets.randbelow(9 * 10**15))

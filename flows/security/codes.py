"""Codes and keys themselves: six digits of a half minute (RFC 6238), and recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from datetime import datetime
from uuid import UUID

import pyotp

STEP = 30
"""Seconds a code lasts."""
DRIFT = 1
"""Steps a phone's clock may be wrong by, either way."""
RECOVERY_CODES = 10
# Crockford's alphabet: nothing that looks like something else. 16 letters are 80 bits.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES = str.maketrans("OIL", "011")


def new_secret() -> str:
    """A key for an authenticator: 160 bits in base 32."""
    return pyotp.random_base32()


def address(secret: str, email: str) -> str:
    """What the QR says to an authenticator (otpauth://)."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Wasl")


def step_of(secret: str, typed: str, now: datetime) -> int | None:
    """The half minute this code belongs to, if it is near enough; None for a wrong code."""
    code = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in _joined(typed))
    here = int(now.timestamp()) // STEP
    totp, found = pyotp.TOTP(secret), None
    for step in range(here - DRIFT, here + DRIFT + 1):
        # All are compared, so that the answer takes the same time.
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            found = step
    return found


def recovery_codes() -> list[str]:
    """Ten new ones, as people copy them: 4X7K-…"""
    return [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
        for _ in range(RECOVERY_CODES)
    ]


def digest(user_id: UUID, typed: str) -> bytes:
    """How a recovery code is kept and found, in whatever case and with whatever strokes."""
    code = _joined(typed).upper().translate(_LOOKALIKES)
    return hashlib.sha256(user_id.bytes + code.encode()).digest()


def _joined(typed: str) -> str:
    text = unicodedata.normalize("NFKC", typed[:100]).encode(errors="ignore").decode()
    return "".join(c for c in text if c.isalnum())

"""Passwords: argon2id, two at a time, the same time for accounts that do not exist."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from flows.errors import N_, Refused

SHORTEST, LONGEST = 8, 128

# 64 MiB and four threads each: fifty sign-ins at once must not take three gigabytes.
_room = threading.BoundedSemaphore(2)
_hasher = PasswordHasher()


def check(password: str) -> None:
    """Refused when it is too short, too long or a common one."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refused(
            "password_length",
            N_("A password has {shortest} to {longest} characters."),
            shortest=SHORTEST,
            longest=LONGEST,
        )
    if password.casefold() in _common():
        raise Refused("password_common", N_("This password is among the first anybody tries."))


def hashed(password: str) -> str:
    """What to keep of a new password; Refused as `check` does."""
    check(password)
    with _room:
        return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether this is the password; without a hash, False after the same time."""
    with _room:
        try:
            _hasher.verify(password_hash or _nobodys(), password[:LONGEST])
        except (VerifyMismatchError, InvalidHashError):
            return False
    return password_hash is not None


def outdated(password_hash: str) -> bool:
    """Whether it was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _nobodys() -> str:
    return _hasher.hash("the password of nobody")


@cache
def _common() -> frozenset[str]:
    """The 30,000 that leak most; loaded when the first password is made, not at every start."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]

    return frozenset(FREQUENCY_LISTS["passwords"])

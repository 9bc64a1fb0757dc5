"""Passwords are kept as argon2id, and only of a sensible length."""

from __future__ import annotations

import pytest

from flows import passwords
from flows.errors import Refused


def test_a_password_is_kept_as_argon2id_with_much_work() -> None:
    kept = passwords.hashed("correct horse battery")

    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.matches(kept, "correct horse battery")
    assert not passwords.matches(kept, "correct horse batterie")
    assert not passwords.outdated(kept)


@pytest.mark.parametrize("password", ["", "seven77", "x" * 129])
def test_a_password_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(Refused, match="password_length"):
        passwords.hashed(password)


def test_nobodys_password_matches_nothing() -> None:
    assert not passwords.matches(None, "the password of nobody")


@pytest.mark.parametrize("password", ["password1", "Password1", "iloveyou"])
def test_what_everybody_tries_first_is_refused(password: str) -> None:
    with pytest.raises(Refused, match="password_common"):
        passwords.hashed(password)

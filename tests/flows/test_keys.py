"""Secrets at rest: opened by the old key, sealed by the new one, bound to their place."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator

import psycopg
import pytest
from click.testing import CliRunner
from cryptography.exceptions import InvalidTag
from sqlalchemy import select

from cli import wasl
from config import Misconfigured, read, settings
from flows import forms, keys, mail
from models import db
from models.channel import Channel
from models.form import Form
from models.merchant import Merchant
from tests import factories
from tests.mailbox import Mailbox

NEW = base64.b64encode(b"another key of thirty-two bytes.").decode()


@pytest.fixture
def with_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """From now on these are the keys of the install."""

    def give(current: str, previous: str = "") -> None:
        monkeypatch.setenv("WASL_DATA_KEY", current)
        monkeypatch.setenv("WASL_DATA_KEY_PREVIOUS", previous)
        settings.cache_clear()

    yield give
    monkeypatch.undo()
    settings.cache_clear()


def token_of(merchant: Merchant) -> str:
    with db.merchant(merchant.id) as session:
        return session.scalars(select(Channel)).one().token


def test_secrets_are_sealed_anew_and_the_old_key_can_go(
    merchant: Merchant, with_keys: Callable[..., None]
) -> None:
    other = factories.merchant("Else", number="2")
    with_keys(NEW, previous=OLD)
    assert token_of(merchant) == "EAA-test-1"

    assert keys.rotate() == 2
    with_keys(NEW)

    assert (token_of(merchant), token_of(other)) == ("EAA-test-1", "EAA-test-2")
    with_keys(OLD)
    with pytest.raises(InvalidTag):
        token_of(merchant)


def test_the_key_of_a_form_is_sealed_anew(
    merchant: Merchant, with_keys: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASL_BASE_URL", "https://wasl.test")
    settings.cache_clear()
    with db.merchant(merchant.id) as session:
        forms.prepare(session.scalars(select(Channel)).one())
    with_keys(NEW, previous=OLD)

    assert keys.rotate() == 2
    with_keys(NEW)

    with db.merchant(merchant.id) as session:
        assert session.scalars(select(Form)).one().private_key.startswith("-----BEGIN PRIVATE")


def test_rotating_twice_changes_nothing_for_anybody(
    merchant: Merchant, with_keys: Callable[..., None]
) -> None:
    with_keys(NEW, previous=OLD)

    assert keys.rotate() == keys.rotate() == 1

    with_keys(NEW)
    assert token_of(merchant) == "EAA-test-1"


def test_a_mail_that_waits_can_be_read_after_the_old_key_is_gone(
    merchant: Merchant, with_keys: Callable[..., None], mailbox: Mailbox, work: Callable[[], None]
) -> None:
    with db.merchant(merchant.id):
        mail.post("zineb@example.com", "Bienvenue", "http://example.com/join/x")
    with_keys(NEW, previous=OLD)

    rotated = CliRunner().invoke(wasl, ["keys", "rotate"])
    with_keys(NEW)
    work()

    assert rotated.exit_code == 0
    assert mailbox.link() == "/join/x"


def test_a_key_that_never_sealed_anything_stops_it_and_loses_nothing(
    merchant: Merchant, with_keys: Callable[..., None]
) -> None:
    with_keys(NEW)

    with pytest.raises(InvalidTag):
        keys.rotate()

    with_keys(OLD)
    assert token_of(merchant) == "EAA-test-1"


def test_a_secret_moved_to_another_row_does_not_open(
    merchant: Merchant, owner_connection: psycopg.Connection
) -> None:
    other = factories.merchant("Else", number="2")

    owner_connection.execute(
        "UPDATE channels SET sealed_token = (SELECT sealed_token FROM channels WHERE merchant_id ="
        " %s) WHERE merchant_id = %s",
        (merchant.id, other.id),
    )

    with pytest.raises(InvalidTag):
        token_of(other)


def test_no_token_stands_in_the_database_as_it_is(
    merchant: Merchant, owner_connection: psycopg.Connection
) -> None:
    rows = owner_connection.execute("SELECT c::text, sealed_token FROM channels c").fetchall()

    assert not any("EAA-test" in text or b"EAA-test" in bytes(sealed) for text, sealed in rows)


@pytest.mark.parametrize("name", ["WASL_DATA_KEY", "WASL_DATA_KEY_PREVIOUS"])
def test_a_key_of_another_length_is_refused_by_name(name: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        read(dict(os.environ) | {name: "c2hvcnQ="})


OLD = "dGVzdHMgb25seSwgbm90IGEgcmVhbCBzZWNyZXQhISE="
"""The key of tests/conftest.py."""

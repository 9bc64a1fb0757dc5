"""The servers of the tests: there within a moment, gone at the end."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
import redis

from bin.lib import postgres, valkey


def test_a_temporary_postgresql_is_empty_and_forgetful_and_gone_at_the_end() -> None:
    with postgres.temporary() as address:
        plain = address.replace("+psycopg", "")
        with psycopg.connect(plain) as connection:
            folder = _setting(connection, "data_directory")
            assert _setting(connection, "fsync") == "off"
            assert _setting(connection, "server_encoding") == "UTF8"
            tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
            assert connection.execute(tables).fetchone() == (0,)

    assert not Path(folder).parent.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(plain)


def test_a_temporary_valkey_keeps_nothing_and_is_gone_at_the_end() -> None:
    with valkey.temporary() as address, redis.Redis.from_url(address) as server:
        server.set("a", 1)
        assert server.config_get("appendonly") == {"appendonly": "no"}

    assert not Path(unquote(urlsplit(address).path)).parent.exists()


def _setting(connection: psycopg.Connection, name: str) -> str:
    found = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    assert found
    return str(found[0])

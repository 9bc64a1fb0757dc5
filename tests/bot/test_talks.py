"""Talks with the bot in four languages, played over the simulator and real workers."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import select

from bot.simulator import Simulator
from config import settings
from flows import outbox
from models import db
from models.db import Base
from models.merchant import Merchant
from tests import factories
from tests.bot.play import Play, Script, scripts
from tests.stories.steps import Work

SCRIPTS = list(scripts())
EMPTY = 21
"""Bytes of a copy that has no rows."""


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody waits four seconds for a customer to stop typing."""
    monkeypatch.setenv("WASL_TIMER_SPEED", "86400")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="module")
def opened() -> dict[str, bytes]:
    """The rows of the demo's first shop by table, once it was opened."""
    return {}


@pytest.fixture
def shop(
    hurried: None,
    simulator: Simulator,
    work: Work,
    opened: dict[str, bytes],
    owner_connection: psycopg.Connection,
) -> Merchant:
    """The demo's first shop: opened once, the next talks find copies of its rows."""
    if opened:
        _put_back(opened, owner_connection)
    else:
        factories.demo_shop()
        outbox.sweep()  # the templates of its numbers are fetched once too
        work()
        opened |= _copied(owner_connection)
    with db.house() as house:
        return house.scalars(select(Merchant)).one()


def _copied(connection: psycopg.Connection) -> dict[str, bytes]:
    tables = [name for name in Base.metadata.tables if name != "rate_cards"]
    return {name: b"".join(_copying(connection, f"{name} TO STDOUT")) for name in tables}


def _put_back(rows: dict[str, bytes], connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for name in (name for name in rows if len(rows[name]) > EMPTY):
            with connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT binary)") as copy:
                copy.write(rows[name])


def _copying(connection: psycopg.Connection, what: str) -> Iterator[bytes]:
    with connection.cursor().copy(f"COPY {what} (FORMAT binary)") as copy:
        yield from (bytes(part) for part in copy)


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.title for script in SCRIPTS])
def test_a_talk_goes_as_its_script_says(
    script: Script, shop: Merchant, simulator: Simulator, work: Work
) -> None:
    play = Play(shop, simulator, work)
    try:
        play.perform(script)
    finally:
        play.end()

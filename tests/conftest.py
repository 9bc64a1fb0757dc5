"""Real PostgreSQL, Valkey and rq for every test; the fixtures owner, agent, stranger, work()."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from bin.lib import postgres, valkey

TEMPLATE = "wasl_template"
_servers = ExitStack()
_addresses: dict[str, str] = {}


# --- servers: started once, by the process that hands out the tests -------------------------------


def pytest_configure(config: pytest.Config) -> None:
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker_input is None:
        _addresses["database"] = _servers.enter_context(postgres.temporary())
        _addresses["redis"] = _servers.enter_context(valkey.temporary())
        _make_template()
    else:
        _addresses.update(worker_input["addresses"])
    if worker_input is not None:
        _prepare(worker_input["workerid"])
    elif config.getoption("dist", "no") == "no":
        _prepare("gw0")  # nobody else runs the tests


def pytest_unconfigure(config: pytest.Config) -> None:
    from models import db

    db.forget_connections()
    _servers.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["addresses"] = _addresses


def _environment(database: str, redis_url: str) -> None:
    os.environ.update(
        DATABASE_URL=_named(database),
        REDIS_URL=redis_url,
        WASL_SECRET_KEY="tests-only-0123456789-abcdefghijkl",
        WASL_DATA_KEY="dGVzdHMgb25seSwgbm90IGEgcmVhbCBzZWNyZXQhISE=",
        META_APP_SECRET="app-secret-of-the-tests",
        META_APP_SECRET_PREVIOUS="the-secret-before-it",
        META_VERIFY_TOKEN="verify-token-of-the-tests",
    )


def _named(database: str) -> str:
    address = make_url(_addresses["database"]).set(
        drivername="postgresql+psycopg", database=database
    )
    return address.render_as_string(hide_password=False)


def _plain(database: str) -> str:
    return _named(database).replace("+psycopg", "")


def _make_template() -> None:
    """The migrated database every test process gets a copy of."""
    from config import settings
    from flows import costs
    from models import db, schema

    _run("postgres", f"CREATE DATABASE {TEMPLATE}")
    _environment(TEMPLATE, _addresses["redis"])
    schema.upgrade()
    costs.load_rate_cards()
    db.forget_connections()
    settings.cache_clear()


def _prepare(worker: str) -> None:
    _run("postgres", f"CREATE DATABASE wasl_{worker} TEMPLATE {TEMPLATE}")
    # One Valkey serves all; each test process has a database of its own in it.
    number = int(worker.removeprefix("gw")) + 1
    _environment(f"wasl_{worker}", _valkey_database(_addresses["redis"], number))


def _valkey_database(address: str, number: int) -> str:
    if address.startswith("unix://"):
        joint = "&" if "?" in address else "?"
        return f"{address}{joint}db={number}"
    return f"{address.rstrip('/')}/{number}"


def _run(database: str, statement: str) -> None:
    with psycopg.connect(_plain(database), autocommit=True) as connection:
        connection.execute(statement)


# --- a clean house for every test -----------------------------------------------------------------


@pytest.fixture(autouse=True)
def _emptied(owner_connection: psycopg.Connection) -> Iterator[None]:
    yield
    from flows import outbox
    from models import db

    db.close()
    owner_connection.execute(_empty_everything())
    outbox.connection().flushdb()


@pytest.fixture(scope="session")
def owner_connection() -> Iterator[psycopg.Connection]:
    """A connection as the owner of the database, above row-level security."""
    from config import settings

    address = settings().database_url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def _empty_everything() -> str:
    """One string of DELETEs: a millisecond. Price lists stay, they came with the template."""
    from models.db import Base

    tables = [name for name in Base.metadata.tables if name != "rate_cards"]
    deletes = "".join(f"DELETE FROM {name};" for name in tables)  # noqa: S608 - our own names
    return f"SET session_replication_role = replica; {deletes} RESET session_replication_role;"


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    from config import settings

    if "WASL_VAR" not in os.environ:
        os.environ["WASL_VAR"] = str(tmp_path_factory.mktemp("var"))
        settings.cache_clear()


# --- people ---------------------------------------------------------------------------------------


@pytest.fixture
def merchant() -> Any:
    """A Moroccan merchant with a number, its COD pipeline and a warehouse."""
    from tests import factories

    return factories.merchant()


@pytest.fixture
def owner(merchant: Any) -> Any:
    from tests import factories

    return factories.member(merchant, "owner")


@pytest.fixture
def manager(merchant: Any) -> Any:
    from tests import factories

    return factories.member(merchant, "manager")


@pytest.fixture
def agent(merchant: Any) -> Any:
    from tests import factories

    return factories.member(merchant, "confirmation_agent")


@pytest.fixture
def stranger() -> Any:
    """The owner of another merchant."""
    from tests import factories

    other = factories.merchant(name="Somebody else", number="2")
    return factories.member(other, "owner")


@pytest.fixture
def session(merchant: Any) -> Iterator[Any]:
    """The merchant's session, open for the whole test; `session.commit()` is the edge's part."""
    from models import db

    current = db.begin(merchant.id)
    yield current
    db.close()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same algorithm with little work: some tests guess forty times."""
    from argon2 import PasswordHasher

    from flows import passwords

    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))
    passwords._nobodys.cache_clear()
    yield
    passwords._nobodys.cache_clear()


# --- the web --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def app() -> Any:
    """The whole web process: pages and webhook."""
    from wsgi import wasl

    application = wasl()
    application.testing = True
    return application


@pytest.fixture
def client(app: Any) -> Any:
    """Somebody not signed in, or Meta."""
    return app.test_client()


@pytest.fixture
def signed_in(app: Any) -> Callable[[Any], Any]:
    """A browser where this member is signed in: `signed_in(agent).get("/inbox")`."""
    from tests import factories

    return lambda member: factories.browser(app, member)


@pytest.fixture
def simulator(app: Any) -> Iterator[Any]:
    """Meta and the customers' phones, in this process: what we send reaches it, `deliver()` posts
    its webhooks to the app. It knows the number of `merchant`."""
    import httpx

    from bot import client as meta
    from tests import factories

    found = factories.simulator(app)
    meta.reach(lambda: httpx.WSGITransport(app=found.app))
    yield found
    meta.reach(meta._to_meta)


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A mail server that this install sends through."""
    from tests.mailbox import open_mailbox

    with open_mailbox(monkeypatch) as box:
        yield box


# --- the machinery --------------------------------------------------------------------------------


@pytest.fixture
def work() -> Callable[[], None]:
    """Let the workers do everything that waits, with real rq on real Valkey."""
    from tests import factories

    return factories.work

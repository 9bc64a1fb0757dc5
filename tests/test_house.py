"""The house keeps its plan: layers, job names, tables, policies, schema."""

from __future__ import annotations

import importlib
import os

import psycopg
import pytest
from sqlalchemy.engine import make_url

from bin.lib import catalogues
from config import settings
from flows import outbox
from models import schema
from models.db import Base, Row

OUTSIDE_EVERY_MERCHANT = {
    *("merchants", "users", "login_sessions", "password_resets"),
    *("totps", "recovery_codes", "half_sign_ins"),
    *("envelopes", "heartbeats", "rate_cards"),
}
LEDGERS = {
    *("entries", "movements", "price_adjustments", "consents", "call_attempts"),
    *("audit_entries", "price_lists", "repricings"),
}


def tables_of_merchants() -> set[str]:
    return {m.local_table.name for m in Base.registry.mappers if issubclass(m.class_, Row)}  # type: ignore[attr-defined]


@pytest.mark.parametrize("lane", outbox.JOBS)
def test_every_job_that_is_called_by_name_exists(lane: str) -> None:
    module, _, function = outbox.JOBS[lane].function.rpartition(".")

    assert callable(getattr(importlib.import_module(module), function))


def test_only_the_listed_tables_stand_outside_every_merchant() -> None:
    assert set(Base.metadata.tables) - tables_of_merchants() == OUTSIDE_EVERY_MERCHANT


def test_the_migrations_make_what_the_models_say() -> None:
    assert schema.differences() == []


def test_every_step_of_the_schema_goes_down_and_up_again(
    monkeypatch: pytest.MonkeyPatch, owner_connection: psycopg.Connection
) -> None:
    name = f"wasl_steps_{os.getpid()}"
    owner_connection.execute(f"CREATE DATABASE {name} TEMPLATE wasl_template")
    address = make_url(settings().database_url).set(database=name)
    monkeypatch.setenv("DATABASE_URL", address.render_as_string(hide_password=False))
    settings.cache_clear()
    try:
        schema.downgrade("base")
        schema.upgrade()

        assert schema.differences() == []
    finally:
        monkeypatch.undo()
        settings.cache_clear()
        owner_connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_every_table_of_merchants_is_under_row_level_security(
    owner_connection: psycopg.Connection,
) -> None:
    rows = owner_connection.execute(
        """SELECT c.relname, c.relrowsecurity, array_agg(p.polname::text || ' ' || r.rolname)
        FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
        JOIN pg_roles r ON r.oid = ANY(p.polroles) GROUP BY 1, 2"""
    ).fetchall()
    guarded = {name for name, on, policies in rows if on and "one_merchant wasl_app" in policies}

    assert guarded == tables_of_merchants() | {"merchants"}


def test_ledgers_can_only_grow(owner_connection: psycopg.Connection) -> None:
    rows = owner_connection.execute(
        """SELECT table_name FROM information_schema.role_table_grants
        WHERE grantee = 'wasl_app' AND privilege_type IN ('UPDATE', 'DELETE')"""
    ).fetchall()

    assert LEDGERS.isdisjoint({name for (name,) in rows})


def test_nothing_the_product_runs_as_can_change_the_audit(
    owner_connection: psycopg.Connection,
) -> None:
    rows = owner_connection.execute(
        """SELECT DISTINCT grantee, privilege_type FROM information_schema.role_table_grants
        WHERE table_name = 'audit_entries' AND grantee IN ('wasl_app', 'wasl_house')"""
    ).fetchall()

    roles, rights = ("wasl_app", "wasl_house"), ("INSERT", "SELECT")
    assert sorted(rows) == [(role, right) for role in roles for right in rights]


def test_the_pages_role_sees_nothing_outside_its_merchant(
    owner_connection: psycopg.Connection,
) -> None:
    rows = owner_connection.execute(
        "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'wasl_app'"
    ).fetchall()

    hidden = OUTSIDE_EVERY_MERCHANT - {"merchants", "rate_cards"}
    assert hidden.isdisjoint({name for (name,) in rows})


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_every_sentence_is_translated_and_no_other(language: str) -> None:
    assert catalogues.faults(language) == []

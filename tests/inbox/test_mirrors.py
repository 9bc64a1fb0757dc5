"""Two merchants, mirrors of each other: every route asked by one for what is the other's.

Every text of the other one holds a canary of its own, column by column. A route that has no entry
in the table of test_everybody fails there, so nothing new escapes either test.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Enum, Text, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapper, Session
from werkzeug.test import TestResponse

from flows import files
from models import db
from models.db import Base, MerchantSession, Row
from models.merchant import Merchant
from models.message import Media
from models.user import Membership, Role
from tests import factories
from tests.inbox.test_everybody import CANARY, TABLE, ask, build, calls, everything_of

OURS, THEIRS = "Kanari-A-7f3a", CANARY
POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
# Read by programs, not by people: any other value would be a lie that stops the page.
MEANT = {
    *("currency", "country", "language", "time_zone", "category", "kind", "source", "estimate"),
    *("phone", "e164", "wa_id", "user_id", "phone_number_id", "waba_id", "wamid", "ship_phone"),
    *(
        "payment_method",
        "payment_status",
        "delivery_kind",
        "outcome",
        "status",
        "reason",
        "failure",
    ),
    *("color", "mime_type", "file", "sha256", "word", "key", "reversed_digits", "market"),
    *("estimate_currency", "cancel_reason", "unpriced", "meta_status", "role", "plan", "state"),
}


def mappers() -> Iterator[Mapper[Any]]:
    for mapper in sorted(Base.registry.mappers, key=lambda m: m.class_.__name__):
        if issubclass(mapper.class_, Row):
            yield mapper


def texts(mapper: Mapper[Any]) -> Iterator[str]:
    """The columns of a table that hold what people write."""
    table: Any = mapper.local_table
    held = [*table.constraints, *(index for index in table.indexes if index.unique)]
    keys = {column.name for one in held for column in getattr(one, "columns", ())}
    for column in table.columns:
        plain = isinstance(column.type, Text) and not isinstance(column.type, Enum)
        if plain and column.name not in MEANT | keys:
            yield column.name


@pytest.fixture
def ours(merchant: Merchant, owner: Membership) -> SimpleNamespace:
    return build(merchant, owner)


@pytest.fixture
def theirs(stranger: Membership) -> SimpleNamespace:
    with db.house() as house:
        mirror = house.get_one(Merchant, stranger.merchant_id)
    return build(mirror, stranger)


@pytest.fixture
def mirrors(
    ours: SimpleNamespace, theirs: SimpleNamespace, owner_connection: psycopg.Connection
) -> tuple[SimpleNamespace, SimpleNamespace]:
    """Ours with our canary where theirs has theirs, and theirs in every text column."""
    for mapper in mappers():
        table: Any = mapper.local_table
        for column in table.columns:
            kind = column.type.compile(dialect=POSTGRESQL)
            if kind in ("TEXT", "JSONB", "TEXT[]") or kind.startswith("VARCHAR"):
                for old, new in ((THEIRS, OURS), (THEIRS.lower(), OURS.lower())):
                    owner_connection.execute(
                        f'UPDATE {table.name} SET "{column.name}" = '  # noqa: S608 - our own names
                        f'replace("{column.name}"::text, %s, %s)::{kind}'
                        f' WHERE merchant_id = %s AND position(%s IN "{column.name}"::text) > 0',
                        (old, new, ours.merchant, old),
                    )
        for name in texts(mapper):
            owner_connection.execute(
                f'UPDATE {table.name} SET "{name}" = coalesce("{name}", %s) || %s'  # noqa: S608
                " WHERE merchant_id = %s",
                ("", f" {THEIRS}-{table.name}-{name}", theirs.merchant),
            )
    # Envelopes lie outside merchants: ours is the one about our number.
    owner_connection.execute(
        "UPDATE envelopes SET error = replace(error, %(theirs)s, %(ours)s), body ="
        " convert_to(replace(convert_from(body, 'UTF8'), %(theirs)s, %(ours)s), 'UTF8')"
        " WHERE %(merchant)s = ANY(concerns)",
        {"theirs": THEIRS, "ours": OURS, "merchant": ours.merchant},
    )
    # People see numbers: theirs must not be one of ours.
    owner_connection.execute(
        "UPDATE orders SET number = number + 7000 WHERE merchant_id = %s", (theirs.merchant,)
    )
    theirs.number += 7000
    return ours, theirs


@pytest.mark.parametrize("role", list(Role))
def test_nothing_of_the_mirror_is_read_or_changed(
    app: Flask,
    signed_in: Callable[[Membership], FlaskClient],
    merchant: Merchant,
    mirrors: tuple[SimpleNamespace, SimpleNamespace],
    owner_connection: psycopg.Connection,
    role: Role,
) -> None:
    ours, theirs = mirrors
    browser = signed_in(factories.member(merchant, role.value))
    before = everything_of(theirs.merchant, owner_connection)

    for endpoint, method, _ in calls(app):
        for ids in mixed(ours, theirs, endpoint):
            answer = ask(app, browser, ids, endpoint, method)

            told = (endpoint, method, answer.status_code)
            assert answer.status_code < 500, told
            assert THEIRS.lower() not in readable(answer).lower(), told
            if ids is theirs and TABLE[endpoint].ids:
                assert answer.status_code in (403, 404), told

    assert everything_of(theirs.merchant, owner_connection) == before


def test_a_file_of_the_mirror_is_served_to_its_own_people_only(
    app: Flask,
    signed_in: Callable[[Membership], FlaskClient],
    owner: Membership,
    stranger: Membership,
    theirs: SimpleNamespace,
) -> None:
    with db.merchant(theirs.merchant) as session:
        media = session.get_one(Media, (theirs.merchant, theirs.media))
        media.file, media.size = f"{theirs.merchant}/{theirs.media}.txt", len(THEIRS)
        files.put(media.file, io.BytesIO(THEIRS.encode()))

    seen = ask(app, signed_in(stranger), theirs, "media.show", "GET")
    refused = ask(app, signed_in(owner), theirs, "media.show", "GET")

    with seen:
        assert (seen.status_code, THEIRS in seen.text) == (200, True)
    assert (refused.status_code, THEIRS in readable(refused)) == (404, False)


def test_the_criterion_alone_would_hold_and_without_it_the_test_would_notice(
    app: Flask,
    signed_in: Callable[[Membership], FlaskClient],
    owner: Membership,
    mirrors: tuple[SimpleNamespace, SimpleNamespace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, _ = mirrors
    browser = signed_in(owner)
    # Above row-level security: what is left is the criterion on every query of the ORM.
    monkeypatch.setattr(MerchantSession, "__init__", _above)

    held = _leaks(app, browser, ours)
    event.remove(MerchantSession, "do_orm_execute", db._only_this_merchant)
    try:
        bare = _leaks(app, browser, ours)
    finally:
        event.listen(MerchantSession, "do_orm_execute", db._only_this_merchant)

    assert held == ONLY_UNDER_SECURITY
    assert len(bare) > 20


def _above(self: MerchantSession, merchant_id: UUID, only: UUID | None = None) -> None:
    Session.__init__(self, db._engine("wasl_house"), expire_on_commit=False)
    self.merchant_id, self.only = merchant_id, only


# Statements that the criterion does not reach (docs/decisions D8): row-level security holds them.
ONLY_UNDER_SECURITY: set[str] = set()


def mixed(
    ours: SimpleNamespace, theirs: SimpleNamespace, endpoint: str
) -> Iterator[SimpleNamespace]:
    """Their ids throughout; then ours with one of theirs at a time."""
    yield theirs
    call = TABLE[endpoint]
    named = {*call.ids.values(), *call.form.values(), *call.query.values()} & vars(ours).keys()
    for name in sorted(named):
        yield SimpleNamespace(**vars(ours) | {name: getattr(theirs, name)})


def readable(answer: TestResponse) -> str:
    """The body and the headers; of a workbook what is in its sheets."""
    body = answer.get_data()
    if body[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            body = b"".join(book.read(name) for name in book.namelist())
    return f"{answer.headers}{body.decode(errors='replace')}"


def _leaks(app: Flask, browser: FlaskClient, ours: SimpleNamespace) -> set[str]:
    """The pages without ids that show something of the mirror."""
    found = set()
    for endpoint, method, _ in calls(app):
        if method == "GET" and not TABLE[endpoint].ids:
            answer = ask(app, browser, ours, endpoint, method)
            if THEIRS.lower() in readable(answer).lower():
                found.add(endpoint)
    return found

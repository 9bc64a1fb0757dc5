"""Exports: everything that matches, safe to open in a spreadsheet, a little at a time."""

import csv
import io
import zipfile
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import psycopg
import pytest

from flows import columns, exports, pipeline
from flows.listing import Filters
from models import db
from models.merchant import Merchant
from models.order import Order
from models.pipeline import SystemState
from models.timeline import SYSTEM
from tests import factories
from tests.flows import shop

CODES = {
    "statuses": {"pending": "En attente", "shipped": "Expédiée"},
    "flags": {"review": "À regarder", "late_tap": "Trop tard"},
    "sources": {"whatsapp": "WhatsApp"},
    "methods": {"cod": "À la livraison"},
    "payments": {"pending": "En attente"},
}


def prepared(*chosen: str, language: str = "en", filters: Filters | None = None) -> exports.Export:
    return exports.prepare(
        filters or Filters(), chosen, language=language, say=lambda name: name, codes=CODES
    )


def rows(export: exports.Export) -> list[dict[str, str]]:
    text = b"".join(export.csv()).decode("utf-8-sig")
    return list(
        csv.DictReader(io.StringIO(text), delimiter=";" if export.language == "fr" else ",")
    )


def taken(merchant: Merchant, **values: Any) -> Order:
    """An order that is there for other sessions."""
    with db.merchant(merchant.id):
        return shop.order((None, 2), **values)


def test_a_file_holds_what_matches_newest_first(merchant: Merchant) -> None:
    for number, city in ((1, "Fès"), (2, "Rabat"), (3, "Fès")):
        taken(merchant, number=number, ship_city=city, source="phone" if number == 2 else "manual")

    with db.merchant(merchant.id):
        every = prepared("city")
        few = prepared("city", filters=Filters.read({"source": ["manual"]}))
        oldest = prepared(filters=Filters.read({"sort": ["oldest"]}))

    assert [(row["Number"], row["City"]) for row in rows(every)] == [
        ("3", "Fès"),
        ("2", "Rabat"),
        ("1", "Fès"),
    ]
    assert [row["Number"] for row in rows(few)] == ["3", "1"]
    assert [row["Number"] for row in rows(oldest)] == ["1", "2", "3"]


def test_every_column_says_what_the_order_says(merchant: Merchant, agent: Any) -> None:
    at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    with db.merchant(merchant.id) as session:
        order = shop.order((shop.bag(), 2), (None, 1), number=1042, created_at=at, assignee=agent)
        pipeline.move(order, shop.stage(SystemState.CONFIRMED), by=SYSTEM)
        pipeline.move(order, shop.stage(SystemState.SHIPPED), by=SYSTEM)
        order.flags = ["review", "late_tap"]
        order.applied_total, order.carrier, order.tracking = 25050, "Amana", "AM1"
        order.stage_entered_at = at
        session.flush()
        export = prepared(*columns.COLUMNS)

    (row,) = rows(export)

    assert row == {
        "Number": "1042",
        "Date": "2026-11-21 00:30",  # Morocco's clock
        "Customer": "Fatima Zahra El Idrissi",
        "Phone": "'+212661234567",
        "City": "Marrakech",
        "Address": "12 rue des Orangers",
        "Items": "2 × Sac cuir, 1 × Cadeau",
        "Amount due": "285.50",
        "Currency": "MAD",
        "Delivery fee": "35.00",
        "Discount": "49.50",
        "Stage": "Expédiée",
        "Status": "Expédiée",
        "On this stage since": "2026-11-21 00:30",
        "Agent": "Salma",
        "Source": "WhatsApp",
        "Payment": "À la livraison",
        "Payment status": "En attente",
        "Carrier": "Amana",
        "Tracking number": "AM1",
        "Flags": "À regarder, Trop tard",
        "Calls": "0",
        "Reason": "",
        "Internal note": "",
    }
    assert not {"Cost", "Margin", "Purchase price"} & set(row)


def test_stage_and_status_are_there_even_when_nobody_chose_them(merchant: Merchant) -> None:
    taken(merchant)

    with db.merchant(merchant.id):
        export = prepared("city")

    assert list(rows(export)[0]) == ["Number", "City", "Stage", "Status"]


EVIL = (
    *("=1+1", "+cmd", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\u200f=1"),
    *('=HYPERLINK("http://x")', "-", "  @x"),
)
PLAIN = ("a=1", "Résidence n° 5 - bloc B", "1+1", 'a "quote"; b, c', "")


def test_no_text_is_ever_a_formula(merchant: Merchant) -> None:
    for number, text in enumerate(EVIL, 1):
        taken(merchant, number=number, note=text, ship_name=text)

    with db.merchant(merchant.id):
        export = prepared("customer", "note", filters=Filters.read({"sort": ["oldest"]}))

    for row, text in zip(rows(export), EVIL, strict=True):
        assert row["Internal note"] == row["Customer"] == f"'{text}"


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_harmless_text_stays_as_it_was_written(merchant: Merchant, language: str) -> None:
    for number, text in enumerate(PLAIN, 1):
        taken(merchant, number=number, note=text)

    with db.merchant(merchant.id):
        oldest = Filters.read({"sort": ["oldest"]})
        export = prepared("note", language=language, filters=oldest)

    name = "Internal note"
    assert [row[name] for row in rows(export)] == list(PLAIN)


def test_french_separates_by_semicolons_and_writes_commas_in_numbers(merchant: Merchant) -> None:
    taken(merchant, number=7, applied_total=25050)

    with db.merchant(merchant.id):
        french, english = prepared("amount", language="fr"), prepared("amount", language="en")

    assert b"".join(french.csv()).startswith(b"\xef\xbb\xbfNumber;Amount due;Currency;")
    assert b"7;285,50;MAD;" in b"".join(french.csv())
    assert b"\r\n7,285.50,MAD," in b"".join(english.csv())


def test_a_workbook_has_numbers_dates_and_text_that_is_no_formula(merchant: Merchant) -> None:
    taken(merchant, number=1042, note="=1+1", ship_name="a\x07b", ship_phone="+212661234567")

    with db.merchant(merchant.id):
        export = prepared("created", "customer", "phone", "amount", "note", language="ar")
    file = io.BytesIO()
    export.xlsx(file)

    book = zipfile.ZipFile(file)
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    cells = ElementTree.fromstring(sheet)  # noqa: S314 - our own file
    texts = [node.text for node in cells.iter() if node.tag.endswith("}t")]
    values = [node.text for node in cells.iter() if node.tag.endswith("}v")]
    assert "=1+1" in texts
    assert "+212661234567" in texts
    assert "a\ufffdb" in texts
    assert "1042" in values
    assert "235" in values
    assert "<f>" not in sheet
    assert 'rightToLeft="1"' in sheet


def test_an_export_of_nothing_has_its_heads(merchant: Merchant) -> None:
    with db.merchant(merchant.id):
        export = prepared("city")
    file = io.BytesIO()
    export.xlsx(file)

    assert rows(export) == []
    assert b"Number" in b"".join(export.csv())
    assert "Number" in zipfile.ZipFile(file).read("xl/worksheets/sheet1.xml").decode()


def test_another_merchants_orders_are_in_no_file(merchant: Merchant) -> None:
    taken(merchant)

    with db.merchant(factories.merchant(name="Else", number="2").id):
        export = prepared("customer")

    assert rows(export) == []


MANY = """INSERT INTO orders
    SELECT (jsonb_populate_record(o, jsonb_build_object(
        'id', gen_random_uuid(), 'number', 5000 + n))).*
    FROM orders o, generate_series(1, 2500) n WHERE o.id = %s"""


def test_rows_come_a_thousand_at_a_time_and_the_session_closes_when_nobody_reads_on(
    merchant: Merchant, owner_connection: psycopg.Connection
) -> None:
    owner_connection.execute(MANY, [taken(merchant).id])
    with db.merchant(merchant.id):
        export = prepared("city")

    every = list(export.csv())
    pieces = export.csv()
    first = next(pieces)
    busy = _open(owner_connection)
    pieces.close()  # the client went away

    assert [piece.count(b"\r\n") for piece in every] == [1001, 1000, 501]
    assert first == every[0]
    assert (busy, _open(owner_connection)) == (1, 0)


def _open(connection: psycopg.Connection) -> int:
    """Transactions of pages that are under way in this database."""
    found = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state LIKE 'idle in transaction%' AND query LIKE '%FETCH%'"
    ).fetchone()
    return int(found[0]) if found else 0

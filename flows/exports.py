"""Orders as CSV or XLSX: any number of them, a thousand in memory at a time, safe to open."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import IO, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, literal, select
from sqlalchemy.orm import aliased
from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from flows import audit, columns
from flows.errors import N_
from flows.listing import Filters, items_of, matching
from models import db
from models.merchant import Merchant
from models.order import Order
from models.pipeline import Stage, status_of
from models.types import Money, exponent
from models.user import Membership

AT_ONCE = 1000
ROWS_OF_A_SHEET = 1_000_000
"""Excel takes 48,576 more; what is above begins another sheet."""
LONGEST_CELL = 32_767

Value = str | int | Decimal | datetime
"""Text, a count, an amount, a time: whoever writes a file knows how each is written."""
Codes = Mapping[str, Mapping[str, str]]
"""The reader's words for codes: {"statuses": {"pending": "En attente"}, …}."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of the file; `read` makes its value of a row, a `code` is put into words."""

    name: str
    read: Callable[[Any], Any]
    width: int = 14
    code: str = ""


def _money(name: str) -> Callable[[Any], Decimal]:
    return lambda row: Money(getattr(row, name), row.currency).decimal


# What each column of the table is in a file.
CELLS: dict[str, tuple[Cell, ...]] = {
    "number": (Cell(N_("Number"), lambda row: row.number, 9),),
    "created": (Cell(N_("Date"), lambda row: row.created_at, 16),),
    "customer": (Cell(N_("Customer"), lambda row: row.ship_name, 26),),
    "phone": (Cell(N_("Phone"), lambda row: row.ship_phone, 16),),
    "city": (Cell(N_("City"), lambda row: row.ship_city),),
    "address": (Cell(N_("Address"), lambda row: row.ship_line, 32),),
    "items": (Cell(N_("Items"), lambda row: row.items or "", 40),),
    "amount": (
        Cell(N_("Amount due"), _money("amount_due")),
        Cell(N_("Currency"), lambda row: row.currency, 9),
    ),
    "fee": (Cell(N_("Delivery fee"), _money("delivery_fee")),),
    "discount": (Cell(N_("Discount"), _money("discount")),),
    "stage": (Cell(N_("Stage"), lambda row: row.stage, 20),),
    "status": (Cell(N_("Status"), lambda row: status_of(row.state, row.means), 14, "statuses"),),
    "age": (Cell(N_("On this stage since"), lambda row: row.stage_entered_at, 16),),
    "agent": (Cell(N_("Agent"), lambda row: row.agent or "", 18),),
    "source": (Cell(N_("Source"), lambda row: row.source, 12, "sources"),),
    "payment": (
        Cell(N_("Payment"), lambda row: row.payment_method, 18, "methods"),
        Cell(N_("Payment status"), lambda row: row.payment_status, 12, "payments"),
    ),
    "carrier": (
        Cell(N_("Carrier"), lambda row: row.carrier),
        Cell(N_("Tracking number"), lambda row: row.tracking, 18),
    ),
    "flags": (Cell(N_("Flags"), lambda row: row.flags, 20, "flags"),),
    "calls": (Cell(N_("Calls"), lambda row: row.call_attempts, 8),),
    "reason": (Cell(N_("Reason"), lambda row: row.reason or "", 20),),
    "note": (Cell(N_("Internal note"), lambda row: row.note, 30),),
}


@dataclass(frozen=True, slots=True)
class Export:
    """A file to be: it is written after the request, in a session of its own."""

    merchant_id: UUID
    only: UUID | None
    """The member whose orders are all that may be in it; None: everybody's."""
    wanted: Select[Any]
    cells: Sequence[Cell]
    zone: ZoneInfo
    currency: str
    language: str
    say: Callable[[str], str]
    codes: Codes

    def csv(self) -> Generator[bytes]:
        """The file in pieces; a mark in front tells Excel the letters. French has `;` and `0,5`."""
        french = self.language == "fr"
        written = _WITH_COMMA if french else _WRITTEN
        page = io.StringIO()
        writer = csv.writer(page, delimiter=";" if french else ",")
        page.write("\ufeff")
        writer.writerow([self.say(cell.name) for cell in self.cells])
        with closing(self._rows()) as rows:
            for number, row in enumerate(rows, 1):
                writer.writerow([written[type(value)](value) for value in self._values(row)])
                if number % AT_ONCE == 0:
                    yield _taken(page)
        yield _taken(page)

    def xlsx(self, file: IO[bytes]) -> None:
        """The whole file; its rows wait on disk until it is put together."""
        book = Workbook(file, {"constant_memory": True})
        formats = _Formats(book, self.currency)
        sheet: Worksheet | None = None
        for number, row in enumerate(self._rows()):
            place = number % ROWS_OF_A_SHEET
            if sheet is None or place == 0:
                sheet = self._sheet(book, formats)
            for column, value in enumerate(self._values(row)):
                formats.write(sheet, place + 1, column, value)
        if sheet is None:
            self._sheet(book, formats)
        book.close()

    def _sheet(self, book: Workbook, formats: _Formats) -> Worksheet:
        sheet = book.add_worksheet()
        if self.language == "ar":
            sheet.right_to_left()
        sheet.freeze_panes(1, 1)
        for column, cell in enumerate(self.cells):
            sheet.set_column(column, column, cell.width)
            sheet.write_string(0, column, self.say(cell.name), formats.head)
        return sheet

    def _rows(self) -> Generator[Row[Any]]:
        # The request's own transaction has ended when the first piece is asked for, and whoever
        # asked may go away at any: cursor and session close with this generator.
        with db.MerchantSession(self.merchant_id, self.only) as session:
            found = session.execute(self.wanted, execution_options={"yield_per": AT_ONCE})
            with closing(found):
                yield from found

    def _values(self, row: Row[Any]) -> Iterable[Value]:
        for cell in self.cells:
            value = cell.read(row)
            if cell.code:
                words = self.codes[cell.code]
                codes = value if isinstance(value, list) else [value]
                yield ", ".join(words.get(code, code) for code in codes)
            elif isinstance(value, datetime):
                yield value.astimezone(self.zone).replace(tzinfo=None)
            else:
                yield value


def prepare(
    filters: Filters,
    chosen: Sequence[str],
    *,
    language: str,
    say: Callable[[str], str],
    codes: Codes,
    kind: str = "csv",
) -> Export:
    """The orders that match, with the chosen columns; stage and status are always among them.

    Noted in the audit: by whom, which filters and columns, as a file of this `kind`.

    `say` translates a column's name, without a request to ask.
    """
    session = db.session()
    merchant = session.get_one(Merchant, session.merchant_id)
    names = columns.known([*chosen, "stage", "status"])
    told = {"format": kind, "filters": sorted(filters.query()), "columns": names}
    audit.note("exports.orders", after=told)
    return Export(
        merchant_id=merchant.id,
        only=session.only,
        wanted=_wanted(filters, names),
        cells=[cell for name in names for cell in CELLS[name]],
        zone=merchant.zone,
        currency=merchant.currency,
        language=language,
        say=say,
        codes=codes,
    )


def _wanted(filters: Filters, names: Sequence[str]) -> Select[Any]:
    own = Order.__table__.c
    agent, stage = aliased(Membership), aliased(Stage)
    of_order = [
        *(own.number, own.created_at, own.stage_entered_at, own.state, own.currency),
        *(own.ship_name, own.ship_phone, own.ship_city, own.ship_line, own.note, own.reason),
        *(own.delivery_fee, own.source, own.payment_method, own.payment_status, own.carrier),
        *(own.tracking, own.flags, own.call_attempts),
        (Order.applied_total + Order.delivery_fee).label("amount_due"),
        (Order.catalog_total - Order.applied_total).label("discount"),
    ]
    wanted = (
        select(*of_order, stage.name.label("stage"), stage.state.label("means"))
        .add_columns(
            agent.name.label("agent"),
            (items_of() if "items" in names else literal("")).label("items"),
        )
        .join(stage, Order.stage)
        .outerjoin(agent, Order.assignee)
        .where(*matching(filters).conditions)
    )
    if filters.sort == "longest":
        return wanted.order_by(Order.stage_entered_at, Order.id)
    if filters.sort == "oldest":
        return wanted.order_by(Order.created_at, Order.id)
    return wanted.order_by(Order.created_at.desc(), Order.id.desc())


# --- what is written ------------------------------------------------------------------------------

# A spreadsheet runs what begins so, also behind spaces and marks nobody sees.
_FORMULA = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠]|[\t\r\n]")
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _text(value: str) -> str:
    return value if value.isprintable() else _UNSEEN.sub("\ufffd", value)


def _safe(value: str) -> str:
    return f"'{_text(value)}" if _FORMULA.match(value) else _text(value)


# Numbers stay numbers, text can never be a formula.
_WRITTEN: dict[type, Callable[[Any], str]] = {
    str: _safe,
    int: str,
    Decimal: str,
    datetime: lambda at: at.isoformat(" ", "minutes"),
}
_WITH_COMMA = _WRITTEN | {Decimal: lambda amount: str(amount).replace(".", ",")}


def _taken(page: io.StringIO) -> bytes:
    """What is on the page, which is empty again."""
    text = page.getvalue()
    page.seek(0)
    page.truncate()
    return text.encode()


class _Formats:
    """How values look in a workbook; text is written as text, so that no cell is a formula."""

    def __init__(self, book: Workbook, currency: str) -> None:
        decimals = exponent(currency)
        self.head = book.add_format({"bold": True})
        self.money = book.add_format({"num_format": f"#,##0.{'0' * decimals}".rstrip(".")})
        self.time = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})

    def write(self, sheet: Worksheet, row: int, column: int, value: Value) -> None:
        if isinstance(value, datetime):
            sheet.write_datetime(row, column, value, self.time)
        elif isinstance(value, Decimal):
            sheet.write_number(row, column, float(value), self.money)
        elif isinstance(value, int):
            sheet.write_number(row, column, value)
        elif value:
            sheet.write_string(row, column, _text(value)[:LONGEST_CELL])

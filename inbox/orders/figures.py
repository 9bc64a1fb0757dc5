"""Amounts in the order dialogs: as this reader types them, as money.js reads and writes them."""

from __future__ import annotations

from babel import numbers

from flows.orders import NewLine
from inbox import languages
from inbox.current import current
from inbox.forms import Fields
from models.types import Money, exponent


def figures(currency: str) -> dict[str, str | int]:
    """How money.js reads and writes amounts for this reader."""
    locale = languages.locale(current.language, current.country)
    return {
        "currency": currency,
        "decimals": exponent(currency),
        "point": numbers.get_decimal_symbol(locale),
        "group": numbers.get_group_symbol(locale),
    }


def plain(amount: Money) -> str:
    """An amount as people type it: 35,00"""
    locale = languages.locale(current.language, current.country)
    digits = "0" * exponent(amount.currency)
    pattern = f"0.{digits}" if digits else "0"
    return numbers.format_decimal(amount.decimal, format=pattern, locale=locale)


def read_line(row: Fields, currency: str) -> NewLine:
    """A line that somebody added: a product of the catalogue, or a free one."""
    return NewLine(
        product_id=row.uuid("product_id"),
        variant_id=row.uuid("variant_id"),
        name=row.text("name"),
        unit_price=row.money("unit_price", currency),
        quantity=row.whole("quantity"),
    )

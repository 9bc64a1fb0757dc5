"""Whose order it may be: cards found by their name or any spelling of a number, while typing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import phonenumbers
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import selectinload

from flows.customers import SUFFIX
from models import db, search
from models.customer import Customer, Phone
from models.order import Order
from models.types import clean

FOUND = 8
LONGEST = 60
"""Characters of what is typed that are looked at."""
_NUMBER = re.compile(r"[\d\s.()+/\-]{3,}")


@dataclass(frozen=True, slots=True)
class Known:
    card: Customer
    orders: int

    @property
    def numbers(self) -> list[str]:
        return [phone.e164 or phone.raw for phone in self.card.phones]


def people(text: str, region: str) -> list[Known]:
    """A few cards that have this name, or a number that begins or ends so to people of `region`."""
    text = unicodedata.normalize("NFKC", clean(text))[:LONGEST].strip()
    which = _numbered(text, region) if _NUMBER.fullmatch(text) else _named(text)
    if which is None:
        return []
    newest = select(Customer).where(which).order_by(Customer.id.desc()).limit(FOUND)
    cards = db.session().scalars(newest.options(selectinload(Customer.phones))).all()
    counts = _counts(card.id for card in cards)
    return [Known(card, counts.get(card.id, 0)) for card in cards]


def _named(text: str) -> ColumnElement[bool] | None:
    words = search.words(text)
    return search.begins_like(Customer.search_text, words) if words else None


def _numbered(text: str, region: str) -> ColumnElement[bool] | None:
    digits = "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())
    if len(digits) < SUFFIX - 1:
        return None
    code = str(phonenumbers.country_code_for_region(region))
    whole = digits.removeprefix("00")
    after = whole.removeprefix(code) if whole.startswith(code) else whole
    beginnings = {whole, code + after.lstrip("0")}  # also +212 0661…, as people write it
    ways = [Phone.e164.like(f"+{digits}%") for digits in sorted(beginnings)]
    if len(digits) >= SUFFIX:
        ways.append(Phone.reversed_digits.like(f"{digits[::-1]}%"))
    return Customer.id.in_(select(Phone.customer_id).where(or_(*ways)))


def _counts(ids: Iterable[UUID]) -> dict[UUID, int]:
    counted = (
        select(Order.customer_id, func.count())
        .where(Order.customer_id.in_(list(ids)))
        .group_by(Order.customer_id)
    )
    return dict(db.session().execute(counted).all())

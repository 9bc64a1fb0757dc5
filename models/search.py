"""Finding rows by how people begin to type: words folded, prefixes matched.

Not PostgreSQL's full text search: under row-level security its index may not be used (the
operator is not leakproof), while reading the few thousand rows of one merchant costs
milliseconds (docs/decisions/0002).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, literal
from sqlalchemy.orm import InstrumentedAttribute

from models.types import fold

WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words of a text as search columns hold them: no case, no accents, one Arabic spelling."""
    return WORD.findall(fold(text))


def begins_like(column: InstrumentedAttribute[str], wanted: Iterable[str]) -> ColumnElement[bool]:
    """Every wanted word begins some word of the column."""
    padded = literal(" ") + column
    return and_(True, *(padded.contains(f" {word}") for word in wanted))

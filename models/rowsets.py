"""Many rows as one parameter, which PostgreSQL takes apart: one statement, compiled once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Text,
    any_,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSON, Insert, insert
from sqlalchemy.types import TypeEngine

from models.db import Base, Row
from models.types import Json


def rowset(name: str, types: Mapping[str, Any], rows: Iterable[Json]) -> FromClause:
    """These rows to select or update from, with these columns; what a row lacks is NULL.

    Values are what JSON has, and times and ids besides.
    """
    packed = json.dumps(list(rows), default=str, ensure_ascii=False)
    columns = [column(each, type_) for each, type_ in types.items()]
    taken_apart = func.json_to_recordset(cast(literal(packed, Text), JSON))
    return taken_apart.table_valued(*columns).render_derived(name=name, with_types=True)


def types_of(table: type[Base], names: Iterable[str]) -> dict[str, TypeEngine[Any]]:
    """Columns of a table for a rowset."""
    return {name: table.__table__.c[name].type for name in names}


def insertion(table: type[Row], names: Iterable[str], rows: Iterable[Json]) -> Insert:
    """INSERT of these columns of the rows, in their order; the others take their defaults."""
    names = list(names)
    fresh = rowset("fresh", types_of(table, names), rows)
    return insert(table).from_select(names, select(*(fresh.c[name] for name in names)))


def among(col: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """Whether the column is one of these, however many: one parameter."""
    return col == any_(literal(list(values), ARRAY(col.type)))  # type: ignore[no-any-return]

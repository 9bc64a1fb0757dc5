"""Trying the understanding from the terminal: texts in, JSON lines out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from flows.errors import Refused
from flows.understanding import Catalogue, understand
from flows.understanding.files import catalogue_of_file
from models import db
from models.merchant import Merchant


@dataclass(frozen=True, slots=True)
class Goods:
    catalogue: Catalogue
    country: str


def goods_of(whose: str | None, file: Path | None, *, country: str = "") -> Goods:
    """The catalogue of a merchant (id or name) or of a file; an empty one when neither is named.

    Refused when no merchant, or more than one, is called so.
    """
    if file:
        return Goods(catalogue_of_file(file), country or "MA")
    return _of_merchant(whose, country) if whose else Goods(Catalogue.of([]), country or "MA")


def understood(
    goods: Goods, text: str | None, lines: Iterable[str] | None, *, context: str | None
) -> Iterator[str]:
    """One JSON line a text; a line of a file may say its own context."""
    asked: Iterable[dict[str, Any]] = (
        [{"text": text, "context": context}]
        if text is not None
        else (json.loads(line) for line in lines or () if line.strip())
    )
    for one in asked:
        found = understand(
            str(one["text"]),
            goods.catalogue,
            country=goods.country,
            context=one.get("context") or context,
        )
        yield json.dumps(found.to_json(), ensure_ascii=False)


def _of_merchant(whose: str, country: str) -> Goods:
    from flows.understanding.catalogues import catalogue_of_merchant

    with db.house() as session:
        named = (
            Merchant.id == UUID(whose)
            if _is_id(whose)
            else func.lower(Merchant.name) == whose.lower()
        )
        found = session.execute(select(Merchant.id, Merchant.country).where(named)).all()
    if len(found) != 1:
        raise Refused("which_merchant", "no single merchant is called {name}", name=whose)
    with db.merchant(found[0].id):
        return Goods(catalogue_of_merchant(), country or found[0].country)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True

"""The key that seals secrets at rest is changed: everything is sealed anew by the present one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Mapper

from flows import audit
from models import db
from models.db import Base

BATCH = 200


def rotate() -> int:
    """Every sealed secret of the install is sealed by the present key; how many there were.

    May be stopped and run again, beside everything else: a batch is one transaction, its rows
    locked. cryptography's InvalidTag when one was sealed by a key that is no longer known.
    """
    concerned: set[UUID] = set()
    done = sum(_rotate(mapper, names, concerned) for mapper, names in _sealed())
    with db.house() as house:
        for merchant_id in sorted(concerned):
            audit.note_at(house, merchant_id, "security.resealed")
    return done


def _sealed() -> Iterator[tuple[Mapper[Any], list[str]]]:
    for mapper in Base.registry.mappers:
        names = [
            column.key.removeprefix("sealed_")
            for column in mapper.columns
            if column.key.startswith("sealed_")
        ]
        if names:
            yield mapper, names


def _rotate(mapper: Mapper[Any], names: list[str], concerned: set[UUID]) -> int:
    done, last = 0, None
    key = tuple_(*mapper.primary_key)
    while True:
        page = select(mapper.class_).order_by(*mapper.primary_key).limit(BATCH).with_for_update()
        with db.house() as house:
            rows = house.scalars(page if last is None else page.where(key > last)).all()
            for row in rows:
                sealed = sum(_seal_anew(row, name) for name in names)
                done += sealed
                if sealed and isinstance(row, db.Row):
                    concerned.add(row.merchant_id)
            if not rows:
                return done
            last = mapper.primary_key_from_instance(rows[-1])


def _seal_anew(row: Any, name: str) -> bool:
    if getattr(row, f"sealed_{name}") is None:
        return False
    setattr(row, name, getattr(row, name))
    return True

"""Filters: what the table is asked for, as it stands in the address of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from models.order import FLAGS
from models.pipeline import Status, SystemState

NOBODY = "nobody"
"""The agent of orders that nobody looks after."""
SORTS = ("newest", "oldest", "longest")
"""By number, or by how long an order has stood on its stage."""
# How many days ago each begins and ends.
PERIODS: dict[str, tuple[int, int]] = {
    "today": (0, 0),
    "yesterday": (1, 1),
    "week": (6, 0),
    "month": (29, 0),
}
LONGEST = 100
MOST_VALUES = 50


def _member(kind: type[Enum]) -> Callable[[str], Any]:
    return lambda text: kind(text).value


def _word(text: str) -> str:
    if not text.strip() or len(text) > LONGEST:
        raise ValueError(text)
    return text.strip()


def _agent(text: str) -> str:
    return NOBODY if text == NOBODY else str(UUID(text))


def _one_of(known: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError(text)
        return text

    return read


# The name in the address → how a value is read; ValueError for one that asks for nothing.
_MANY: dict[str, Callable[[str], Any]] = {
    "stage": UUID,
    "status": _member(Status),
    "state": _member(SystemState),
    "city": _word,
    "carrier": _word,
    "agent": _agent,
    "team": UUID,
    "payment": _word,
    "paid": _word,
    "source": _word,
    "flag": _one_of(("any", *FLAGS)),
}
_ONE: dict[str, Callable[[str], Any]] = {
    "pipeline": UUID,
    "period": _one_of(tuple(PERIODS)),
    "since": date.fromisoformat,
    "until": date.fromisoformat,
    "q": _word,
    "sort": _one_of(SORTS),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Values of one kind are alternatives; kinds combine. Days are the merchant's."""

    stage: tuple[UUID, ...] = ()
    status: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    city: tuple[str, ...] = ()
    carrier: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    """Identifiers of members, or NOBODY."""
    team: tuple[UUID, ...] = ()
    """Of whose people, and whose cities, the orders are."""
    payment: tuple[str, ...] = ()
    paid: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    flag: tuple[str, ...] = ()
    """Flags of orders, or "any"."""
    pipeline: UUID | None = None
    period: str | None = None
    """Days counted back from today: a view that is kept stays of today."""
    since: date | None = None
    until: date | None = None
    q: str | None = None
    sort: str | None = None

    @classmethod
    def read(cls, query: Mapping[str, Sequence[str]]) -> Filters:
        """What stands in a query string or a kept view; what means nothing is left out."""
        said: dict[str, Any] = {}
        for name, reader in _MANY.items():
            said[name] = tuple(dict.fromkeys(_each(reader, query.get(name, ()))))
        for name, reader in _ONE.items():
            said[name] = next(iter(_each(reader, query.get(name, ()))), None)
        return cls(**said)

    def query(self) -> dict[str, list[str]]:
        """The same as parameters of an address; what asks for nothing is left out."""
        said: dict[str, list[str]] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value and (each.name, value) != ("sort", "newest"):
                values = value if isinstance(value, tuple) else (value,)
                said[each.name] = [str(one) for one in values]
        return said

    def without(self, name: str, value: object = None) -> Filters:
        """All but one filter, or all but one of its values."""
        rest: Any = None
        if name in _MANY:
            rest = tuple(v for v in getattr(self, name) if value is not None and v != value)
        return replace(self, **{name: rest})

    def days(self, today: date) -> tuple[date | None, date | None]:
        """The first and the last day of creation that are asked for."""
        if self.period is None:
            return self.since, self.until
        first, last = PERIODS[self.period]
        return today - timedelta(days=first), today - timedelta(days=last)

    def only(self, *names: str) -> bool:
        """Whether nothing else is asked for, however it is sorted."""
        return not self.query().keys() - {*names, "sort"}


def _each(reader: Callable[[str], Any], texts: Sequence[str]) -> list[Any]:
    read = []
    for text in texts[:MOST_VALUES]:
        try:
            read.append(reader(text))
        except ValueError:
            continue
    return read

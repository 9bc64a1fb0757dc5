"""The month and the number that a page of charges is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from flask import request

from flows import channels
from flows.errors import NotFound
from inbox.current import current
from models.channel import Channel
from models.types import utcnow


@dataclass(frozen=True, slots=True)
class Asked:
    """NotFound for a month that is none, and for a number of somebody else."""

    first_day: date
    number: Channel | None
    newest: date

    @classmethod
    def read(cls) -> Asked:
        newest = utcnow().astimezone(current.zone).date().replace(day=1)
        return cls(
            _month(request.args.get("month"), newest), _number(request.args.get("number")), newest
        )

    @property
    def number_id(self) -> UUID | None:
        return self.number.id if self.number else None

    @property
    def month(self) -> str:
        return f"{self.first_day:%Y-%m}"


def _month(text: str | None, newest: date) -> date:
    if not text:
        return newest
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise NotFound from None


def _number(text: str | None) -> Channel | None:
    if not text:
        return None
    try:
        found = channels.find(UUID(text))
    except ValueError:
        found = None
    if found is None:
        raise NotFound
    return found

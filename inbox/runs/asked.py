"""What the list of sent messages is asked for, in the address of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from inbox.conversations.asked import read_id
from inbox.days import between, read_day
from models.automation import RunState


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters: they survive a reload and can be sent to a colleague."""

    zone: ZoneInfo
    """Whose days these are: the merchant's."""
    state: RunState | None = None
    automation: UUID | None = None
    number: int | None = None
    first: date | None = None
    last: date | None = None

    @classmethod
    def read(cls, query: Mapping[str, str], zone: ZoneInfo) -> Asked:
        """What stands in the query string; what cannot be read narrows nothing."""
        state = query.get("state", "")
        return cls(
            zone=zone,
            state=RunState(state) if state in set(RunState) else None,
            automation=read_id(query.get("automation")),
            number=_number(query.get("number", "")),
            first=read_day(query.get("from", "")),
            last=read_day(query.get("to", "")),
        )

    @property
    def narrowing(self) -> dict[str, Any]:
        """As flows.runs.listed takes it."""
        return {
            "state": self.state,
            "automation_id": self.automation,
            "number": self.number,
        } | between(self.first, self.last, self.zone)

    def query(self, **changes: str | None) -> dict[str, str]:
        """The same as parameters of a URL; what is as usual is left out."""
        all_ = {
            "state": self.state and self.state.value,
            "automation": str(self.automation) if self.automation else None,
            "number": str(self.number) if self.number else None,
            "from": self.first.isoformat() if self.first else None,
            "to": self.last.isoformat() if self.last else None,
        } | changes
        return {name: value for name, value in all_.items() if value}


def _number(text: str) -> int | None:
    digits = text.strip().lstrip("#")
    return int(digits) if digits.isdecimal() and len(digits) < 10 else None

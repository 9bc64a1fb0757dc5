"""What the audit is asked for, in the address of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from inbox.audit.words import ROOMS
from inbox.conversations.asked import read_id


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters: they survive a reload and can be sent to a colleague."""

    zone: ZoneInfo
    """Whose days these are: the merchant's."""
    person: UUID | None = None
    room: str = ""
    first: date | None = None
    last: date | None = None

    @classmethod
    def read(cls, query: Mapping[str, str], zone: ZoneInfo) -> Asked:
        """What stands in the query string; what cannot be read narrows nothing."""
        room = query.get("room", "")
        return cls(
            zone=zone,
            person=read_id(query.get("person")),
            room=room if room in ROOMS else "",
            first=_day(query.get("from", "")),
            last=_day(query.get("to", "")),
        )

    @property
    def narrowing(self) -> dict[str, Any]:
        """As flows.audit.wanted takes it."""
        return {
            "person": self.person,
            "room": self.room,
            "since": self._start(self.first),
            "to": self._start(self.last + timedelta(days=1)) if self.last else None,
        }

    def query(self) -> dict[str, str]:
        """The same as parameters of a URL; what is as usual is left out."""
        all_ = {
            "person": str(self.person) if self.person else "",
            "room": self.room,
            "from": self.first.isoformat() if self.first else "",
            "to": self.last.isoformat() if self.last else "",
        }
        return {name: value for name, value in all_.items() if value}

    def _start(self, day: date | None) -> datetime | None:
        if day is None:
            return None
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    # The first and the last year cannot be told in every time zone.
    return found if 1 < found.year < 9999 else None

"""What the audit is asked for, in the address of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from inbox.audit.words import ROOMS
from inbox.conversations.asked import read_id
from inbox.days import between, read_day


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
            first=read_day(query.get("from", "")),
            last=read_day(query.get("to", "")),
        )

    @property
    def narrowing(self) -> dict[str, Any]:
        """As flows.audit.wanted takes it."""
        return {
            "person": self.person,
            "room": self.room,
        } | between(self.first, self.last, self.zone)

    def query(self) -> dict[str, str]:
        """The same as parameters of a URL; what is as usual is left out."""
        all_ = {
            "person": str(self.person) if self.person else "",
            "room": self.room,
            "from": self.first.isoformat() if self.first else "",
            "to": self.last.isoformat() if self.last else "",
        }
        return {name: value for name, value in all_.items() if value}

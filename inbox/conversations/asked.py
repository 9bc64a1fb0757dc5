"""What the list is asked for, in the address of the page; places in lists as short words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from flows.threads import FILTERS, Place, Point

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGINNING: Point = (EPOCH, 0)
"""Before the first message of any thread."""
LONGEST_SEARCH = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter of the list: it survives a reload and can be sent to a colleague."""

    show: str = "all"
    search: str = ""
    channel_id: UUID | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Asked:
        """What stands in the query string; a word we do not know asks for everything."""
        show = query.get("show", "all")
        return cls(
            show if show in FILTERS else "all",
            query.get("q", "").strip()[:LONGEST_SEARCH],
            read_id(query.get("number")),
        )

    def query(self, **changes: str | None) -> dict[str, str]:
        """The same as parameters of a URL; what is as usual is left out."""
        number = str(self.channel_id) if self.channel_id else None
        all_ = {"show": self.show, "q": self.search, "number": number} | changes
        return {name: value for name, value in all_.items() if value and value != "all"}


def read_id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def write_place(place: Place) -> str:
    return f"{_micros(place[0])}.{place[1].hex}"


def read_place(text: str | None) -> Place | None:
    """The place in the list; None when it is none."""
    at, _, key = (text or "").partition(".")
    id_ = read_id(key)
    return (_instant(at), id_) if at.isdecimal() and len(at) <= 17 and id_ else None


def write_point(point: Point) -> str:
    return f"{_micros(point[0])}.{point[1]}"


def read_point(text: str | None) -> Point | None:
    """The point in a thread; None when it is none."""
    at, _, seq = (text or "").partition(".")
    if not (at.isdecimal() and len(at) <= 17 and seq.isdecimal() and len(seq) <= 18):
        return None
    return _instant(at), int(seq)


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _instant(micros: str) -> datetime:
    return EPOCH + timedelta(microseconds=int(micros))

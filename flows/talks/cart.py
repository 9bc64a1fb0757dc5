"""An order that is being put together: what is known, where it was read, what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from models.types import Json

MOST_PIECES = 999


@dataclass(slots=True)
class Source:
    """Where something was read: which message, from which letter to which, what it said."""

    message: str
    start: int
    end: int
    text: str


@dataclass(slots=True)
class Line:
    """A version of a product and how many of it."""

    variant: str
    quantity: int
    price: int | None = None
    """What a cart of WhatsApp showed, in minor units; None: nobody was shown anything."""
    source: Source | None = None


@dataclass(slots=True)
class Open:
    """A product of which it is not clear yet which version."""

    product: str
    quantity: int
    options: dict[str, str] = field(default_factory=dict)
    asks_quantity: bool = False
    more: bool = False
    """On top of what the cart holds of the version that is chosen."""
    source: Source | None = None


@dataclass(slots=True)
class Cart:
    lines: list[Line] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    name: str = ""
    phone: str = ""
    city: str = ""
    address: str = ""
    note: str = ""
    known: str = ""
    """"asked" while the customer's last address is in question, "no" when it is not wanted, "form"
    once the form was sent."""
    sources: dict[str, Source] = field(default_factory=dict)
    """Of name, phone, city, address."""

    @classmethod
    def of(cls, facts: Json) -> Cart:
        """As `to_json` wrote it; an empty one of anything else."""
        # A copy: what is changed in place would look unchanged where it was kept.
        kept = deepcopy(facts.get("cart") or {})
        return cls(
            lines=[Line(**line | {"source": _source(line)}) for line in kept.get("lines", ())],
            open=[Open(**one | {"source": _source(one)}) for one in kept.get("open", ())],
            sources={name: Source(**one) for name, one in kept.get("sources", {}).items()},
            **{name: kept.get(name, "") for name in PLAIN},
        )

    def to_json(self) -> Json:
        return asdict(self)

    @property
    def empty(self) -> bool:
        return not self.lines and not self.open

    def put(
        self, variant: UUID, quantity: int, source: Source | None = None, *, more: bool = False
    ) -> Line:
        """So many of this version; said again it is that many, unless `more` are wanted."""
        line = next((one for one in self.lines if one.variant == str(variant)), None)
        if line is None:
            line = Line(str(variant), 0)
            self.lines.append(line)
        wanted = quantity + (line.quantity if more else 0)
        line.quantity, line.source = max(1, min(wanted, MOST_PIECES)), source or line.source
        return line

    def drop(self, variants: set[str]) -> bool:
        """Lines of these versions are gone; whether there were any."""
        kept = [line for line in self.lines if line.variant not in variants]
        gone = len(kept) < len(self.lines)
        self.lines = kept
        return gone

    def tell(self, name: str, text: str, source: Source | None = None) -> None:
        """`name` is one of name, phone, city, address."""
        setattr(self, name, text)
        if source is not None:
            self.sources[name] = source
        else:
            self.sources.pop(name, None)

    def every_source(self) -> Iterator[tuple[str, Source]]:
        for index, line in enumerate(self.lines):
            if line.source is not None:
                yield f"lines[{index}]", line.source
        yield from self.sources.items()


PLAIN = ("name", "phone", "city", "address", "note", "known")


def _source(kept: dict[str, Any]) -> Source | None:
    return Source(**kept["source"]) if kept.get("source") else None

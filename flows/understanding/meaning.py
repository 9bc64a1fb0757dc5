"""What a message was understood as: an intent, the things it names, order lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SURE = 0.6
"""Below this confidence nothing is acted on: the intent is "other"."""


@dataclass(frozen=True, slots=True)
class Item:
    """One variant of a catalogue; variants of one product share the name."""

    sku: str
    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    price: int | None = None


@dataclass(frozen=True, slots=True)
class Taught:
    """What a merchant taught: this phrase, as a whole message or its core, means this intent."""

    phrase: str
    intent: str


@dataclass(frozen=True, slots=True)
class Entity:
    """Something named in the text, which reads `text` from `start` to `end`."""

    kind: str
    """product, variant, quantity, city, phone, address, time or order_number."""
    value: str
    text: str
    start: int
    end: int

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("kind", "value", "text", "start", "end")}


@dataclass(frozen=True, slots=True)
class Line:
    quantity: int
    sku: str
    name: str


@dataclass(frozen=True, slots=True)
class Understood:
    language: str
    """fr, ar (Arabic script), darija (Latin letters) or en."""
    intent: str
    confidence: float
    rule: str
    """Which evidence decided, for a machine to group by and a person to read."""
    entities: tuple[Entity, ...] = ()
    lines: tuple[Line, ...] = ()
    city: str | None = None
    products: tuple[str, ...] = ()
    """Names of products that were spoken of, also where the variant is unclear."""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Product name → the options that are still to be asked."""
    quantity: int | None = None
    """Of a message that says a quantity and no product."""
    quantities: Mapping[str, int] = field(default_factory=dict)
    """Product name → how many, of products whose variant is unclear."""
    removed: tuple[str, ...] = ()
    """Names of products that are not wanted: "sans la ceinture"."""
    negated: bool = False

    def to_json(self) -> dict[str, Any]:
        """The shape that `wasl understand` prints."""
        return {
            "language": self.language,
            "intent": self.intent,
            "confidence": self.confidence,
            "entities": [
                {"kind": e.kind, "value": e.value, "text": e.text, "start": e.start, "end": e.end}
                for e in self.entities
            ],
            "lines": [
                {"quantity": line.quantity, "sku": line.sku, "name": line.name}
                for line in self.lines
            ],
            "city": self.city,
        }

"""A value that a message says of what tells variants apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """A value that was read: kind is colour, size, number, measure or word."""

    kind: str
    value: str
    first: int
    end: int
    amount: float = 0
    """Of a measure: how many of its base unit, as in 0.5 of "نص كيلو" = 500 g."""
    bare: int = 0
    """Of a measure in whole kilos or litres: how many, which can also be a quantity."""

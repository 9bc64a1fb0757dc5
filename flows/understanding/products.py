"""Products, and the words of a message that speak of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from flows.understanding.meaning import Item
from flows.understanding.options import Value

EXACT, NARROWER, WIDER, SOUNDS, TYPO = 1.0, 0.9, 0.75, 0.8, 0.8
"""How sure a word means a notion of a name, by how it was found."""
WEAK = 0.35
"""Of a word that tells goods apart but does not name them: "homme", "cuir"."""


@dataclass(frozen=True)
class Term:
    """One notion of a product's name, and what it weighs in naming it."""

    weight: float
    plain: bool
    """It can name the product alone."""


@dataclass
class Product:
    name: str
    items: list[Item]
    terms: list[Term] = field(default_factory=list)
    values: list[tuple[Value, ...]] = field(default_factory=list)
    """Per item its option values."""

    @property
    def strong(self) -> set[int]:
        """The terms that can name it alone."""
        return {i for i, term in enumerate(self.terms) if term.plain}

    @property
    def every_value(self) -> list[Value]:
        return [value for values in self.values for value in values]

    def axes(self) -> dict[str, list[Value]]:
        """The options that tell its variants apart, with their values."""
        return {axis: of for axis, of in self.all_axes().items() if len(of) > 1}

    def all_axes(self) -> dict[str, list[Value]]:
        axes: dict[str, dict[str, Value]] = defaultdict(dict)
        for value in self.every_value:
            axes[value.axis].setdefault(value.text.casefold(), value)
        return {axis: list(of.values()) for axis, of in axes.items()}


@dataclass
class Mention:
    """Words that speak of one product, or of several that they do not tell apart."""

    first: int
    end: int
    used: list[int]
    products: list[int]
    score: float
    doubtful: bool = False
    sku: str | None = None
    """A reference that was typed: the variant is clear."""

    @property
    def product(self) -> int | None:
        return self.products[0] if len(self.products) == 1 and not self.doubtful else None

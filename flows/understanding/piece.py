"""Something that matters to order lines, and what was found before it was looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flows.understanding.goods import Catalogue, Mention
from flows.understanding.option import Option
from flows.understanding.reading import Message

LARGEST = 500
"""Pieces of one line; more is a price or a number of something else."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that matters to order lines, where it stands."""

    kind: str
    """product, option, quantity, and, or, same."""
    first: int
    end: int
    mention: Mention | None = None
    option: Option | None = None
    quantity: int = 0
    article: bool = False
    """A quantity that is only an article: "un", "une", "a"."""
    denied: bool = False
    times: bool = False
    """A quantity after a sign: "x3", "* 2" are of what stands before."""

    @property
    def is_thing(self) -> bool:
        """Something that can be wanted, or not."""
        return self.kind in ("product", "option", "quantity")

    @property
    def sort(self) -> str:
        """Its kind, or the kind of its option."""
        return self.option.kind if self.option else self.kind


@dataclass
class Found:
    """What a message was found to name before its numbers are read."""

    message: Message
    mentions: Sequence[Mention]
    options: Sequence[Option]
    catalogue: Catalogue
    free: Sequence[bool]
    taken: set[int] = field(init=False)
    """The words of products and options."""

    def __post_init__(self) -> None:
        self.taken = {i for mention in self.mentions for i in mention.used}
        self.taken |= {i for o in self.options for i in range(o.first, o.end)}

    def nearest(self, i: int) -> Mention | None:
        """The product that a word at this place is said about: the last before it, or the next."""
        before = [m for m in self.mentions if m.first <= i]
        after = [m for m in self.mentions if m.first > i]
        return before[-1] if before else after[0] if after else None

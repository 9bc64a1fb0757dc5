"""A catalogue made ready to be spoken of: which products the words of a message mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from flows.understanding.index import Index
from flows.understanding.meaning import Item
from flows.understanding.mentions import Mentions
from flows.understanding.options import value_of
from flows.understanding.products import Mention, Product
from flows.understanding.reading import Message

__all__ = ["Catalogue", "Mention", "Product"]

SHORTEST_SKU = 3


class Catalogue:
    """The goods of a merchant; built once, asked for every message."""

    def __init__(self, products: list[Product], extra: Mapping[str, Sequence[str]]) -> None:
        self.products = products
        self._index = Index()
        for i, product in enumerate(products):
            self._index.add(i, product, product.name, main=True)
            for name in extra.get(product.name, ()):
                self._index.add(i, product, name, main=False)
        self._index.close()

    @classmethod
    def of(
        cls, items: Iterable[Item], extra: Mapping[str, Sequence[str]] | None = None
    ) -> Catalogue:
        """A catalogue of these variants; `extra` has other names of products, by their name."""
        products: dict[str, Product] = {}
        for item in items:
            product = products.setdefault(item.name.strip().casefold(), Product(item.name, []))
            product.items.append(item)
            product.values.append(
                tuple(value_of(axis, str(text)) for axis, text in item.options.items())
            )
        return cls(list(products.values()), extra or {})

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers of its option values: 10000 of "10000 mAh"."""
        numbered = ("number", "measure", "age")
        return frozenset(value.split(" ")[0] for kind, value in self._options if kind in numbered)

    @cached_property
    def has_ages(self) -> bool:
        return any(kind == "age" for kind, _ in self._options)

    def knows(self, key: str) -> bool:
        """Whether a word is one of its names' or values'."""
        return self._index.knows(key) or key in self._value_words

    def item_of_sku(self, text: str) -> tuple[int, Item] | None:
        """(product, variant) of a reference as somebody types it."""
        bare = _sku(text)
        return self._by_sku.get(bare) if len(bare) >= SHORTEST_SKU else None

    def mentions(self, message: Message, free: Sequence[bool]) -> list[Mention]:
        """The products that a message speaks of, left to right, on words that are still free."""
        matches = [
            self._index.matches(message, i) if free[i] else {} for i in range(len(message.words))
        ]
        return Mentions(message, self.products, self._index.concepts_of, matches).every()

    @cached_property
    def _by_sku(self) -> dict[str, tuple[int, Item]]:
        return {
            _sku(item.sku): (i, item)
            for i, product in enumerate(self.products)
            for item in product.items
        }

    @property
    def _options(self) -> list[tuple[str, str]]:
        return [o for product in self.products for v in product.every_value for o in v.options]

    @cached_property
    def _value_words(self) -> frozenset[str]:
        return frozenset(
            word
            for product in self.products
            for value in product.every_value
            for word in value.words
        )


def _sku(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())

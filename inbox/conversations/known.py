"""What our own tables know of what customers send: their carts' products, the contacts' cards.

Asked once for a whole stretch of a thread, never bubble by bubble.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows import catalog, customers
from inbox.conversations import kinds
from models.catalog import Variant
from models.customer import Customer
from models.message import Message


@dataclass(frozen=True, slots=True)
class Known:
    products: Mapping[str, Variant] = field(default_factory=dict)
    cards: Mapping[str, Customer] = field(default_factory=dict)

    @classmethod
    def of(cls, messages: Iterable[Message]) -> Known:
        """Two questions at most, none where nobody sent a cart, a contact or such."""
        references: set[str] = set()
        numbers: set[str] = set()
        for message in messages:
            references |= _references(message)
            if kinds.shape(message) == "contacts":
                numbers |= {card.e164 for card in kinds.cards(message) if card.e164}
        return cls(catalog.by_reference(references), customers.by_number(numbers))

    def product(self, reference: str) -> str:
        """What we call the product, or the reference itself."""
        variant = self.products.get(reference.strip().lower())
        return variant.name if variant else reference

    def card(self, number: Any) -> Customer | None:
        return self.cards.get(number or "")


def _references(message: Message) -> set[str]:
    found = {kinds.product(message)}
    if kinds.shape(message) == "cart":
        found |= {line.reference for line in kinds.cart(message)[0]}
    return found - {""}

"""The things a message names, each with where it stands in the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flows.understanding.cities import Named
from flows.understanding.goods import Catalogue, Mention
from flows.understanding.meaning import Entity
from flows.understanding.option import Option
from flows.understanding.piece import Piece
from flows.understanding.reading import Message

_AXES = {"colour": "couleur", "size": "taille", "number": "taille", "measure": "contenance"}
MANY = 50
"""Products that are looked through for an option where no product was named."""


def entities_of(
    message: Message,
    catalogue: Catalogue,
    found: Sequence[Entity],
    mentions: Sequence[Mention],
    pieces: Sequence[Piece],
    cities: Sequence[Named],
) -> tuple[Entity, ...]:
    """All of them, by where they stand."""
    every = [
        *found,
        *_goods(message, catalogue, mentions, pieces),
        *(_spanned(message, "city", city.name, city.first, city.end) for city in cities),
    ]
    return tuple(sorted(every, key=lambda e: (e.start, e.end)))


def _goods(
    message: Message, catalogue: Catalogue, mentions: Sequence[Mention], pieces: Sequence[Piece]
) -> Iterator[Entity]:
    for mention in mentions:
        if mention.product is not None:
            name = catalogue.products[mention.product].name
            yield _spanned(message, "product", name, mention.first, mention.used[-1] + 1)
    for piece in pieces:
        if piece.option is not None:
            value = _value(catalogue, mentions, piece.option)
            yield _spanned(message, "variant", value, piece.first, piece.end)
        elif piece.kind == "quantity" and piece.end > piece.first:
            yield _spanned(message, "quantity", str(piece.quantity), piece.first, piece.end)


def _spanned(message: Message, kind: str, value: str, first: int, end: int) -> Entity:
    start, stop = message.words[first].start, message.words[end - 1].end
    return Entity(kind, value, message.text[start:stop], start, stop)


def _value(catalogue: Catalogue, mentions: Sequence[Mention], option: Option) -> str:
    """ "couleur=Noir" where a product in question has it, else "colour=black"."""
    named = [number for mention in mentions for number in mention.products]
    for number in named or range(len(catalogue.products))[:MANY]:
        for axis, values in catalogue.products[number].all_axes().items():
            best = max(((value.fit(option), value.text) for value in values), default=(0.0, ""))
            if best[0] > 0:
                return f"{axis}={best[1]}"
    return f"{_AXES.get(option.kind, option.kind)}={option.value}"

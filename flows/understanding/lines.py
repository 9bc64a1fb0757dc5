"""Order lines: the wishes of which product and variant are clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flows.understanding.goods import Catalogue, Mention, Product
from flows.understanding.meaning import Item, Line
from flows.understanding.option import Option
from flows.understanding.piece import Piece
from flows.understanding.wishes import Wish, wishes


@dataclass(frozen=True, slots=True)
class Ordered:
    """What of an order is clear, and what is missing of the rest."""

    lines: tuple[Line, ...] = ()
    missing: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The products whose variant is not clear, with the options that are missing."""
    quantity: int | None = None
    """A number that was said of no product."""
    amounts: tuple[tuple[str, int], ...] = ()
    """How many of each product whose variant is missing."""


class _Variants(NamedTuple):
    """The variants of a product that a wish can mean, and how many it wants."""

    product: Product
    items: list[Item]
    quantity: int
    lacks: tuple[str, ...] = ()


def ordered(
    found: Sequence[Piece],
    catalogue: Catalogue,
    *,
    all_of_them: bool = False,
    each_of_them: bool = False,
) -> Ordered:
    """The lines that are clear, and what is missing of the others."""

    def takes(mention: Mention | None, option: Option) -> bool:
        numbers = mention.products if mention else []
        return any(_matters(catalogue.products[number], option) for number in numbers)

    wanted = wishes(found, takes, all_of_them=all_of_them, each_of_them=each_of_them)
    if not any(wish.mention for wish in wanted):
        bare = [wish.quantity for wish in wanted if wish.quantity]
        return Ordered(quantity=bare[0] if len(bare) == 1 else None)
    meant = [(wish, variants) for wish in wanted if (variants := _meant(wish, catalogue))]
    open_ones = [of for wish, of in meant if not _is_clear(wish, of)]
    return Ordered(
        lines=_lines([(wish, of) for wish, of in meant if _is_clear(wish, of)]),
        missing=tuple((of.product.name, of.lacks) for of in open_ones),
        amounts=tuple((of.product.name, of.quantity) for of in open_ones),
    )


def _is_clear(wish: Wish, variants: _Variants) -> bool:
    return len(variants.items) == 1 and not wish.uncertain


def _lines(clear: Sequence[tuple[Wish, _Variants]]) -> tuple[Line, ...]:
    """A variant that is named twice adds up where both say how many."""
    counts: dict[str, tuple[Line, bool]] = {}
    for wish, variants in clear:
        item, quantity, said = variants.items[0], variants.quantity, wish.quantity is not None
        if item.sku in counts:
            before, counted = counts[item.sku]
            adds = said and counted
            quantity = before.quantity + quantity if adds else max(before.quantity, quantity)
            said = said or counted
        counts[item.sku] = (Line(quantity, item.sku, item.name), said)
    return tuple(line for line, _ in counts.values())


def _meant(wish: Wish, catalogue: Catalogue) -> _Variants | None:
    """Of the one product that the wish can be of; None where none or several are."""
    if wish.mention is None or wish.mention.doubtful:
        return None
    fitting = [_of_product(wish, catalogue.products[n]) for n in wish.mention.products]
    possible = [one for one in fitting if one.items]
    if len(fitting) == 1:
        return fitting[0]
    return possible[0] if len(possible) == 1 and wish.options else None


def _of_product(wish: Wish, product: Product) -> _Variants:
    sku = wish.mention.sku if wish.mention else None
    variants = _variants(product, wish)
    if sku is None:
        return variants
    items = [item for item in product.items if item.sku == sku]
    return variants._replace(items=items, lacks=())


def _variants(product: Product, wish: Wish) -> _Variants:
    left, quantity, said = list(range(len(product.items))), wish.quantity or 1, bool(wish.quantity)
    for option in wish.options:
        fits = {i: max((v.fit(option) for v in product.values[i]), default=0.0) for i in left}
        best = max(fits.values(), default=0.0)
        if best > 0:
            left = [i for i in left if fits[i] == best]
        elif unit := _one_unit(product, left, option):
            left, quantity = unit, option.bare * (quantity if said else 1)
        elif option.bare and not said and not _is_measured(product):
            quantity = option.bare
        elif _matters(product, option):
            left = []
            break
    items = [product.items[i] for i in left]
    return _Variants(product, items, quantity, _lacking(product, left))


def _lacking(product: Product, left: Sequence[int]) -> tuple[str, ...]:
    """The options that still have to be told."""
    values = [value for i in left for value in product.values[i]]
    told = {
        axis: {value.text.casefold() for value in values if value.axis == axis}
        for axis in product.axes()
    }
    return tuple(axis for axis, texts in told.items() if len(texts) != 1)


def _matters(product: Product, option: Option) -> bool:
    """Whether the product has this kind of option, so that an unknown value is a question."""
    kinds = [
        {kind for value in values for kind, _ in value.options}
        for values in product.all_axes().values()
    ]
    if option.kind == "number":
        return any(axis & {"size", "number"} for axis in kinds)
    # A scent called "rose" does not make a colour of "savon noir" a question.
    return any(
        all(any(kind == option.kind for kind, _ in value.options) for value in values)
        for values in product.all_axes().values()
    )


def _is_measured(product: Product) -> bool:
    return any(
        kind == "measure"
        for values in product.values
        for value in values
        for kind, _ in value.options
    )


def _one_unit(product: Product, left: Sequence[int], option: Option) -> list[int]:
    """The variants of one kilo or litre: "2 kilos" are two of them where no pack of two is sold."""
    if not option.bare:
        return []
    unit = "1000 " + option.value.split(" ")[1]
    return [
        i for i in left if any(("measure", unit) in value.options for value in product.values[i])
    ]

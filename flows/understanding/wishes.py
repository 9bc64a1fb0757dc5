"""The pieces gathered into what is wanted."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from flows.understanding.goods import Mention
from flows.understanding.option import Option
from flows.understanding.piece import Piece

_ONE_KIND = {"number": "size"}
"""Sizes in letters and in numbers are one kind."""


@dataclass
class Wish:
    """One thing that is wanted: a product, how many, which options."""

    mention: Mention | None = None
    quantity: int | None = None
    options: list[Option] = field(default_factory=list)
    uncertain: bool = False
    own: bool = False
    """It names its product itself."""
    article: bool = False
    after_and: bool = False
    closed: bool = False
    """Its quantity came with a sign, and is of nothing that follows."""
    same: bool = False
    """The colour is that of what was named before."""

    def has(self, kind: str) -> bool:
        """Whether an option of this kind was said."""
        wanted = _ONE_KIND.get(kind, kind)
        return any(_ONE_KIND.get(o.kind, o.kind) == wanted for o in self.options)

    def complete(self, options: Sequence[Option]) -> None:
        """These options are its own too, where it has none of their kind."""
        self.options += [option for option in options if not self.has(option.kind)]


Takes = Callable[[Mention | None, Option], bool]
"""Whether the products of a mention come in this kind of option."""


def wishes(
    found: Sequence[Piece], takes: Takes, *, all_of_them: bool, each_of_them: bool
) -> list[Wish]:
    """What is wanted, in the order of the text; options that are said once are given to all."""
    spoken_of = next((piece.mention for piece in found if piece.mention), None)
    gathered = _inherited(_gathered(found), spoken_of)
    named = [wish for wish in gathered if wish.mention]
    if not named:
        return gathered
    shared = _shared(_distributed(named), all_of_them=all_of_them)
    _spread(shared, each_of_them=each_of_them, takes=takes)
    _coloured_alike(shared)
    return shared


def _gathered(found: Sequence[Piece]) -> list[Wish]:
    """The pieces gathered into what is wanted, in the order of the text."""
    gathered: list[Wish] = []
    current: Wish | None = None
    joined = uncertain = False
    wanted = [piece for piece in found if not piece.denied]
    for n, piece in enumerate(wanted):
        if piece.kind == "same":
            if current is not None:
                current.same = True
            continue
        if piece.kind in ("and", "or"):
            joined = True
            uncertain = uncertain or piece.kind == "or"
            continue
        if current is None or _begins(current, piece, wanted[n + 1 :], joined=joined):
            current = Wish(after_and=joined)
            gathered.append(current)
            if uncertain and len(gathered) > 1:
                current.uncertain = gathered[-2].uncertain = True
        elif uncertain and piece.kind == "option":
            current.uncertain = True
        joined = uncertain = False
        _take(current, piece)
    return gathered


def _begins(current: Wish, piece: Piece, rest: Sequence[Piece], *, joined: bool) -> bool:
    """Whether a piece is of another wish than those before it."""
    if piece.kind == "product":
        return _begins_with_product(current, piece, joined=joined)
    another = joined and _leads_to_another(current, rest)
    if piece.option is not None:
        return current.closed or current.has(piece.option.kind) or another
    if piece.times:
        return current.mention is None or (current.quantity is not None and not current.article)
    return another or _begins_with_quantity(current, piece, rest)


def _begins_with_product(current: Wish, piece: Piece, *, joined: bool) -> bool:
    if current.mention is None:
        return current.closed
    again = joined and current.quantity is not None and not piece.denied
    return again or not _same(current.mention, piece.mention)


def _begins_with_quantity(current: Wish, piece: Piece, rest: Sequence[Piece]) -> bool:
    follows = next((p for p in rest if p.kind not in ("and", "or")), None)
    leads = (
        follows is not None
        and follows.kind == "product"
        and follows.first - piece.end <= 1
        and not _joined_before(rest, follows)
    )
    option = follows.option if follows else None
    if current.quantity is not None:
        return not piece.article or leads or option is not None
    again = option is not None and current.has(option.kind)
    return current.mention is not None and (leads or again or piece.article)


def _leads_to_another(current: Wish, rest: Sequence[Piece]) -> bool:
    """ "… and a *red* glove": the option is of the product that follows it."""
    for piece in rest:
        if piece.kind in ("and", "or"):
            return False
        if piece.kind == "product":
            return current.mention is not None and not _same(current.mention, piece.mention)
    return False


def _joined_before(rest: Sequence[Piece], follows: Piece) -> bool:
    return any(
        p.kind in ("and", "or") and p.first <= follows.first for p in rest[: rest.index(follows)]
    )


def _same(one: Mention | None, other: Mention | None) -> bool:
    return (
        one is not None
        and other is not None
        and (one.products, one.sku) == (other.products, other.sku)
    )


def _take(wish: Wish, piece: Piece) -> None:
    if piece.kind == "product":
        if wish.mention is None:
            wish.mention, wish.own = piece.mention, True
    elif piece.option is not None:
        wish.options.append(piece.option)
    elif wish.quantity is None:
        wish.quantity, wish.article = piece.quantity, piece.article
        wish.closed = piece.times and wish.mention is None


def _inherited(gathered: list[Wish], spoken_of: Mention | None) -> list[Wish]:
    """What names no product is of the one named before it, or after it at the beginning."""
    known = next((wish.mention for wish in gathered if wish.mention), None)
    if known is None and any(wish.options for wish in gathered):
        known = spoken_of  # "remplacez le foulard vert par un rose"
    merged: list[Wish] = []
    for wish in gathered:
        if wish.mention is not None:
            known = wish.mention
        elif merged and _completes(merged[-1], wish):
            before = merged[-1]
            before.options += wish.options
            before.quantity = before.quantity if wish.quantity is None else wish.quantity
            continue
        else:
            wish.mention = known
        merged.append(wish)
    return merged


def _completes(before: Wish, wish: Wish) -> bool:
    """ "robe noire, taille M, 2 pièces": what is said later about the same thing."""
    if wish.quantity is not None and before.quantity is not None:
        return False
    if any(before.has(option.kind) for option in wish.options):
        return False
    return wish.quantity is None or not wish.options


def _distributed(wishes: list[Wish]) -> list[Wish]:
    """ "2 sacs un noir et un rouge" is one of each."""
    return [wish for head, children in _families(wishes) for wish in _divided(head, children)]


def _families(wishes: Sequence[Wish]) -> Iterator[tuple[Wish, list[Wish]]]:
    """Each wish that names its product, with those after it that name none."""
    i = 0
    while i < len(wishes):
        children = list(itertools.takewhile(lambda wish: not wish.own, wishes[i + 1 :]))
        yield wishes[i], children
        i += 1 + len(children)


def _divided(head: Wish, children: list[Wish]) -> list[Wish]:
    total, counted = head.quantity or 0, any(child.quantity for child in children)
    every = [head, *children]
    if _adds_up(head, children) and counted:
        for child in children:
            child.complete(head.options)
        return children
    if children and total == len(every) and not counted:
        for each in every:
            each.quantity = 1
            each.complete(head.options)
        return every
    if children and total > 1 and not counted:
        for each in every:
            each.uncertain = True
    for child in children if head.mention else ():
        if child.options:
            child.complete(head.options)
    return every


def _adds_up(head: Wish, children: Sequence[Wish]) -> bool:
    """Whether the children are the pieces that the head counts."""
    varied = {option.kind for child in children for option in child.options}
    total = sum(child.quantity or 1 for child in children)
    return head.quantity == total > 1 and not any(head.has(kind) for kind in varied)


def _shared(wishes: list[Wish], *, all_of_them: bool) -> list[Wish]:
    """An option said once, at the end, is of all the wishes for that product before it."""
    for i, wish in enumerate(wishes):
        for later in wishes[i + 1 :]:
            if _same(later.mention, wish.mention) and not later.own:
                wish.complete(later.options)
        for earlier in wishes[:i] if all_of_them else ():
            if _same(earlier.mention, wish.mention):
                wish.complete(earlier.options)
    return wishes


def _coloured_alike(wishes: Sequence[Wish]) -> None:
    """ "… de la même couleur"."""
    for before, wish in itertools.pairwise(wishes):
        if wish.same:
            wish.complete([option for option in before.options if option.kind == "colour"])


def _spread(wishes: Sequence[Wish], *, each_of_them: bool, takes: Takes) -> None:
    """ "both in black" is of every product; so is an age that was said before any of them."""
    said = [option for wish in wishes for option in wish.options]
    begun = min((wish.mention.first for wish in wishes if wish.mention), default=0)
    ages = [option for option in said if option.kind == "age"]
    shared = said if each_of_them else ages if len(ages) == 1 and ages[0].first < begun else []
    kinds = Counter(option.kind for option in shared)
    for wish in wishes:
        wish.complete([o for o in shared if kinds[o.kind] == 1 and takes(wish.mention, o)])

"""Order lines: which quantity and which options belong to which product."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rapidfuzz.distance import OSA

from flows.understanding.goods import Catalogue, Mention, Product
from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.meaning import Item, Line
from flows.understanding.options import Option, Value
from flows.understanding.reading import Message, Word
from flows.understanding.writing import skeleton, stem

LARGEST = 500
"""Pieces of one line; more is a price or a number of something else."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that matters to order lines, where it stands."""

    kind: str
    """product, option, quantity, and, or."""
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
        """Whether an option of this kind was said; sizes in letters and in numbers are one kind."""
        return any(
            _KINDS.get(option.kind, option.kind) == _KINDS.get(kind, kind)
            for option in self.options
        )


_KINDS = {"number": "size"}


@dataclass(frozen=True, slots=True)
class Ordered:
    lines: tuple[Line, ...] = ()
    missing: tuple[tuple[str, tuple[str, ...]], ...] = ()
    quantity: int | None = None
    unclear: bool = False
    amounts: tuple[tuple[str, int], ...] = ()
    """How many of each product whose variant is missing."""


def pieces(
    message: Message,
    mentions: Sequence[Mention],
    options: Sequence[Option],
    catalogue: Catalogue,
    free: Sequence[bool],
) -> list[Piece]:
    """What matters to the lines, left to right."""
    found = [Piece("product", m.first, m.end, mention=m) for m in mentions]
    for option in options:
        sized = _comes_in_sizes(_nearest(mentions, option.first), catalogue)
        if option.kind == "measure" and sized and mentions and _is_letter(message, option):
            found += _number_and_letter(message, option)
        elif option.kind != "size" or sized:
            found.append(Piece("option", option.first, option.end, option=option))
    taken = {i for m in mentions for i in m.used} | {
        i for o in options for i in range(o.first, o.end)
    }
    found += _numbers(message, mentions, options, catalogue, free, taken)
    found += _joints(message, taken)
    found.sort(key=lambda piece: (piece.first, piece.end))
    return _denied(message, [piece for piece in found if not _astray(message, found, piece)])


def _astray(message: Message, found: Sequence[Piece], piece: Piece) -> bool:
    """A number with words of its own before the goods: "iPhone 15 user here: white earbuds"."""
    if piece.kind != "quantity" or piece.article or piece.times:
        return False
    things = [p for p in found if p.kind in ("product", "option")]
    if piece.end < len(message.words) and lexicon().sections["in all"].at(
        message.phrases, piece.end
    ):
        return True
    if any(p.end <= piece.first <= p.end + 1 for p in things):
        return False
    following = next((p for p in things if p.first >= piece.end), None)
    if following is None or following.first - piece.end < 2:
        return False
    between = message.words[piece.end : following.first]
    own = between[0].kind == "word" and not between[0].comma
    own = own and not lexicon().sections["linking"].at(message.phrases, piece.end)
    return own and (
        message.words[following.first].comma or any(word.key in _DEFINITE for word in between)
    )


_DEFINITE = word_list("definite")


def _is_letter(message: Message, option: Option) -> bool:
    """ "1 L" of what comes in sizes is one large."""
    last = message.words[option.end - 1]
    return option.end == option.first + 2 and last.key in ("l", "m") and option.bare > 0


def _number_and_letter(message: Message, option: Option) -> list[Piece]:
    size = Option("size", message.words[option.end - 1].key.upper(), option.end - 1, option.end)
    return [
        Piece("quantity", option.first, option.end - 1, quantity=option.bare),
        Piece("option", size.first, size.end, option=size),
    ]


def _comes_in_sizes(mention: Mention | None, catalogue: Catalogue) -> bool:
    """ "musc kbir" is no size of what is sold by the bottle."""
    if mention is None:
        return True
    return any(
        kind in ("size", "number")
        for product in mention.products
        for values in catalogue.products[product].values
        for value in values
        for kind, _ in value.options
    )


def worded(
    message: Message, mentions: Sequence[Mention], catalogue: Catalogue, free: Sequence[bool]
) -> list[Option]:
    """Options of other kinds than colour and size, in the words of the products spoken of."""
    values = {
        value
        for mention in mentions
        for product in mention.products[:20]
        for each in catalogue.products[product].values
        for value in each
        if (value.words or value.concepts) and not value.is_shade
    }
    if not values:
        return []
    # "oz" of "10 oz" and "12 oz" tells them not apart.
    common = Counter(word for value in values for word in set(value.words))
    values = {
        replace(value, words=tuple(word for word in value.words if common[word] == 1))
        for value in values
    }
    found: list[Option] = []
    i = 0
    ordered_values = sorted(values, key=lambda value: (value.axis, value.text))
    while i < len(message.words):
        hit = _value_at(message, i, ordered_values) if free[i] else None
        if hit:
            length, value = hit
            found.append(Option("word", f"{value.axis}={value.text}", i, i + length))
            i += length
        else:
            i += 1
    return found


def _value_at(message: Message, i: int, values: Sequence[Value]) -> tuple[int, Value] | None:
    word = message.words[i]
    if word.kind != "word" or word.glued or len(word.key) < 3:
        return None
    colours = lexicon().sections["colour"].at(message.stems, i)
    for value in values:
        if value.words and word.stems & set(value.words) and not colours:
            return 1, value
    for length, concept in lexicon().goods.at(message.stems, i):
        for value in values:
            if concept in value.concepts and not (colours and colours[0][0] >= length):
                return length, value
    sounds = skeleton(stem(word.key))
    for value in values if not word.known else ():
        if len(sounds) >= 3 and any(skeleton(each) == sounds for each in value.words):
            return 1, value
        if len(word.key) >= 5 and any(OSA.distance(word.key, each) <= 1 for each in value.words):
            return 1, value
    return None


def _numbers(
    message: Message,
    mentions: Sequence[Mention],
    options: Sequence[Option],
    catalogue: Catalogue,
    free: Sequence[bool],
    taken: set[int],
) -> list[Piece]:
    found: list[Piece] = []
    sections = lexicon().sections
    words = message.words
    i = 0
    while i < len(words):
        size = None if i in taken else _size_number(message, i, mentions, options, catalogue)
        if size:
            found.append(Piece("option", size.first, size.end, option=size))
            i = size.end
            continue
        number = sections["number"].at(message.phrases, i) if free[i] and i not in taken else []
        if free[i] and i not in taken and words[i].kind == "number" and "." not in words[i].key:
            value, length, unit = int(words[i].key), 1, ""
        elif number:
            length, (digits, _, unit) = number[0][0], number[0][1].partition(" ")
            value = int(digits)
            if unit == "tens":
                unit = ""
        elif (
            free[i]
            and i not in taken
            and (pairs := sections["pair"].at(message.phrases, i))
            and not found
        ):
            value, length, unit = 2, pairs[0][0], "pair"
            if _of_pairs(mentions, catalogue, i):
                i += 1
                continue
        elif dual := _dual(message, i, mentions):
            found.append(Piece("quantity", i, i, quantity=dual))
            i += 1
            continue
        else:
            i += 1
            continue
        end = i + length
        if (unit != "pair" and value == 2 and i and words[i - 1].key in ("b", "ب")) or _aged(
            words, i
        ):
            i = end
            continue
        article = words[i].key in ("un", "une", "a", "an", "one") and value == 1
        value, end = _counted(message, i, value, end, mentions, catalogue)
        if 1 <= value <= LARGEST and (value <= FEW or _counts(message, i, end, mentions)):
            times = i > 0 and (
                words[i - 1].key in ("x", "qte", "quantite")
                or "*" in message.text[words[i - 1].end : words[i].start]
            )
            found.append(Piece("quantity", i, end, quantity=value, article=article, times=times))
        i = end
    return found


FEW = 30
"""More pieces than these are only believed right before what they count."""


def _counts(message: Message, i: int, end: int, mentions: Sequence[Mention]) -> bool:
    piece = end < len(message.words) and lexicon().sections["piece"].at(message.phrases, end - 1)
    return bool(piece) or any(end <= mention.first <= end + 1 for mention in mentions)


def _aged(words: Sequence[Word], i: int) -> bool:
    """ "aged 14 and 16"."""
    return any(
        word.key
        in (
            "aged",
            "age",
            "ages",
            "agee",
            "agees",
            "3mro",
            "3mrou",
            "3mrha",
            "3mrhom",
            "عمره",
            "عمرها",
            "عمرو",
        )
        for word in words[max(0, i - 3) : i]
    )


def _counted(
    message: Message,
    i: int,
    value: int,
    end: int,
    mentions: Sequence[Mention],
    catalogue: Catalogue,
) -> tuple[int, int]:
    """ "2 paires" of what is sold in pairs is 2, of all else 4; "une douzaine" 12."""
    sections = lexicon().sections
    if end < len(message.words):
        dozen = sections["number"].at(message.phrases, end)
        if (
            dozen
            and dozen[0][1].endswith(" dozen")
            and message.words[end].sentence == message.words[i].sentence
        ):
            return value * 12, end + dozen[0][0]
        if pair := sections["pair"].at(message.phrases, end):
            times = 1 if _of_pairs(mentions, catalogue, i) else 2
            return value * times, end + pair[0][0]
        if piece := sections["piece"].at(message.phrases, end):
            return value, end + piece[0][0]
    return value, end


def _of_pairs(mentions: Sequence[Mention], catalogue: Catalogue, i: int) -> bool:
    """Whether what is counted here is sold in pairs anyway."""
    mention = _nearest(mentions, i)
    if mention is None:
        return False
    lex = lexicon()
    paired = {word.strip() for word in _PAIRED}
    names = " ".join(catalogue.products[p].name for p in mention.products)
    from flows.understanding.reading import read

    message = read(names)
    concepts = {c for j in range(len(message.words)) for _, c in lex.goods.at(message.stems, j)}
    return any(lex.is_a(concept, one) for concept in concepts for one in paired)


_PAIRED = (
    "shoes",
    "socks",
    "earrings",
    "gloves",
    "glasses",
    "trousers",
    "insole",
    "earphones",
    "boots",
)


def _dual(message: Message, i: int, mentions: Sequence[Mention]) -> int:
    """حقيبتين is two bags."""
    word = message.words[i]
    named = any(i in mention.used for mention in mentions)
    if named and len(word.key) > 4 and word.key.endswith(("تين", "ين")):
        return 2 if word.key.endswith("تين") or _dual_of(word.key) else 0
    return 0


def _dual_of(key: str) -> bool:
    from flows.understanding.reading import spelling
    from flows.understanding.writing import stem

    return stem(key.removesuffix("ين")) in spelling().known


def _size_number(
    message: Message,
    i: int,
    mentions: Sequence[Mention],
    options: Sequence[Option],
    catalogue: Catalogue,
) -> Option | None:
    """A number that is a size of the product it stands with: "robe 38", "6 ans"."""
    words = message.words
    word = words[i]
    if word.kind != "number" or {"phone", "price", "order_number", "time"} & word.tags:
        return None
    mention = _nearest(mentions, i)
    if mention is None:
        return None
    values = {
        number
        for p in mention.products
        for each in catalogue.products[p].values
        for one in each
        for number in one.numbers
    }
    if word.key not in values:
        return None
    following = words[i + 1].key if i + 1 < len(words) else ""
    before = words[i - 1].key if i else ""
    if following in _AGES:
        return Option("number", word.key, i, i + 2)
    if following in ("x", "pcs", "pieces", "piece") or before == "x":
        return None
    value = float(word.key)
    directly_before = mention.first == i + 1
    if i >= mention.end and (value >= 10 or before in _OF):
        return Option("number", word.key, i, i + 1)
    if value >= 14 or (
        i >= mention.end and not directly_before and _counted_already(message, mention, i)
    ):
        return Option("number", word.key, i, i + 1)
    return None


_AGES = word_list("ages")
_OF = word_list("of")


def _counted_already(message: Message, mention: Mention, i: int) -> bool:
    """The product has its quantity in front: what follows is no second one."""
    if mention.first == 0:
        return False
    before = message.words[mention.first - 1]
    return before.kind == "number" or bool(
        lexicon().sections["number"].at(message.phrases, mention.first - 1)
    )


def _nearest(mentions: Sequence[Mention], i: int) -> Mention | None:
    before = [m for m in mentions if m.first <= i]
    after = [m for m in mentions if m.first > i]
    if before:
        return before[-1]
    return after[0] if after else None


def _joints(message: Message, taken: set[int]) -> list[Piece]:
    found = []
    sections = lexicon().sections
    for i, word in enumerate(message.words):
        if i in taken:
            continue
        if same := sections["same colour"].at(message.phrases, i):
            found.append(Piece("same", i, i + same[0][0]))
        elif (sections["or"].at(message.phrases, i) and word.key not in ("ou", "o")) or (
            word.key == "ou" and _french(message)
        ):
            found.append(Piece("or", i, i + 1))
        elif (
            sections["and"].at(message.phrases, i)
            or (word.comma and i)
            or (i and word.sentence != message.words[i - 1].sentence)
        ):
            found.append(Piece("and", i, i))
    found += [
        Piece("and", i, i)
        for i, word in enumerate(message.words)
        if i in taken and (word.comma or (i and word.sentence != message.words[i - 1].sentence))
    ]
    return found


def _french(message: Message) -> bool:
    """Whether "ou" is the French "or": in Darija it is "and"."""
    languages = lexicon().languages
    darija = sum(languages.get(w.key) == frozenset({"darija"}) for w in message.words)
    return darija == 0


def _denied(message: Message, found: list[Piece]) -> list[Piece]:
    """Mark what is not wanted: "au lieu du rouge", "machi 2", "bla smta", "remplacer X par"."""
    unwanted = _after_words(message, found, ("without", "instead of")) | _replaced(message, found)
    marked = []
    for piece in found:
        denied = piece.kind in ("product", "option", "quantity") and (
            id(piece) in unwanted or _reached(message, found, piece)
        )
        marked.append(replace(piece, denied=denied))
    return marked


def _reached(message: Message, found: list[Piece], piece: Piece) -> bool:
    by = message.words[piece.first].denied_by if piece.first < len(message.words) else None
    if by is None or by < 0:
        return False
    between = [p for p in found if by < p.first < piece.first and p.kind == piece.kind]
    return not between


def _after_words(message: Message, found: list[Piece], sections: Sequence[str]) -> set[int]:
    """Pieces of the one noun phrase after such words."""
    unwanted: set[int] = set()
    for i in range(len(message.words)):
        for section in sections:
            length = max(
                (n for n, _ in lexicon().sections[section].at(message.phrases, i)), default=0
            )
            if length and not any(p.first <= i < p.end and p.kind != "and" for p in found):
                unwanted |= _phrase_after(message, found, i + length)
    return unwanted


def _phrase_after(message: Message, found: list[Piece], i: int) -> set[int]:
    kinds: set[str] = set()
    here: set[int] = set()
    at = i
    for piece in found:
        if piece.first < i or (piece.kind in ("and", "or") and piece.first < i):
            continue
        if piece.first > at + 2 or (piece.kind in ("and", "or") and here):
            break
        if here and any(
            word.key in ("pour", "for", "dans", "in", "l", "ل")
            for word in message.words[at : piece.first]
        ):
            break
        if piece.kind in ("and", "or"):
            continue
        kind = piece.option.kind if piece.option else piece.kind
        if kind in kinds:
            break
        kinds.add(kind)
        here.add(id(piece))
        at = piece.end
    return here


def _replaced(message: Message, found: list[Piece]) -> set[int]:
    """Of "replace X by Y" X."""
    sections = lexicon().sections
    things = [p for p in found if p.kind in ("product", "option", "quantity")]
    for i in range(len(message.words)):
        verb = sections["replace"].at(message.phrases, i)
        if not verb:
            continue
        after = [p for p in things if p.first >= i + verb[0][0] and not p.article]
        for j in range(i + 1, len(message.words)):
            before = [p for p in after if p.end <= j]
            later = [p for p in after if j < p.first <= j + 4]
            alike = {_kind(p) for p in before} & {_kind(p) for p in later}
            if (
                alike
                and sections["by"].at(message.phrases, j)
                and message.words[j].sentence == message.words[i].sentence
            ):
                return {id(p) for p in before}
    return set()


def _kind(piece: Piece) -> str:
    return piece.option.kind if piece.option else piece.kind


def wishes(found: Sequence[Piece]) -> list[Wish]:
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
    if piece.kind == "product":
        if current.mention is None:
            return current.closed
        return not _same(current.mention, piece.mention) or (
            joined and current.quantity is not None and not piece.denied
        )
    if piece.option is not None:
        return current.closed or current.has(piece.option.kind) or (joined and _leads_to_another(current, rest))
    if piece.times:
        return current.mention is None or (current.quantity is not None and not current.article)
    follows = next((p for p in rest if p.kind not in ("and", "or")), None)
    leads = (
        follows is not None
        and follows.kind == "product"
        and follows.first - piece.end <= 1
        and not _joined_before(rest, follows)
    )
    if joined and _leads_to_another(current, rest):
        return True
    if current.quantity is not None:
        return not piece.article or leads or (follows is not None and follows.kind == "option")
    if leads and current.mention is not None:
        return True
    if (
        follows is not None
        and follows.kind == "option"
        and current.mention is not None
        and current.options
        and follows.option is not None
        and current.has(follows.option.kind)
    ):
        return True
    return piece.article and current.mention is not None


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


def ordered(
    found: Sequence[Piece],
    catalogue: Catalogue,
    *,
    all_of_them: bool = False,
    each_of_them: bool = False,
) -> Ordered:
    """The lines that are clear, and what is missing of the others."""
    gathered = _inherited(wishes(found), next((p.mention for p in found if p.mention), None))
    if not any(wish.mention for wish in gathered):
        bare = [wish.quantity for wish in gathered if wish.quantity]
        return Ordered(quantity=bare[0] if len(bare) == 1 else None)
    gathered = _shared(_distributed([wish for wish in gathered if wish.mention]), all_of_them)
    _spread(gathered, catalogue, each_of_them)
    for before, wish in itertools.pairwise(gathered):
        if wish.same and not wish.has("colour"):
            wish.options += [option for option in before.options if option.kind == "colour"]
    lines: dict[str, tuple[int, bool, Item]] = {}
    missing: list[tuple[str, tuple[str, ...]]] = []
    amounts: list[tuple[str, int]] = []
    unclear = False
    for wish in gathered:
        product, items, quantity, lacks = _resolved(wish, catalogue)
        if product is None:
            unclear = True
        elif len(items) == 1 and not wish.uncertain:
            said = wish.quantity is not None
            had, had_said, _ = lines.get(items[0].sku, (0, True, items[0]))
            if had and not (said and had_said):
                quantity = max(had, quantity)
            elif had:
                quantity += had
            lines[items[0].sku] = (quantity, said or (bool(had) and had_said), items[0])
        else:
            unclear = True
            missing.append((product.name, lacks))
            amounts.append((product.name, quantity))
    return Ordered(
        tuple(Line(quantity, sku, item.name) for sku, (quantity, _, item) in lines.items()),
        tuple(missing),
        None,
        unclear,
        tuple(amounts),
    )


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


def _distributed(gathered: list[Wish]) -> list[Wish]:
    """ "2 sacs un noir et un rouge" is one of each."""
    done: list[Wish] = []
    i = 0
    while i < len(gathered):
        head = gathered[i]
        children: list[Wish] = []
        while i + 1 + len(children) < len(gathered) and not gathered[i + 1 + len(children)].own:
            children.append(gathered[i + 1 + len(children)])
        i += 1 + len(children)
        total = head.quantity or 0
        varied = {option.kind for child in children for option in child.options}
        apart = any(head.has(kind) for kind in varied)
        if (
            children
            and not apart
            and total > 1
            and sum(c.quantity or 1 for c in children) == total
            and any(c.quantity for c in children)
        ):
            for child in children:
                child.options += [o for o in head.options if not child.has(o.kind)]
            done += children
        elif children and total == len(children) + 1 and not any(c.quantity for c in children):
            for each in (head, *children):
                each.quantity = 1
                each.options += [o for o in head.options if not each.has(o.kind)]
            done += [head, *children]
        else:
            if children and total > 1 and not any(c.quantity for c in children):
                head.uncertain = True
                for child in children:
                    child.uncertain = True
            for child in children if head.mention else ():
                child.options += [o for o in head.options if child.options and not child.has(o.kind)]
            done += [head, *children]
    return done


def _shared(gathered: list[Wish], all_of_them: bool) -> list[Wish]:
    """An option said once, at the end, is of all the wishes for that product before it."""
    for i, wish in enumerate(gathered):
        later = [w for w in gathered[i + 1 :] if _same(w.mention, wish.mention) and not w.own]
        for other in later:
            wish.options += [o for o in other.options if not wish.has(o.kind)]
        if all_of_them or not wish.own:
            for other in gathered[:i]:
                if all_of_them and _same(other.mention, wish.mention):
                    wish.options += [o for o in other.options if not wish.has(o.kind)]
    return gathered


def _spread(gathered: Sequence[Wish], catalogue: Catalogue, each_of_them: bool) -> None:
    """ "both in black" is of every product; so is an age that was said before any of them."""
    said = [option for wish in gathered for option in wish.options]
    begun = min((wish.mention.first for wish in gathered if wish.mention), default=0)
    ages = [option for option in said if option.kind == "age"]
    shared = said if each_of_them else ages if len(ages) == 1 and ages[0].first < begun else []
    kinds = Counter(option.kind for option in shared)
    for wish in gathered:
        wish.options += [
            option
            for option in shared
            if kinds[option.kind] == 1
            and not wish.has(option.kind)
            and wish.mention
            and any(_matters(catalogue.products[p], option) for p in wish.mention.products)
        ]


def _resolved(
    wish: Wish, catalogue: Catalogue
) -> tuple[Product | None, list[Item], int, tuple[str, ...]]:
    """(product, the variants it can be, quantity, options that are missing)."""
    if wish.mention is None or wish.mention.doubtful:
        return None, [], 0, ()
    quantity = wish.quantity or 1
    fitting = []
    for number in wish.mention.products:
        product = catalogue.products[number]
        items, counted, lacks = _variants(
            product, wish.options, quantity, said=wish.quantity is not None
        )
        if wish.mention.sku is not None:
            items, lacks = [item for item in product.items if item.sku == wish.mention.sku], ()
        fitting.append((product, items, counted, lacks))
    possible = [one for one in fitting if one[1]]
    if len(fitting) > 1 and len(possible) == 1 and wish.options:
        return possible[0]
    if len(fitting) == 1:
        return fitting[0]
    return None, [], 0, ()


def _variants(
    product: Product, options: Sequence[Option], quantity: int, *, said: bool
) -> tuple[list[Item], int, tuple[str, ...]]:
    left = list(range(len(product.items)))
    for option in options:
        fits = {
            i: max((value.fit(option) for value in product.values[i]), default=0.0) for i in left
        }
        best = max(fits.values(), default=0.0)
        if best > 0:
            left = [i for i in left if fits[i] == best]
        elif (
            option.kind == "measure" and option.bare and (unit := _one_unit(product, left, option))
        ):
            left, quantity = unit, option.bare if not said else quantity * option.bare
        elif option.kind == "measure" and option.bare and not said and not _measured(product):
            quantity = option.bare
        elif _matters(product, option):
            left = []
            break
    items = [product.items[i] for i in left]
    lacks = tuple(
        axis
        for axis, values in product.axes().items()
        if len({v.text.casefold() for i in left for v in product.values[i] if v.axis == axis}) != 1
    )
    return items, quantity, lacks


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


def _measured(product: Product) -> bool:
    return any(
        kind == "measure"
        for values in product.values
        for value in values
        for kind, _ in value.options
    )


def _one_unit(product: Product, left: Sequence[int], option: Option) -> list[int]:
    """The variants of one kilo or litre: "2 kilos" are two of them where no pack of two is sold."""
    unit = "1000 " + option.value.split(" ")[1]
    return [
        i for i in left if any(("measure", unit) in value.options for value in product.values[i])
    ]

"""Which numbers of a message count goods, and which are a size of them."""

from __future__ import annotations

from typing import NamedTuple

from flows.understanding.goods import Mention
from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.option import Option
from flows.understanding.piece import LARGEST, Found, Piece
from flows.understanding.reading import read, spelling
from flows.understanding.writing import stem

FEW = 30
"""More pieces than these are only believed right before what they count."""
LEAST_SIZE = 14
"""From this number on one before the goods is a size of them, where they have it."""
LEAST_SIZE_AFTER = 10


class Number(NamedTuple):
    """A number that stands somewhere: its value, where it ends, whether "a pair" said it."""

    value: int
    end: int
    pair: bool = False


def quantities(found: Found) -> list[Piece]:
    """The quantities, and the numbers that are sizes, left to right."""
    pieces: list[Piece] = []
    i = 0
    while i < len(found.message.words):
        piece, i = _at(found, i, alone=not pieces)
        if piece:
            pieces.append(piece)
    return pieces


def _at(found: Found, i: int, *, alone: bool) -> tuple[Piece | None, int]:
    """What stands here, and where to go on."""
    if size := _size(found, i):
        return Piece("option", size.first, size.end, option=size), size.end
    if number := _number(found, i, alone=alone):
        return _counting(found, i, number)
    dual = _dual(found, i)
    return (Piece("quantity", i, i, quantity=dual) if dual else None), i + 1


def _number(found: Found, i: int, *, alone: bool) -> Number | None:
    if not found.free[i] or i in found.taken:
        return None
    sections, phrases, word = lexicon().sections, found.message.phrases, found.message.words[i]
    if word.kind == "number" and "." not in word.key:
        return Number(int(word.key), i + 1)
    if said := sections["number"].at(phrases, i):
        length, meaning = said[0]
        return Number(int(meaning.partition(" ")[0]), i + length)
    pairs = sections["pair"].at(phrases, i) if alone else []
    if pairs and not _sold_in_pairs(found, i):
        return Number(2, i + pairs[0][0], pair=True)
    return None


def _counting(found: Found, i: int, number: Number) -> tuple[Piece | None, int]:
    words = found.message.words
    before = words[i - 1].key if i else ""
    both = not number.pair and number.value == 2 and before in ("b", "ب")
    if both or _is_of_an_age(found, i):
        return None, number.end
    value, end = _multiplied(found, i, number)
    if not 1 <= value <= LARGEST or (value > FEW and not _counts(found, end)):
        return None, end
    starred = i > 0 and "*" in found.message.text[words[i - 1].end : words[i].start]
    article = number.value == 1 and words[i].key in _ARTICLES
    times = starred or before in _TIMES
    return Piece("quantity", i, end, quantity=value, article=article, times=times), end


def _is_of_an_age(found: Found, i: int) -> bool:
    """ "aged 14 and 16"."""
    return any(word.key in _AGED for word in found.message.words[max(0, i - 3) : i])


def _multiplied(found: Found, i: int, number: Number) -> tuple[int, int]:
    """ "2 paires" of what is sold in pairs is 2, of all else 4; "une douzaine" 12."""
    words, phrases, sections = found.message.words, found.message.phrases, lexicon().sections
    value, end, _ = number
    if end == len(words):
        return value, end
    dozen = sections["number"].at(phrases, end)
    together = words[end].sentence == words[i].sentence
    if dozen and dozen[0][1].endswith(" dozen") and together:
        return value * 12, end + dozen[0][0]
    if pair := sections["pair"].at(phrases, end):
        return value * (1 if _sold_in_pairs(found, i) else 2), end + pair[0][0]
    if piece := sections["piece"].at(phrases, end):
        return value, end + piece[0][0]
    return value, end


def _counts(found: Found, end: int) -> bool:
    phrases = found.message.phrases
    piece = end < len(phrases) and lexicon().sections["piece"].at(phrases, end - 1)
    return bool(piece) or any(end <= mention.first <= end + 1 for mention in found.mentions)


def _sold_in_pairs(found: Found, i: int) -> bool:
    """Whether what is counted here is sold in pairs anyway."""
    mention = found.nearest(i)
    if mention is None:
        return False
    lex = lexicon()
    names = read(" ".join(found.catalogue.products[p].name for p in mention.products))
    concepts = {c for j in range(len(names.words)) for _, c in lex.goods.at(names.stems, j)}
    return any(lex.is_a(concept, one) for concept in concepts for one in _PAIRED)


def _dual(found: Found, i: int) -> int:
    """حقيبتين is two bags."""
    key = found.message.words[i].key
    named = any(i in mention.used for mention in found.mentions)
    if not named or len(key) <= 4 or not key.endswith("ين"):
        return 0
    return 2 if key.endswith("تين") or stem(key.removesuffix("ين")) in spelling().known else 0


def _size(found: Found, i: int) -> Option | None:
    """A number that is a size of the product it stands with: "robe 38", "6 ans"."""
    words, word, mention = found.message.words, found.message.words[i], found.nearest(i)
    if i in found.taken or word.kind != "number" or mention is None or word.tags & _NO_SIZE:
        return None
    if word.key not in _numbers_of(found, mention):
        return None
    following = words[i + 1].key if i + 1 < len(words) else ""
    before = words[i - 1].key if i else ""
    if following in _AGES:
        return Option("number", word.key, i, i + 2)
    if following in _COUNTED or before == "x":
        return None
    is_size = _follows_as_size(found, mention, i, before) or float(word.key) >= LEAST_SIZE
    return Option("number", word.key, i, i + 1) if is_size else None


def _numbers_of(found: Found, mention: Mention) -> set[str]:
    return {
        number
        for product in mention.products
        for values in found.catalogue.products[product].values
        for value in values
        for number in value.numbers
    }


def _follows_as_size(found: Found, mention: Mention, i: int, before: str) -> bool:
    """After the goods: a larger number, one "of" it, or one after their quantity."""
    large = float(found.message.words[i].key) >= LEAST_SIZE_AFTER
    return i >= mention.end and (large or before in _OF or _is_counted(found, mention))


def _is_counted(found: Found, mention: Mention) -> bool:
    """The product has its quantity in front: what follows is no second one."""
    i = mention.first - 1
    if i < 0:
        return False
    number = lexicon().sections["number"].at(found.message.phrases, i)
    return found.message.words[i].kind == "number" or bool(number)


_NO_SIZE = frozenset(("phone", "price", "order_number", "time"))
_AGED = word_list("aged")
_AGES = word_list("ages")
_ARTICLES = word_list("one as an article")
_COUNTED = word_list("pieces after a number")
_OF = word_list("of")
_PAIRED = word_list("concepts sold in pairs")
_TIMES = word_list("times")

"""What tells variants apart, read the same from a catalogue and from a message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from flows.understanding.lexicon import colour_roots, lexicon, word_list
from flows.understanding.measures import measure
from flows.understanding.option import Option
from flows.understanding.reading import Word, read
from flows.understanding.writing import squeeze


def read_options(words: Sequence[Word], free: Sequence[bool]) -> list[Option]:
    """Every option that words say, left to right, on words that are still free."""
    keys = [word.keys for word in words]
    found: list[Option] = []
    i = 0
    while i < len(words):
        option = free[i] and _at(words, keys, i)
        if option and all(free[option.first : option.end]):
            found.append(option)
            i = option.end
        else:
            i += 1
    return found


def _at(words: Sequence[Word], keys: list[set[str]], i: int) -> Option | None:
    return measure(words, keys, i) or _sized(words, keys, i) or _colour(words, i)


def _colour(words: Sequence[Word], i: int) -> Option | None:
    stems = [word.stems for word in words]
    if colours := lexicon().sections["colour"].at(stems, i):
        length, name = colours[0]
        return Option("colour", name, i, i + length)
    word = words[i]
    if word.kind == "word" and len(word.key) <= 8 and word.key not in lexicon().known:
        root = squeeze(_VOWELS.sub("", word.key.removesuffix("in").removesuffix("at")))
        if name := colour_roots().get(root, ""):
            return Option("colour", name, i, i + 1)
    return None


_VOWELS = re.compile("[aeiouy]")


def _sized(words: Sequence[Word], keys: list[set[str]], i: int) -> Option | None:
    """ "taille M", "39" after "pointure", "xl", a letter alone where it is no article."""
    if _sides(words, i):
        return Option("number", words[i].key, i, i + 3)
    if said := lexicon().sections["size word"].at(keys, i):
        return _size_after(words, keys, i, i + said[0][0])
    sizes = lexicon().sections["size"].at(keys, i)
    if sizes and (len(words[i].key) > 1 or _letter_is_size(words, i)):
        length, size = sizes[0]
        return Option("size", size, i, i + length)
    return None


def _size_after(words: Sequence[Word], keys: list[set[str]], start: int, i: int) -> Option | None:
    """The size that follows a word for it."""
    while i < len(words) and words[i].key in _BEFORE_SIZE and not _is_large(words, i):
        i += 1
    if i == len(words) or words[i].sentence != words[start].sentence:
        return None
    if words[i].kind == "number":
        return Option("number", words[i].key, start, i + 1)
    sizes = lexicon().sections["size"].at(keys, i)
    return Option("size", sizes[0][1], start, i + sizes[0][0]) if sizes else None


def _is_large(words: Sequence[Word], i: int) -> bool:
    """ "taille L", though "l" is an article."""
    return words[i].key == "l" and (words[i].capital or _ends_there(words, i))


def _sides(words: Sequence[Word], i: int) -> bool:
    """ "160x230" is a size."""
    span = words[i : i + 3]
    return (
        len(span) == 3
        and span[1].key in ("x", "*", "sur", "by")
        and all(word.kind == "number" and float(word.key) >= 20 for word in span[::2])
    )


def _letter_is_size(words: Sequence[Word], i: int) -> bool:
    word = words[i]
    if word.glued or word.start == (words[i - 1].end if i else -1):
        return False
    shouted = all(each.capital for each in words if len(each.key) > 1 and each.kind == "word")
    if word.capital and not shouted:
        return i + 1 == len(words) or words[i + 1].start > word.end
    return _ends_there(words, i) and i > 0


def _ends_there(words: Sequence[Word], i: int) -> bool:
    """A single letter with no word of its own after it: "noir l", "m svp", "l et m"."""
    if i + 1 == len(words):
        return True
    word, following = words[i], words[i + 1]
    if following.sentence != word.sentence or following.comma:
        return following.start > word.end
    if following.kind in ("number", "emoji") or following.key in _AFTER_SIZE:
        return True
    elided = following.start <= word.end + 1 and following.key[:1] in "aeiouyh"
    if word.key == "l" or (word.key == "s" and elided):
        return False
    return bool(lexicon().sections["colour"].at([w.stems for w in words], i + 1))


@dataclass(frozen=True)
class Value:
    """An option value of a catalogue, as a message can say it."""

    axis: str
    text: str
    options: tuple[tuple[str, str], ...]
    """(kind, value) of what it is made of."""
    words: tuple[str, ...]
    """Stems of its words, for values that are no colour, size or measure."""
    concepts: frozenset[str] = frozenset()
    """What its words mean in any language: "thym" is also "za3tar"."""

    @property
    def is_shade(self) -> bool:
        """A colour of several words: "bleu nuit" is no night."""
        return " " in self.text and any(kind == "colour" for kind, _ in self.options)

    @property
    def numbers(self) -> frozenset[str]:
        """The numbers as they are written: 8 of "8 L"."""
        return frozenset(_NUMBER.findall(self.text))

    def fit(self, option: Option) -> float:
        """How well an option that was said is this value: 0 to 1."""
        if option.kind == "word":
            return 1.0 if option.value == f"{self.axis}={self.text}" else 0.0
        best = 0.9 if option.kind == "number" and option.value in self.numbers else 0.0
        for kind, value in self.options:
            best = max(best, _alike(kind, value, option) / (1 if len(self.options) == 1 else 1.2))
        return best


def _alike(kind: str, value: str, option: Option) -> float:
    if kind == option.kind and value == option.value:
        return 1.0
    if kind == option.kind == "colour":
        lex = lexicon()
        if lex.is_a(value, option.value):
            return 0.8
        return 0.7 if lex.is_a(option.value, value) else 0.0
    return 0.0


_NUMBER = re.compile(r"\d+")


@cache
def value_of(axis: str, text: str) -> Value:
    """A catalogue's value, read as a message is."""
    plain = text.strip().upper()
    if _LETTERS.fullmatch(plain):
        times = plain[0] if plain[0].isdigit() else ""
        name = "X" * int(times) + "L" if times else plain
        return Value(axis, text, (("size", name),), ())
    message = read(text)
    words = message.words
    options = read_options(words, [True] * len(words))
    used = {i for option in options for i in range(option.first, option.end)}
    rest = [word for i, word in enumerate(words) if i not in used]
    read_as = [(option.kind, option.value) for option in options]
    read_as += [("number", word.key) for word in rest if word.kind == "number"]
    named = [word for word in rest if word.kind == "word" and len(word.key) > 1]
    stems = tuple(min(word.stems, key=lambda each: (len(each), each)) for word in named)
    goods = lexicon().goods
    concepts = {c for i in range(len(words)) for _, c in goods.at(message.stems, i)}
    return Value(axis, text, tuple(read_as), stems, frozenset(concepts))


_LETTERS = re.compile(r"X{0,4}[SL]|M|[2-6]XL")
_BEFORE_SIZE = word_list("before a size")
_AFTER_SIZE = word_list("after a size")

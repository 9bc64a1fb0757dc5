"""What tells variants apart, read the same from a catalogue and from a message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from flows.understanding.lexicon import colour_roots, lexicon
from flows.understanding.reading import Word
from flows.understanding.writing import squeeze

ALONE = frozenset(("1000 g", "1000 ml", "100 cm"))
"""Units of which one is meant where no number stands: "un cable metre"."""


@dataclass(frozen=True, slots=True)
class Option:
    """A value that was read: kind is colour, size, number, measure or word."""

    kind: str
    value: str
    first: int
    end: int
    amount: float = 0
    """Of a measure: how many of its base unit, as in 0.5 of "نص كيلو" = 500 g."""
    bare: int = 0
    """Of a measure in whole kilos or litres: how many, which can also be a quantity."""


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
    return _measure(words, keys, i) or _sized(words, keys, i) or _colour(words, i)


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


def _measure(words: Sequence[Word], keys: list[set[str]], i: int) -> Option | None:
    """ "100 ml", "1.5 l", "demi kilo", "kilo w noss", "كيلو"."""
    start, amount = i, None
    if set_ := lexicon().sections["set measure"].at(keys, i):
        kind = "age" if set_[0][1].endswith("month") else "place"
        return Option(kind, set_[0][1], i, i + set_[0][0])
    if words[i].kind == "number":
        amount = float(words[i].key)
        i += 1
        if (
            i + 1 < len(words)
            and words[i].key == "2"
            and words[start].key == "1"
            and words[i].start == words[start].end + 1
        ):
            amount, i = 0.5, i + 1  # 1/2
    elif part := lexicon().sections["part"].at(keys, i):
        amount = float(part[0][1])
        i += part[0][0]
    elif number := _number_word(keys, i):
        amount = float(number[1])
        i += number[0]
    if i >= len(words) or words[i].sentence != words[start].sentence:
        return None
    units = lexicon().sections["unit"].at(keys, i)
    while (
        not units
        and i > start
        and i + 1 < len(words)
        and words[i].key in ("d", "de", "dyal", "l", "a", "un")
    ):
        i += 1
        units = lexicon().sections["unit"].at(keys, i)
    if not units:
        return None
    length, unit = units[0]
    # "l", "g" and "m" are a unit only right after a digit: "l" is also an article.
    if words[i].key == "to" and words[i].start > words[i - 1].end:
        return None
    if len(words[i].key) == 1 and (words[start].kind != "number" or start == i):
        return None
    if amount is None and unit not in ALONE and (unit != "1 g" or len(words[i].key) < 4):
        return None
    if len(words[i].key) == 1 and words[i].start > words[i - 1].end + 1:
        return None
    end = i + length
    if (
        words[i].key == "l"
        and end < len(words)
        and words[i].start > words[i - 1].end
        and words[end].start <= words[i].end + 1
    ):
        return None  # "2 l'huile", "3 l fes"
    times, base = unit.split(" ")
    whole = 1.0 if amount is None else amount
    quantity = whole * float(times)
    if end < len(words) and words[end].key in ("w", "et", "و", "ou", "o"):
        part = lexicon().sections["part"].at(keys, end + 1) if end + 1 < len(words) else []
        if (
            part
            and float(times) == 1000
            and not lexicon().sections["unit"].at(keys, min(end + 2, len(words) - 1))
        ):
            quantity += float(part[0][1]) * float(times)
            end += 1 + part[0][0]
            whole = 0
    bare = int(whole) if float(times) == 1000 and whole == int(whole) else 0
    kind = {"month": "age", "place": "place"}.get(base, "measure")
    return Option(
        kind, f"{quantity:g} {base}", start, end, quantity, bare if kind == "measure" else 0
    )


def _number_word(keys: list[set[str]], i: int) -> tuple[int, str] | None:
    found = lexicon().sections["number"].at(keys, i)
    return (found[0][0], found[0][1].split(" ")[0]) if found else None


def _sized(words: Sequence[Word], keys: list[set[str]], i: int) -> Option | None:
    """ "taille M", "39" after "pointure", "xl", a letter alone where it is no article."""
    if _sides(words, i):
        return Option("number", words[i].key, i, i + 3)
    said = lexicon().sections["size word"].at(keys, i)
    if said:
        start, i = i, i + said[0][0]
        while (
            i < len(words)
            and words[i].key
            in (
                "en",
                "de",
                "d",
                "dyal",
                "du",
                "n",
                "no",
                "numero",
                "hiya",
                "is",
                "l",
                "est",
                "هو",
                "ديال",
                "la",
                "number",
            )
            and not (words[i].key == "l" and (words[i].capital or _ends_there(words, i)))
        ):
            i += 1
        if i < len(words) and words[i].sentence == words[start].sentence:
            if words[i].kind == "number":
                return Option("number", words[i].key, start, i + 1)
            if sizes := lexicon().sections["size"].at(keys, i):
                return Option("size", sizes[0][1], start, i + sizes[0][0])
            # "taille quarante"
        return None
    sizes = lexicon().sections["size"].at(keys, i)
    if not sizes:
        return None
    length, size = sizes[0]
    if len(words[i].key) > 1 or _letter_is_size(words, i):
        return Option("size", size, i, i + length)
    return None


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
    if word.capital and not all(
        each.capital for each in words if len(each.key) > 1 and each.kind == "word"
    ):
        return (
            i + 1 == len(words)
            or words[i + 1].start > word.end + 1
            or not words[i + 1].key[:1].isalpha()
            or words[i + 1].start > word.end
        )
    return _ends_there(words, i) and i > 0


def _ends_there(words: Sequence[Word], i: int) -> bool:
    """A single letter with no word of its own after it: "noir l", "m svp", "l et m"."""
    if i + 1 == len(words):
        return True
    following = words[i + 1]
    if following.sentence != words[i].sentence or following.comma:
        return following.start > words[i].end
    if following.kind in ("number", "emoji"):
        return True
    sections = lexicon().sections
    if following.key in (
        "et",
        "w",
        "و",
        "and",
        "ou",
        "en",
        "x",
        "fi",
        "f",
        "for",
        "pour",
        "svp",
        "stp",
        "3afak",
        "please",
    ):
        return True
    if (
        words[i].key in ("m", "s", "l")
        and following.start <= words[i].end + 1
        and following.key[:1] in "aeiouyh"
        and words[i].key != "m"
    ):
        return False
    stems = [w.stems for w in words]
    return words[i].key != "l" and bool(sections["colour"].at(stems, i + 1))


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
    from flows.understanding.reading import read

    message = read(text)
    words = message.words
    plain = text.strip().upper()
    if plain in (
        "S",
        "M",
        "L",
        "XS",
        "XL",
        "XXL",
        "XXXL",
        "2XL",
        "3XL",
        "4XL",
        "5XL",
        "6XL",
        "XXXXL",
    ):
        name = {"2XL": "XXL", "3XL": "XXXL", "4XL": "XXXXL", "5XL": "XXXXXL"}.get(plain, plain)
        return Value(axis, text, (("size", name),), ())
    options = read_options(words, [True] * len(words))
    used = {i for option in options for i in range(option.first, option.end)}
    rest = [word for i, word in enumerate(words) if i not in used]
    read_as = [(option.kind, option.value) for option in options]
    read_as += [("number", word.key) for word in rest if word.kind == "number"]
    stems = tuple(
        min(word.stems, key=len) for word in rest if word.kind == "word" and len(word.key) > 1
    )
    concepts = {
        concept for i in range(len(words)) for _, concept in lexicon().goods.at(message.stems, i)
    }
    return Value(axis, text, tuple(read_as), stems, frozenset(concepts))

"""Measures: "100 ml", "1.5 l", "demi kilo", "kilo w noss", "6 mois", "2 places"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.option import Option
from flows.understanding.reading import Word

_ALONE = frozenset(("1000 g", "1000 ml", "100 cm"))
"""Units of which one is meant where no number stands: "un cable metre"."""
_KINDS = {"month": "age", "place": "place"}
_Keys = Sequence[set[str]]


class _Amount(NamedTuple):
    value: float | None
    end: int


class _Unit(NamedTuple):
    times: float
    base: str
    first: int
    end: int


def measure(words: Sequence[Word], keys: _Keys, i: int) -> Option | None:
    """The measure that begins here."""
    if set_words := lexicon().sections["set measure"].at(keys, i):
        return _set_measure(i, *set_words[0])
    amount = _amount(words, keys, i)
    unit = _unit(words, keys, i, amount)
    if unit is None or not _is_meant(words, i, amount, unit):
        return None
    whole = 1.0 if amount.value is None else amount.value
    more, end = _part_after(words, keys, unit)
    quantity = (whole + more) * unit.times
    kind = _KINDS.get(unit.base, "measure")
    counts = kind == "measure" and unit.times == 1000 and not more and whole == int(whole)
    value = f"{quantity:g} {unit.base}"
    return Option(kind, value, i, end, quantity, int(whole) if counts else 0)


def _set_measure(i: int, length: int, value: str) -> Option:
    """ "double bed", كيلوغرامين."""
    times, base = value.split(" ")
    kind = _KINDS.get(base, "measure")
    bare = int(times) // 1000 if kind == "measure" else 0
    return Option(kind, value, i, i + length, float(times), bare)


def _amount(words: Sequence[Word], keys: _Keys, i: int) -> _Amount:
    sections = lexicon().sections
    if words[i].kind == "number":
        half = _is_half(words, i)
        return _Amount(0.5 if half else float(words[i].key), i + 2 if half else i + 1)
    for section in ("part", "number"):
        if found := sections[section].at(keys, i):
            length, value = found[0]
            return _Amount(float(value.split(" ")[0]), i + length)
    return _Amount(None, i)


def _is_half(words: Sequence[Word], i: int) -> bool:
    """ "1/2"."""
    return (
        i + 2 < len(words)
        and (words[i].key, words[i + 1].key) == ("1", "2")
        and words[i + 1].start == words[i].end + 1
    )


def _unit(words: Sequence[Word], keys: _Keys, start: int, amount: _Amount) -> _Unit | None:
    i, units = amount.end, lexicon().sections["unit"]
    if i >= len(words) or words[i].sentence != words[start].sentence:
        return None
    while not units.at(keys, i) and start < i < len(words) - 1 and words[i].key in _JOINS:
        i += 1
    found = units.at(keys, i)
    if not found:
        return None
    length, unit = found[0]
    times, base = unit.split(" ")
    return _Unit(float(times), base, i, i + length)


def _is_meant(words: Sequence[Word], start: int, amount: _Amount, unit: _Unit) -> bool:
    """ "l", "g" and "m" are a unit only right after a digit: "l" is also an article."""
    word = words[unit.first]
    gap = word.start - words[unit.first - 1].end if unit.first else 0
    if word.key == "to" and gap:
        return False
    if len(word.key) == 1 and (words[start].kind != "number" or unit.first == start or gap > 1):
        return False
    if amount.value is None and f"{unit.times:g} {unit.base}" not in _ALONE:
        return (unit.times, unit.base) == (1, "g") and len(word.key) >= 4
    following = words[unit.end] if unit.end < len(words) else None
    # "2 l'huile", "3 l fes"
    article = word.key == "l" and gap > 0 and following and following.start <= word.end + 1
    return not article


def _part_after(words: Sequence[Word], keys: _Keys, unit: _Unit) -> tuple[float, int]:
    """The half of "kilo w noss", and where it ends."""
    i, sections = unit.end + 1, lexicon().sections
    if i >= len(words) or unit.times != 1000 or words[unit.end].key not in _ANDS:
        return 0.0, unit.end
    part = sections["part"].at(keys, i)
    if not part or sections["unit"].at(keys, min(i + 1, len(words) - 1)):
        return 0.0, unit.end
    length, value = part[0]
    return float(value), i + length


_JOINS = word_list("joins a number to its unit")
_ANDS = word_list("joins a kilo to its half")

"""The patterns of cues.txt: which of them a message shows, and where."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.reading import Message
from flows.understanding.writing import keys_of, tokens

STRENGTHS = {"sure": 4.0, "likely": 2.5, "hint": 1.2}
GAP = 5
CLASSES = (
    "product",
    "option",
    "city",
    "district",
    "number",
    "time",
    "phone",
    "address",
    "order_number",
    "duration",
    "price",
)


@dataclass(frozen=True, eq=False)
class Part:
    """One element of a pattern: alternatives of words, a class, or a gap."""

    alternatives: dict[str, tuple[tuple[str, ...], ...]]
    prefixes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    gap: bool = False
    optional: bool = False
    denied: bool = False


@dataclass(frozen=True, eq=False)
class Cue:
    intent: str
    strength: float
    parts: tuple[Part, ...]
    written: str
    at_start: bool = False
    at_end: bool = False
    when_denied: str = ""
    of_denial: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """A cue that a message shows, on the words from `first` on, up to and without `end`."""

    intent: str
    strength: float
    cue: str
    first: int
    end: int


_ITEM = re.compile(r"!?\{\w+\}|!?\([^)]*\)\??|!?<\w+>|…|\^|\$|!?[^\s(){}<>|]+")
_HEAD = re.compile(r"\[(\w+)(?: (sure|likely|hint))?(?: -> (\w+))?\]")


@cache
def all_cues() -> dict[str, tuple[Cue, ...]]:
    """Every cue, by each word or class it can begin with."""
    by_first: dict[str, list[Cue]] = defaultdict(list)
    for cue in _read():
        for first in _firsts(cue.parts):
            by_first[first].append(cue)
    return {first: tuple(cues) for first, cues in by_first.items()}


@cache
def words() -> frozenset[str]:
    """Every word that a cue mentions."""
    return frozenset(
        word
        for cue in _read()
        for part in cue.parts
        for phrases in part.alternatives.values()
        for phrase in phrases
        for word in phrase
    )


def _firsts(parts: tuple[Part, ...]) -> set[str]:
    firsts: set[str] = set()
    for part in parts:
        firsts |= {f"<{each}>" for each in part.classes} | set(part.alternatives)
        firsts |= {f"{prefix}*" for prefix in part.prefixes}
        if not part.optional:
            break
    return firsts


@cache
def _read() -> tuple[Cue, ...]:
    names: dict[str, str] = {}
    cues: list[Cue] = []
    intent, strength, when_denied = "", 0.0, ""
    for line in lexicon().cues.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if head := _HEAD.fullmatch(line):
            intent, when_denied = head[1], head[3] or ""
            strength = STRENGTHS.get(head[2] or "", 0.0)
        elif intent == "names":
            name, _, alternatives = line.partition(" = ")
            names[name] = alternatives
        else:
            cues += [
                _cue(pattern, names, intent, strength, when_denied) for pattern in _patterns(line)
            ]
    return tuple(cues)


def _patterns(line: str) -> list[str]:
    """The patterns of a line: commas inside brackets separate nothing."""
    depth, begun, patterns = 0, 0, []
    for i, letter in enumerate(line):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            patterns.append(line[begun:i].strip())
            begun = i + 1
    patterns.append(line[begun:].strip())
    return [pattern for pattern in patterns if pattern]


def _cue(
    pattern: str, names: dict[str, str], intent: str, strength: float, when_denied: str
) -> Cue:
    parts, at_start, at_end = [], False, False
    for item in _items(pattern):
        if item == "^":
            at_start = True
        elif item == "$":
            at_end = True
        else:
            parts.append(_part(item, names))
    of_denial = any(part.denied for part in parts)
    written = pattern if len(pattern) < 60 else pattern[:57] + "…"
    return Cue(intent, strength, tuple(parts), written, at_start, at_end, when_denied, of_denial)


def _items(pattern: str) -> Iterator[str]:
    """Its elements; brackets may hold brackets."""
    i = 0
    while i < len(pattern):
        if pattern[i] == " ":
            i += 1
            continue
        begun = i
        if pattern[i] == "!":
            i += 1
        if i < len(pattern) and pattern[i] == "(":
            depth = 0
            while True:
                depth += (pattern[i] == "(") - (pattern[i] == ")")
                i += 1
                if depth == 0:
                    break
            if i < len(pattern) and pattern[i] == "?":
                i += 1
        else:
            while i < len(pattern) and pattern[i] != " ":
                i += 1
        yield pattern[begun:i]


def _part(item: str, names: dict[str, str]) -> Part:
    denied, item = item.startswith("!"), item.removeprefix("!")
    optional = item.endswith("?") and item.startswith("(")
    item = item.removesuffix("?") if optional else item
    if item == "…":
        return Part({}, gap=True)
    by_first: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    prefixes, classes = [], []
    for phrase in _alternatives(item, names):
        if phrase.startswith("<"):
            classes.append(phrase.strip("<>"))
        elif phrase.endswith("*"):
            prefixes.append(phrase[:-1])
        elif keys := keys_of(phrase) or tuple(token.key for token in tokens(phrase)):
            by_first[keys[0]].append(keys)
    return Part(
        {first: tuple(dict.fromkeys(keys)) for first, keys in by_first.items()},
        tuple(prefixes),
        tuple(classes),
        optional=optional,
        denied=denied,
    )


def _alternatives(item: str, names: dict[str, str]) -> list[str]:
    """All phrases an element stands for; a group within a group is multiplied out."""
    if item.startswith("{"):
        return names[item.strip("{}")].split("|")
    if not item.startswith("("):
        return [item]
    return [phrase for branch in _branches(item[1:-1]) for phrase in _multiplied(branch, names)]


def _branches(text: str) -> list[str]:
    depth, begun, found = 0, 0, []
    for i, letter in enumerate(text):
        depth += (letter in "({") - (letter in ")}")
        if letter == "|" and depth == 0:
            found.append(text[begun:i])
            begun = i + 1
    return [*found, text[begun:]]


def _multiplied(branch: str, names: dict[str, str]) -> list[str]:
    phrases = [""]
    for item in _items(branch.strip()):
        choices = _alternatives(item.removesuffix("?"), names)
        if item.endswith("?"):
            choices = ["", *choices]
        phrases = [f"{phrase} {choice}".strip() for phrase in phrases for choice in choices]
    return phrases


def signs(message: Message, core: tuple[int, int]) -> list[Sign]:
    """The cues a message shows; `core` is where it begins and ends without what is only polite."""
    found: list[Sign] = []
    cues = all_cues()
    search = _Search(message)
    for i, word in enumerate(message.words):
        tried: set[int] = set()
        firsts = [*word.keys, *(f"<{tag}>" for tag in word.tags)]
        for first in firsts:
            for cue in cues.get(first, ()):
                if id(cue) in tried or (cue.at_start and i not in (0, core[0])):
                    continue
                tried.add(id(cue))
                found += search.try_(cue, i, core)
    return found


_NEGATORS = word_list("carries its own denial")


class _Search:
    """One message's answers to where a part can end, kept while its cues are tried."""

    def __init__(self, message: Message) -> None:
        self.words = message.words
        self._ends: dict[tuple[int, int], tuple[int, ...]] = {}

    def try_(self, cue: Cue, start: int, core: tuple[int, int]) -> Iterator[Sign]:
        best: tuple[int, tuple[int, ...]] | None = None
        for end, taken in self._match(cue.parts, 0, start, ()):
            if cue.at_end and end < core[1]:
                continue
            if best is None or end - start < best[0] - start:
                best = (end, taken)
        if best is None:
            return
        end, taken = best
        denied = not cue.of_denial and self._denied(taken)
        if denied and not cue.when_denied:
            return
        intent = cue.when_denied if denied else cue.intent
        mark = "not " if denied else ""
        yield Sign(intent, cue.strength, f"{cue.intent}: {mark}{cue.written}", start, end)

    def _denied(self, taken: tuple[int, ...]) -> bool:
        """A negator outside of the cue itself reaches into it."""
        if any(self.words[i].keys & _NEGATORS for i in taken):
            return False
        for i in taken:
            word = self.words[i]
            if word.denied_by is not None and word.denied_by not in taken:
                return True
            if "denied-verb" in word.tags and "<spoken>" not in word.tags:
                # "je confirme pas": the negator is the word after or the one after that
                following = (i + 1, i + 2)
                if not any(
                    j in taken and self.words[j].key in ("pas", "jamais") for j in following
                ):
                    return True
        return False

    def _match(
        self, parts: tuple[Part, ...], at: int, i: int, taken: tuple[int, ...]
    ) -> Iterator[tuple[int, tuple[int, ...]]]:
        if at == len(parts):
            yield i, taken
            return
        part = parts[at]
        if part.gap:
            sentence = self.words[i - 1].sentence if i else 0
            for skip in range(GAP + 1):
                j = i + skip
                if j < len(self.words) and self.words[j].sentence != sentence and skip >= 0:
                    return
                yield from self._match(parts, at + 1, j, taken)
            return
        for end in self._part_ends(part, i):
            if part.denied and not self._is_denied(i, end):
                continue
            yield from self._match(parts, at + 1, end, (*taken, *range(i, end)))
        if part.optional:
            yield from self._match(parts, at + 1, i, taken)

    def _is_denied(self, i: int, end: int) -> bool:
        return any(
            word.denied_by is not None or "denied-verb" in word.tags for word in self.words[i:end]
        )

    def _part_ends(self, part: Part, i: int) -> tuple[int, ...]:
        if i >= len(self.words):
            return ()
        asked = (id(part), i)
        if asked not in self._ends:
            self._ends[asked] = tuple(self._find_ends(part, i))
        return self._ends[asked]

    def _find_ends(self, part: Part, i: int) -> Iterator[int]:
        word = self.words[i]
        ends = set()
        for each in part.classes:
            if each in word.tags:
                end = i + 1
                while end < len(self.words) and each in self.words[end].tags:
                    end += 1
                ends.add(end)
        for key in word.keys:
            for phrase in part.alternatives.get(key, ()):
                end = i + len(phrase)
                if end in ends or end > len(self.words):
                    continue
                following = self.words[i + 1 : end]
                if all(
                    each in other.keys and other.sentence == word.sentence
                    for each, other in zip(phrase[1:], following, strict=True)
                ):
                    ends.add(end)
        if any(word.key.startswith(prefix) for prefix in part.prefixes):
            ends.add(i + 1)
        yield from sorted(ends, reverse=True)

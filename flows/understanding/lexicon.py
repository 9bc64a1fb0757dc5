"""The word lists of lexicons/, read once: what a word means, in whatever language it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Generic, TypeVar

from rapidfuzz import process
from rapidfuzz.distance import OSA

from flows import places
from flows.understanding.writing import is_arabic, keys_of, skeleton, stem, tokens

FOLDER = Path(__file__).parent / "lexicons"
LANGUAGES = ("fr", "en", "darija", "ar")
Phrase = tuple[str, ...]
T = TypeVar("T")


class Phrases(Generic[T]):
    """Phrases and what each means, found at a place of a text: the longest first."""

    def __init__(self, *, stemmed: bool = False) -> None:
        self.stemmed = stemmed
        self._by_first: dict[str, list[tuple[Phrase, T]]] = defaultdict(list)

    def add(self, phrase: str, meaning: T) -> None:
        words = self._plain(keys_of(phrase) or tuple(t.key for t in tokens(phrase)))
        if words and (words, meaning) not in self._by_first[words[0]]:
            self._by_first[words[0]].append((words, meaning))
            self._by_first[words[0]].sort(key=lambda pair: -len(pair[0]))

    def at(self, words: Sequence[Iterable[str]], start: int) -> list[tuple[int, T]]:
        """What begins here: (how many words, meaning) of the longest phrase, all its meanings."""
        found: list[tuple[int, T]] = []
        for first in words[start]:
            for phrase, meaning in self._by_first.get(first, ()):
                end = start + len(phrase)
                if found and len(phrase) < found[0][0]:
                    break
                if end <= len(words) and all(
                    word in words[start + i] for i, word in enumerate(phrase[1:], 1)
                ):
                    if found and len(phrase) > found[0][0]:
                        found.clear()
                    found.append((len(phrase), meaning))
        return found

    def every_at(self, words: Sequence[Iterable[str]], start: int) -> list[tuple[int, T]]:
        """Like `at`, with the shorter phrases too: a "body bébé" is also a "body"."""
        return [
            (len(phrase), meaning)
            for first in words[start]
            for phrase, meaning in self._by_first.get(first, ())
            if start + len(phrase) <= len(words)
            and all(word in words[start + i] for i, word in enumerate(phrase[1:], 1))
        ]

    def words(self) -> Iterator[str]:
        for phrases in self._by_first.values():
            for phrase, _ in phrases:
                yield from phrase

    def _plain(self, words: Phrase) -> Phrase:
        return tuple(stem(word) for word in words) if self.stemmed else words


@dataclass(frozen=True)
class Lexicon:
    """Everything the files say. Words are keyed as `writing.tokens` keys them."""

    sections: dict[str, Phrases[str]]
    """Of words.txt, options.txt, numbers.txt and times.txt, by the name of the section."""
    goods: Phrases[str]
    """Stems → concept: "sac a dos" is a backpack."""
    wider: dict[str, str]
    """Concept or colour → the wider one: a backpack is a bag, navy is a blue."""
    attributes: frozenset[str]
    """Concepts that tell goods apart only together with a thing."""
    languages: dict[str, frozenset[str]]
    """Small word → the languages it is of."""
    cues: str
    known: set[str] = field(default_factory=set)
    """Every word of every list, and the stems of goods."""

    def is_a(self, narrow: str, wide: str) -> bool:
        while narrow and narrow != wide:
            narrow = self.wider.get(narrow, "")
        return bool(narrow)


@cache
def word_list(section: str) -> frozenset[str]:
    """The keys of a section of roles.txt; KeyError when there is none of that name."""
    return _roles()[section]


@cache
def _roles() -> dict[str, frozenset[str]]:
    return {
        section: frozenset(key for word in words for key in keys_of(word))
        for section, _, words in _lines("roles.txt")
    }


@cache
def colour_roots() -> dict[str, str]:
    """Consonants of Darija → colour."""
    lines = _lines("roles.txt")
    return {
        root: name for section, name, roots in lines if section == "colour roots" for root in roots
    }


@cache
def lexicon() -> Lexicon:
    sections, languages, wider = _words()
    goods, attributes, wider_goods = _goods()
    made = Lexicon(
        sections,
        goods,
        wider | wider_goods,
        attributes,
        languages,
        (FOLDER / "cues.txt").read_text(encoding="utf-8"),
    )
    made.known.update(languages)
    for phrases in (*sections.values(), goods):
        made.known.update(phrases.words())
    return made


def _words() -> tuple[dict[str, Phrases[str]], dict[str, frozenset[str]], dict[str, str]]:
    """(sections, small word → its languages, colour → the wider one)."""
    sections: dict[str, Phrases[str]] = defaultdict(Phrases)
    sections["colour"] = Phrases(stemmed=True)  # noir, noire, noirs, noires
    languages: dict[str, set[str]] = defaultdict(set)
    wider: dict[str, str] = {}
    for file in ("words.txt", "options.txt", "numbers.txt", "times.txt"):
        for section, written, words in _lines(file):
            name = _named(written, wider)
            for word in words:
                if section in LANGUAGES:
                    for key in keys_of(word):
                        languages[key].add(section)
                else:
                    sections[section].add(word, name)
    return dict(sections), {key: frozenset(of) for key, of in languages.items()}, wider


def _goods() -> tuple[Phrases[str], frozenset[str], dict[str, str]]:
    """(stems → concept, the concepts that are attributes, concept → the wider one)."""
    goods: Phrases[str] = Phrases(stemmed=True)
    attributes: set[str] = set()
    wider: dict[str, str] = {}
    for path in sorted((FOLDER / "goods").iterdir()):
        for section, written, words in _lines(f"goods/{path.name}"):
            name = _named(written, wider)
            if section == "attributes":
                attributes.add(name)
            for word in words:
                goods.add(word, name)
    return goods, frozenset(attributes), wider


def _named(written: str, wider: dict[str, str]) -> str:
    """The name of "narrow > wide", which is noted."""
    name, _, parent = (part.strip() for part in written.partition(">"))
    if parent:
        wider[name] = parent
    return name


def _lines(file: str) -> Iterator[tuple[str, str, list[str]]]:
    """(section, name, words) of every line that says something."""
    section = ""
    for line in (FOLDER / file).read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, words = line.partition(" = ")
            yield section, name.strip(), [w.strip() for w in words.split(",") if w.strip()]


@cache
def city_words() -> frozenset[str]:
    """The words of the names of cities, of both countries and scripts."""
    names = (
        name
        for country in places.COUNTRIES
        for place in places.every(country)
        for name in (place.name, place.arabic, *place.spellings)
    )
    return frozenset(word for name in names for word in keys_of(name))


_ARABIZI = frozenset("3795")


class Spelling:
    """Words that are known, and which of them a misspelt or freely spelt one can be."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = frozenset(known)
        self._by_skeleton: dict[str, list[str]] = defaultdict(list)
        self._by_letter: dict[tuple[str, int], list[str]] = defaultdict(list)
        for word in sorted(self.known):
            if len(sounds := skeleton(word)) >= 2 and not word.isdigit():
                self._by_skeleton[sounds].append(word)
            if len(word) >= 4:
                self._by_letter[word[0], len(word)].append(word)
        self.near = lru_cache(maxsize=16384)(self._near)

    def _near(self, word: str) -> tuple[str, ...]:
        """The known words this can be: itself, else what sounds alike, else a typo away."""
        if word in self.known:
            return (word,)
        if len(word) < 3 or word.isdigit():
            return ()
        return self.alike(word) or self._mistyped(word)

    def alike(self, word: str) -> tuple[str, ...]:
        sounds = skeleton(word)
        if len(sounds) < 2 or is_arabic(word):
            return ()
        # Two consonants are shared by chance: only letters of arabizi make them a word.
        enough = (
            0.66
            if len(sounds) == 2 and _ARABIZI & set(word)
            else 0.85
            if len(sounds) == 2
            else 0.62
        )
        rated = [
            (OSA.normalized_similarity(word, other), other)
            for other in self._by_skeleton.get(sounds, ())
            if not is_arabic(other)
        ]
        best = max((rate for rate, _ in rated), default=0)
        return tuple(other for rate, other in rated if rate == best) if best >= enough else ()

    def _mistyped(self, word: str) -> tuple[str, ...]:
        away = 0 if len(word) < 5 else 1 if len(word) < 8 else 2
        if not away:
            return ()
        near = [
            found
            for length in range(len(word) - away, len(word) + away + 1)
            for found in process.extract(
                word,
                self._by_letter.get((word[0], length), ()),
                scorer=OSA.distance,
                score_cutoff=away,
                limit=3,
            )
        ]
        least = min((distance for _, distance, _ in near), default=0)
        return tuple(sorted(other for other, distance, _ in near if distance == least))[:3]

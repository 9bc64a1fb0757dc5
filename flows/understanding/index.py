"""The words of the names of goods: which products and notions each word can mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.products import (
    EXACT,
    NARROWER,
    SOUNDS,
    TYPO,
    WEAK,
    WIDER,
    Product,
    Term,
)
from flows.understanding.reading import Message, Word, read, spelling
from flows.understanding.writing import is_arabic, skeleton, stem

Told = dict[int, tuple[int, float]]
"""Product → (its term, how sure)."""
Matches = dict[int, Told]
"""How many words → what they tell."""
_Terms = dict[tuple[int, int], float]
"""(product, term) → how sure."""
REMEMBERED = 8192
"""Spellings that are remembered."""


class Index:
    """Built once for a catalogue; asked for every word of a message."""

    def __init__(self) -> None:
        self.concepts_of: dict[int, set[str]] = defaultdict(set)
        """What each product is and what it is of, in any language."""
        self._by_stem: dict[str, _Terms] = defaultdict(dict)
        self._by_concept: dict[str, _Terms] = defaultdict(dict)
        self._by_number: dict[str, _Terms] = defaultdict(dict)
        self._by_skeleton: dict[str, set[str]] = defaultdict(set)
        self._by_letter: dict[str, list[str]] = defaultdict(list)
        self._spelt: dict[str, tuple[tuple[str, float], ...]] = {}

    def add(self, number: int, product: Product, name: str, *, main: bool) -> None:
        """A name of a product; what other names say again is the same notion."""
        message = read(name, lambda _: True)  # names are not corrected
        i = 0
        while i < len(message.words):
            if main:
                self._add_number(message, i, number, product)
            i += self._add_term(message, i, number, product, main=main)

    def close(self) -> None:
        """All names are known: what is wider, and how words sound."""
        exact = {concept: dict(terms) for concept, terms in self._by_concept.items()}
        self._widen(exact)
        self._narrow(exact)
        for word in sorted(self._by_stem):
            if len(skeleton(word)) >= 2:
                self._by_skeleton[skeleton(word)].add(word)
            if len(word) >= 4:
                self._by_letter[word[0]].append(word)

    def knows(self, key: str) -> bool:
        """Whether a word is one of a name."""
        return stem(key) in self._by_stem

    def matches(self, message: Message, i: int) -> Matches:
        """What the words that begin here can mean."""
        word = message.words[i]
        if word.kind == "number" and i and message.words[i - 1].kind == "word":
            return _only_those({1: self._numbered(word.key)})
        if word.kind != "word" or word.glued or _says_size(message, i):
            return {}
        found: Matches = defaultdict(dict)
        bare = word.key in _EMPTY and _is_plainly_written(message.text[word.start : word.end])
        for length, concept in self._concepts_at(message, i):
            if not (bare and length == 1):  # "the" is no tea, "thé" is
                _tell(found[length], self._by_concept.get(concept, {}))
        for length, colour in lexicon().sections["colour"].at(message.stems, i):
            _tell(found[length], self._by_concept.get(f"colour {colour}", {}))
        short = len(word.key) < 3 and not self.knows(word.key)
        for spelt, sure in () if bare or short else self._spellings(word):
            _tell(found[1], self._by_stem.get(spelt, {}), sure)
        return _only_those(found)

    def _concepts_at(self, message: Message, i: int) -> list[tuple[int, str]]:
        return lexicon().goods.every_at(message.stems, i)

    def _numbered(self, key: str) -> Told:
        told: Told = {}
        _tell(told, self._by_number.get(key, {}))
        return told

    def _add_number(self, message: Message, i: int, number: int, product: Product) -> None:
        word = message.words[i]
        if word.kind == "number" and product.terms and not _measures(message, i):
            self._by_number[word.key][number, len(product.terms)] = EXACT
            product.terms.append(Term(WEAK, plain=False))

    def _add_term(
        self, message: Message, i: int, number: int, product: Product, *, main: bool
    ) -> int:
        """The notion that begins here; gives how many words it has."""
        concepts = lexicon().goods.at(message.stems, i)
        if (not concepts and _says_nothing(message, i)) or _is_unit(message, i):
            return 1
        length = concepts[0][0] if concepts else 1
        place = len(product.terms) if main else self._said_before(number, product, concepts)
        if main or place == len(product.terms):
            plain = _is_plain(message, i, concepts)
            product.terms.append(Term(1.0 if plain else WEAK, plain))
        term = (number, place)
        self._add_words(message, i, length, term)
        self._add_concepts(message, i, concepts, term)
        return length

    def _said_before(
        self, number: int, product: Product, concepts: Sequence[tuple[int, str]]
    ) -> int:
        """The term that another name's word says again, else a new one."""
        for _, concept in concepts:
            for owner, term in self._by_concept.get(concept, {}):
                if owner == number:
                    return term
        return 0 if product.terms else len(product.terms)

    def _add_words(self, message: Message, i: int, length: int, term: tuple[int, int]) -> None:
        colour = lexicon().sections["colour"].at(message.stems, i)
        for k in range(i, i + length):
            key = message.words[k].key
            share = EXACT if length == 1 or (k == i and not colour) else WEAK
            if key not in _EMPTY and len(key) > 1:
                self._by_stem[stem(key)].setdefault(term, share)

    def _add_concepts(
        self,
        message: Message,
        i: int,
        concepts: Sequence[tuple[int, str]],
        term: tuple[int, int],
    ) -> None:
        for length, concept in self._concepts_at(message, i):
            inner = bool(concepts) and length < concepts[0][0]
            if inner and concept not in lexicon().attributes:
                self._by_concept[concept].setdefault(term, NARROWER)
        for _, concept in concepts:
            self._by_concept[concept][term] = EXACT
            self.concepts_of[term[0]].add(concept)
        if not concepts:
            for _, name in lexicon().sections["colour"].at(message.stems, i):
                self._by_concept[f"colour {name}"][term] = EXACT

    def _widen(self, exact: Mapping[str, _Terms]) -> None:
        """A wider word means a narrower thing."""
        for concept, terms in exact.items():
            for wider in _wider_than(concept):
                for term in terms:
                    self._by_concept[wider].setdefault(term, NARROWER)

    def _narrow(self, exact: Mapping[str, _Terms]) -> None:
        """A narrower word may mean a wider thing, with less certainty."""
        for narrow in lexicon().wider:
            for wider in _wider_than(narrow):
                for term, sure in exact.get(wider, {}).items():
                    if sure == EXACT:
                        self._by_concept[narrow].setdefault(term, WIDER)

    def _spellings(self, word: Word) -> tuple[tuple[str, float], ...]:
        """Words of the catalogue that this one is, sounds like, or is a typo away from."""
        if self.knows(word.key):
            return ((stem(word.key), EXACT),)
        if spelling().known & {word.key, stem(word.key)}:
            return ()
        if word.key not in self._spelt:
            if len(self._spelt) > REMEMBERED:
                self._spelt.clear()
            bare = stem(word.key)
            self._spelt[word.key] = self._alike(bare) or self._mistyped(bare)
        return self._spelt[word.key]

    def _alike(self, word: str) -> tuple[tuple[str, float], ...]:
        """The words that sound like it, of either script."""
        alike = [other for other in self._by_skeleton.get(skeleton(word), ()) if _may(word, other)]
        if not alike:
            return ()
        rates = {other: OSA.normalized_similarity(word, other) for other in sorted(alike)}
        best = max(rates.values())
        across = best == 0 and any(is_arabic(word) != is_arabic(other) for other in alike)
        if best < 0.55 and not across:
            return ((word, 0.0),)
        return tuple((other, SOUNDS) for other, rate in rates.items() if rate == best)

    def _mistyped(self, word: str) -> tuple[tuple[str, float], ...]:
        away = 0 if len(word) < 4 else 1 if len(word) < 7 else 2
        if not away:
            return ()
        words = self._by_letter.get(word[0], ())
        near = process.extract(word, words, scorer=OSA.distance, score_cutoff=away, limit=5)
        least = min((distance for _, distance, _ in near), default=0)
        return tuple((other, TYPO) for other, distance, _ in sorted(near) if distance == least)


def _wider_than(concept: str) -> Iterator[str]:
    wider = lexicon().wider
    while concept := wider.get(concept, ""):
        yield concept


def _is_plainly_written(text: str) -> bool:
    """Without an accent that makes another word of it."""
    return text.isascii() or is_arabic(text)


def _may(word: str, other: str) -> bool:
    """Words of two consonants must be alike in their vowels too."""
    sounds, same_script = skeleton(word), is_arabic(word) == is_arabic(other)
    return len(sounds) >= 3 or (
        len(sounds) == 2 and same_script and OSA.normalized_similarity(word, other) >= 0.7
    )


def _says_nothing(message: Message, i: int) -> bool:
    word, linking = message.words[i], lexicon().sections["linking"]
    return word.kind != "word" or len(word.key) < 2 or bool(linking.at(message.phrases, i))


def _is_unit(message: Message, i: int) -> bool:
    """The "places" of "tente 4 places"."""
    counted = i > 0 and message.words[i - 1].kind == "number"
    return counted and bool(lexicon().sections["unit"].at(message.phrases, i))


def _is_plain(message: Message, i: int, concepts: Sequence[tuple[int, str]]) -> bool:
    """Whether the word can name the product alone: no attribute, no colour, no small word."""
    lex = lexicon()
    if concepts:
        return any(concept not in lex.attributes for _, concept in concepts)
    colour = lex.sections["colour"].at(message.stems, i)
    neutral = lex.sections["neutral"].at(message.phrases, i)
    return message.words[i].key not in lex.languages and not (colour or neutral)


def _says_size(message: Message, i: int) -> bool:
    """ "tay 42" is a size, though "tay" is also tea."""
    following = message.words[i + 1] if i + 1 < len(message.words) else None
    said = lexicon().sections["size word"].at(message.phrases, i)
    return bool(following and following.kind == "number" and said)


def _measures(message: Message, i: int) -> bool:
    """A number with its unit: "20 W", "(6 pièces)" tell no goods apart."""
    sections, phrases = lexicon().sections, message.phrases
    return i + 1 < len(phrases) and bool(
        sections["unit"].at(phrases, i + 1) or sections["piece"].at(phrases, i + 1)
    )


def _tell(told: Told, terms: _Terms, share: float = 1.0) -> None:
    """Of each product the surest term."""
    for (product, term), sure in terms.items():
        if product not in told or told[product][1] < sure * share:
            told[product] = (term, sure * share)


def _only_those(found: Matches) -> Matches:
    return {length: told for length, told in found.items() if told}


_EMPTY = word_list("empty")

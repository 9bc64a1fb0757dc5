"""A catalogue made ready to be spoken of: which products the words of a message mean."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rapidfuzz import process
from rapidfuzz.distance import OSA

from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.meaning import Item
from flows.understanding.options import Value, value_of
from flows.understanding.reading import Message, Word, read, spelling
from flows.understanding.writing import is_arabic, skeleton, stem

EXACT, NARROWER, WIDER, SOUNDS, TYPO = 1.0, 0.9, 0.75, 0.8, 0.8
WEAK = 0.35
"""Of a word that tells goods apart but does not name them: "homme", "cuir"."""


@dataclass(frozen=True)
class Term:
    """One notion of a product's name, and what it weighs in naming it."""

    weight: float
    plain: bool
    """It can name the product alone."""


@dataclass
class Product:
    name: str
    items: list[Item]
    terms: list[Term] = field(default_factory=list)
    values: list[tuple[Value, ...]] = field(default_factory=list)
    """Per item its option values."""

    @property
    def strong(self) -> list[int]:
        return [i for i, term in enumerate(self.terms) if term.plain]

    def axes(self) -> dict[str, list[Value]]:
        """The options that tell its variants apart, with their values."""
        axes: dict[str, dict[str, Value]] = defaultdict(dict)
        for values in self.values:
            for value in values:
                axes[value.axis].setdefault(value.text.casefold(), value)
        several = len(self.items) > 1
        return {axis: list(of.values()) for axis, of in axes.items() if several and len(of) > 1}

    def all_axes(self) -> dict[str, list[Value]]:
        axes: dict[str, dict[str, Value]] = defaultdict(dict)
        for values in self.values:
            for value in values:
                axes[value.axis].setdefault(value.text.casefold(), value)
        return {axis: list(of.values()) for axis, of in axes.items()}


Match = tuple[int, int, float]
"""(product, its term, how sure)."""


@dataclass
class Mention:
    """Words that speak of one product, or of several that they do not tell apart."""

    first: int
    end: int
    used: list[int]
    products: list[int]
    score: float
    doubtful: bool = False
    sku: str | None = None
    """A reference that was typed: the variant is clear."""

    @property
    def product(self) -> int | None:
        return self.products[0] if len(self.products) == 1 and not self.doubtful else None


class Catalogue:
    """The goods of a merchant; built once, asked for every message."""

    def __init__(self, products: list[Product], extra: Mapping[str, Sequence[str]]) -> None:
        self.products = products
        self.by_sku = {
            _sku(item.sku): (i, item)
            for i, product in enumerate(products)
            for item in product.items
        }
        self._by_stem: dict[str, dict[tuple[int, int], float]] = defaultdict(dict)
        self._by_concept: dict[str, dict[tuple[int, int], float]] = defaultdict(dict)
        self._by_skeleton: dict[str, set[str]] = defaultdict(set)
        self._by_letter: dict[str, list[str]] = defaultdict(list)
        self._concepts_of: dict[int, set[str]] = defaultdict(set)
        self._by_number: dict[str, dict[tuple[int, int], float]] = defaultdict(dict)
        self._spelt: dict[str, tuple[tuple[str, float], ...]] = {}
        for i, product in enumerate(products):
            self._index(i, product, product.name, named=True)
            for name in extra.get(product.name, ()):
                self._index(i, product, name, named=False)
        self._narrow()
        for word in sorted(self._by_stem):
            if len(skeleton(word)) >= 2:
                self._by_skeleton[skeleton(word)].add(word)
            if len(word) >= 4:
                self._by_letter[word[0]].append(word)

    @classmethod
    def of(
        cls, items: Iterable[Item], extra: Mapping[str, Sequence[str]] | None = None
    ) -> Catalogue:
        """A catalogue of these variants; `extra` has other names of products, by their name."""
        products: dict[str, Product] = {}
        for item in items:
            product = products.setdefault(item.name.strip().casefold(), Product(item.name, []))
            product.items.append(item)
            product.values.append(
                tuple(value_of(axis, str(text)) for axis, text in item.options.items())
            )
        return cls(list(products.values()), extra or {})

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers of its option values: 10000 of "10000 mAh"."""
        return frozenset(
            value.split(" ")[0]
            for product in self.products
            for values in product.values
            for one in values
            for kind, value in one.options
            if kind in ("number", "measure", "age")
        )

    @cached_property
    def has_ages(self) -> bool:
        return any(
            kind == "age"
            for product in self.products
            for values in product.values
            for one in values
            for kind, _ in one.options
        )

    def item_of_sku(self, text: str) -> tuple[int, Item] | None:
        """(product, variant) of a reference as somebody types it."""
        bare = _sku(text)
        return self.by_sku.get(bare) if len(bare) >= 3 else None

    def knows(self, key: str) -> bool:
        """Whether a word is one of its names' or values'."""
        return stem(key) in self._by_stem or key in self._value_words

    @cached_property
    def _value_words(self) -> frozenset[str]:
        return frozenset(
            word
            for product in self.products
            for values in product.values
            for value in values
            for word in value.words
        )

    def _index(self, number: int, product: Product, name: str, *, named: bool) -> None:
        message = read(name, lambda _: True)  # names are not corrected
        words, lex = message.words, lexicon()
        i = 0
        while i < len(words):
            word = words[i]
            concepts = lex.goods.at(message.stems, i)
            colour = lex.sections["colour"].at(message.stems, i)
            if word.kind == "number" and named and product.terms and not _measures(message, i):
                self._by_number[word.key][(number, len(product.terms))] = EXACT
                product.terms.append(Term(WEAK, plain=False))
            if not concepts and (
                word.kind != "word"
                or len(word.key) < 2
                or lex.sections["linking"].at(message.phrases, i)
            ):
                i += 1
                continue
            length = concepts[0][0] if concepts else 1
            plain = bool(concepts) or word.key not in lex.languages
            if concepts and all(concept in lex.attributes for _, concept in concepts):
                plain = False
            if not concepts and (colour or lex.sections["neutral"].at(message.phrases, i)):
                plain = False
            number_of_term = (
                len(product.terms)
                if named
                else _shared(product, concepts, self._by_concept, number)
            )
            if named or number_of_term == len(product.terms):
                product.terms.append(Term(1.0 if plain else WEAK, plain))
            term = (number, number_of_term)
            for k in range(i, i + length):
                share = EXACT if length == 1 or (k == i and not colour) else WEAK
                if words[k].key not in _EMPTY and len(words[k].key) > 1:
                    self._by_stem[stem(words[k].key)].setdefault(term, share)
            for inner, concept in lex.goods.every_at(message.stems, i):
                if inner < length:
                    self._by_concept[concept].setdefault(term, NARROWER)
            for _, concept in concepts:
                self._by_concept[concept][term] = EXACT
                self._concepts_of[number].add(concept)
            for _, name_ in () if concepts else colour:
                self._by_concept[f"colour {name_}"][term] = EXACT
            i += length

    def _narrow(self) -> None:
        """A wider word means a narrower thing, and the other way round, with less certainty."""
        lex = lexicon()
        exact = {concept: dict(terms) for concept, terms in self._by_concept.items()}
        for concept, terms in exact.items():
            wider = lex.wider.get(concept, "")
            while wider:
                for term in terms:
                    self._by_concept[wider].setdefault(term, NARROWER)
                wider = lex.wider.get(wider, "")
        for narrow in lex.wider:
            wider = lex.wider[narrow]
            while wider:
                for term, sure in exact.get(wider, {}).items():
                    if sure == EXACT:
                        self._by_concept[narrow].setdefault(term, WIDER)
                wider = lex.wider.get(wider, "")

    def mentions(self, message: Message, free: Sequence[bool]) -> list[Mention]:
        """The products that a message speaks of, left to right, on words that are still free."""
        found: list[Mention] = []
        matches = [self._matches(message, i) if free[i] else {} for i in range(len(message.words))]
        i = 0
        while i < len(matches):
            begins = matches[i] and message.words[i].kind == "word"
            mention = self._mention(message, matches, i, free) if begins else None
            if mention:
                self._narrowed(message, mention, matches, free)
                found.append(mention)
                i = mention.end
            else:
                i += 1
        return found

    def _narrowed(
        self,
        message: Message,
        mention: Mention,
        matches: Sequence[dict[int, dict[int, tuple[int, float]]]],
        free: Sequence[bool],
    ) -> None:
        """ "two men's deodorants": what stands before the goods tells which of them."""
        if len(mention.products) < 2:
            return
        words = message.words
        for i in range(mention.first - 1, max(-1, mention.first - 4), -1):
            if words[i].sentence != words[mention.first].sentence or words[i + 1].comma:
                return
            those = [p for p in mention.products if any(p in of for of in matches[i].values())]
            if those and len(those) < len(mention.products):
                mention.products = those
                mention.used.insert(0, i)
                mention.first = i
                return

    def _matches(self, message: Message, i: int) -> dict[int, dict[int, tuple[int, float]]]:
        """How far → product → (term, how sure) for the words that begin here."""
        word = message.words[i]
        if word.kind == "number" and i and message.words[i - 1].kind == "word":
            numbers: dict[int, tuple[int, float]] = {}
            for (product, term), sure in self._by_number.get(word.key, {}).items():
                _better(numbers, product, term, sure)
            return {1: numbers} if numbers else {}
        if word.kind != "word" or word.glued or _says_size(message, i):
            return {}
        found: dict[int, dict[int, tuple[int, float]]] = defaultdict(dict)
        bare = word.key in _EMPTY and message.text[word.start : word.end].casefold() == word.key
        for length, concept in lexicon().goods.every_at(message.stems, i):
            if bare and length == 1:
                continue  # "the" is no tea, "thé" is
            for (product, term), sure in self._by_concept.get(concept, {}).items():
                _better(found[length], product, term, sure)
        for length, colour in lexicon().sections["colour"].at(message.stems, i):
            for (product, term), sure in self._by_concept.get(f"colour {colour}", {}).items():
                if sure == EXACT:
                    _better(found[length], product, term, sure)
        if bare or (len(word.key) < 3 and stem(word.key) not in self._by_stem):
            return found
        for spelt, sure in self._spellings(word):
            for (product, term), share in self._by_stem.get(spelt, {}).items():
                _better(found[1], product, term, sure * share)
        return {length: products for length, products in found.items() if products}

    def _spellings(self, word: Word) -> tuple[tuple[str, float], ...]:
        """Words of the catalogue that this one is, sounds like, or is a typo away from."""
        if stem(word.key) in self._by_stem:
            return ((stem(word.key), EXACT),)
        if spelling().known & {word.key, stem(word.key)}:
            return ()
        if word.key not in self._spelt:
            if len(self._spelt) > 8192:
                self._spelt.clear()
            self._spelt[word.key] = self._guesses(stem(word.key))
        return self._spelt[word.key]

    def _guesses(self, word: str) -> tuple[tuple[str, float], ...]:
        sounds = skeleton(word)
        alike = [
            other
            for other in sorted(self._by_skeleton.get(sounds, ()))
            if len(sounds) >= 3
            or (
                len(sounds) == 2
                and is_arabic(word) == is_arabic(other)
                and OSA.normalized_similarity(word, other) >= 0.7
            )
        ]
        if alike:
            best = max(OSA.normalized_similarity(word, other) for other in alike)
            across = any(is_arabic(word) != is_arabic(other) for other in alike)
            if best < 0.55 and not (across and best == 0):
                return ()
            return tuple(
                (other, SOUNDS) for other in alike if OSA.normalized_similarity(word, other) == best
            )
        away = 0 if len(word) < 4 else 1 if len(word) < 7 else 2
        if not away:
            return ()
        near = process.extract(
            word, self._by_letter.get(word[0], ()), scorer=OSA.distance, score_cutoff=away, limit=5
        )
        least = min((distance for _, distance, _ in near), default=0)
        return tuple((other, TYPO) for other, distance, _ in sorted(near) if distance == least)

    def _mention(
        self,
        message: Message,
        matches: Sequence[dict[int, dict[int, tuple[int, float]]]],
        start: int,
        free: Sequence[bool],
    ) -> Mention | None:
        length = max(matches[start])
        told: dict[int, dict[int, float]] = {
            product: {term: sure} for product, (term, sure) in matches[start][length].items()
        }
        if length > 1 and 1 in matches[start]:
            pass
        used = list(range(start, start + length))
        end = i = start + length
        words = message.words
        while i < len(words) and i - end <= 3 and words[i].sentence == words[start].sentence:
            more = matches[i] if free[i] else {}
            if more and not (words[i].comma and i > end):
                step = max(more)
                both = {
                    product: told[product] | {term: sure}
                    for product, (term, sure) in more[step].items()
                    if product in told and term not in told[product]
                }
                if not both:
                    break
                told = both
                used += range(i, i + step)
                end = i = i + step
            elif _passes(message, i):
                i += 1
            else:
                break
        return self._settled(message, told, used, start, end)

    def _settled(
        self,
        message: Message,
        told: dict[int, dict[int, float]],
        used: list[int],
        start: int,
        end: int,
    ) -> Mention | None:
        scores: dict[int, float] = {}
        for product, terms in told.items():
            those = self.products[product].terms
            strong = any(those[term].plain and sure > WEAK for term, sure in terms.items())
            whole = len(terms) == len(those) and max(terms.values()) > WEAK
            if strong or whole:
                scores[product] = sum(those[term].weight * sure for term, sure in terms.items())
        if not scores:
            return None
        best = max(scores.values())
        top = [product for product, score in scores.items() if score >= best - 0.05]
        heads = [product for product in top if 0 in told[product]]
        top = heads or top  # a mug is what is called so, not the set that has mugs
        if len(top) > 1:
            whole_ones = [p for p in top if set(self.products[p].strong) <= set(told[p])]
            entire = [p for p in whole_ones if len(told[p]) == len(self.products[p].terms)]
            top = entire if len(entire) == 1 else whole_ones if len(whole_ones) == 1 else top
        doubtful = (
            any(
                sure == WIDER and set(self.products[p].strong) - set(told[p])
                for p in top
                for sure in told[p].values()
            )
            or self._contradicted(message, top, told, end)
            or self._for_others(message, top, end)
        )
        return Mention(start, end, used, sorted(top), best, doubtful)

    def _contradicted(
        self, message: Message, top: list[int], told: dict[int, dict[int, float]], end: int
    ) -> bool:
        """ "huile d'olive" is not the argan oil that is the only oil here."""
        words = message.words
        if (
            end < len(words)
            and not words[end].known
            and _ADJECTIVE.search(words[end].key)
            and not words[end].comma
            and words[end].sentence == words[end - 1].sentence
        ):
            return all(set(self.products[p].strong) - set(told[p]) for p in top)
        if (
            end + 1 >= len(words)
            or words[end].key not in _OF
            or words[end].sentence != words[end - 1].sentence
        ):
            return False
        following = words[end + 1]
        lex = lexicon()
        concepts = lex.goods.at(message.stems, end + 1)
        unknown = not following.known and following.kind == "word" and len(following.key) > 3
        named = any(concept not in lex.attributes for _, concept in concepts)
        uncovered = all(set(self.products[p].strong) - set(told[p]) for p in top)
        return uncovered and (named or unknown)

    def _for_others(self, message: Message, top: list[int], end: int) -> bool:
        """ "montre homme" is not the only watch there is, which is for women."""
        said = {
            concept
            for i in range(end - 1, min(end + 3, len(message.words)))
            for _, concept in lexicon().goods.at(message.stems, i)
        }
        for group in _APART:
            if wanted := said & group:
                theirs = [self._concepts_of[p] & group for p in top]
                if theirs and all(each and not each & wanted for each in theirs):
                    return True
        return False


# "crème solaire": a French adjective that no name here has.
_ADJECTIVE = re.compile(r"(?:aire|ique|euse?x?|ante?|ive?|ale?|iere?)s?$")
_APART = (
    *(frozenset(pair) for pair in (("men", "women"), ("girl", "boy"))),
    *(
        frozenset((one, other))
        for one in ("men", "women")
        for other in ("kids", "baby", "girl", "boy")
    ),
    frozenset(("face", "hair", "body", "beard")),
)
_OF = word_list("of what")
_EMPTY = word_list("empty")


def _says_size(message: Message, i: int) -> bool:
    """ "tay 42" is a size, though "tay" is also tea."""
    following = message.words[i + 1] if i + 1 < len(message.words) else None
    return bool(
        following
        and following.kind == "number"
        and lexicon().sections["size word"].at(message.phrases, i)
    )


def _measures(message: Message, i: int) -> bool:
    """A number with its unit: "20 W", "(6 pièces)" tell no goods apart."""
    units = lexicon().sections
    return i + 1 < len(message.words) and bool(
        units["unit"].at(message.phrases, i + 1) or units["piece"].at(message.phrases, i + 1)
    )


def _better(found: dict[int, tuple[int, float]], product: int, term: int, sure: float) -> None:
    if product not in found or found[product][1] < sure:
        found[product] = (term, sure)


def _passes(message: Message, i: int) -> bool:
    """Words that may stand between the words of one name: "sac *noir en* cuir"."""
    sections = lexicon().sections
    return bool(
        sections["linking"].at(message.phrases, i)
        or sections["without"].at(message.phrases, i)
        or sections["neutral"].at(message.phrases, i)
        or sections["colour"].at(message.stems, i)
        or sections["unit"].at(message.phrases, i)
    )


def _shared(
    product: Product,
    concepts: list[tuple[int, str]],
    by_concept: Mapping[str, Mapping[tuple[int, int], float]],
    number: int,
) -> int:
    """The term that another name's word says again, else a new one."""
    for _, concept in concepts:
        for owner, term in by_concept.get(concept, {}):
            if owner == number:
                return term
    return 0 if product.terms else len(product.terms)


def _sku(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())

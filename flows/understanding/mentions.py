"""Which product the words of a message mean, of all that they can mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from flows.understanding.index import Matches
from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.products import WEAK, WIDER, Mention, Product
from flows.understanding.reading import Message

GAP = 3
"""Words that may stand between the words of one name."""
SAME = 0.05
"""Scores that differ by no more are the same."""
Terms = dict[int, dict[int, float]]
"""Product → its terms that were said, and how sure."""


class Mentions:
    """The products that one message speaks of."""

    def __init__(
        self,
        message: Message,
        products: Sequence[Product],
        concepts_of: Mapping[int, set[str]],
        matches: Sequence[Matches],
    ) -> None:
        self.message = message
        self.products = products
        self.concepts_of = concepts_of
        self.matches = matches

    def every(self) -> list[Mention]:
        """Left to right; several products that fit equally well are one mention."""
        found: list[Mention] = []
        i = 0
        while i < len(self.matches):
            begins = self.matches[i] and self.message.words[i].kind == "word"
            mention = self._at(i) if begins else None
            if mention:
                self._narrow(mention)
                found.append(mention)
                i = mention.end
            else:
                i += 1
        return found

    def _at(self, start: int) -> Mention | None:
        """The longest name that begins here."""
        words, length = self.message.words, max(self.matches[start])
        told: Terms = {p: {term: sure} for p, (term, sure) in self.matches[start][length].items()}
        used = list(range(start, start + length))
        end = i = start + length
        while i < len(words) and i - end <= GAP and words[i].sentence == words[start].sentence:
            more = self.matches[i] and not (words[i].comma and i > end)
            if not more and _passes(self.message, i):
                i += 1
                continue
            step = max(self.matches[i]) if more else 0
            both = self._both(told, i, step)
            if not both:
                break
            told = both
            used += range(i, i + step)
            end = i = i + step
        return self._settled(told, used, end)

    def _both(self, told: Terms, i: int, step: int) -> Terms:
        """The products that these words tell of too, by another term."""
        return {
            product: told[product] | {term: sure}
            for product, (term, sure) in self.matches[i].get(step, {}).items()
            if product in told and term not in told[product]
        }

    def _settled(self, told: Terms, used: list[int], end: int) -> Mention | None:
        scores = {product: self._score(product, terms) for product, terms in told.items()}
        best = max(scores.values(), default=0.0)
        if not best:
            return None
        top = self._best_named([p for p, score in scores.items() if score >= best - SAME], told)
        doubtful = (
            self._is_wider(top, told)
            or self._is_contradicted(top, told, end)
            or self._is_for_others(top, end)
        )
        return Mention(used[0], end, used, sorted(top), best, doubtful)

    def _score(self, product: int, terms: Mapping[int, float]) -> float:
        """0 where only words were said that tell goods apart without naming them."""
        those = self.products[product].terms
        strong = any(those[term].plain and sure > WEAK for term, sure in terms.items())
        whole = len(terms) == len(those) and max(terms.values()) > WEAK
        said = sum(those[term].weight * sure for term, sure in terms.items())
        return said if strong or whole else 0.0

    def _best_named(self, top: list[int], told: Terms) -> list[int]:
        """A mug is what is called so, not the set that has mugs; a whole name before a part."""
        heads = [product for product in top if 0 in told[product]] or top
        whole = [p for p in heads if self.products[p].strong <= told[p].keys()]
        entire = [p for p in whole if len(told[p]) == len(self.products[p].terms)]
        return next((those for those in (entire, whole) if len(those) == 1), heads)

    def _is_wider(self, top: Sequence[int], told: Terms) -> bool:
        """A narrower word than the name, where the name has more to say."""
        return any(
            WIDER in told[p].values() and self.products[p].strong - told[p].keys() for p in top
        )

    def _is_contradicted(self, top: Sequence[int], told: Terms, end: int) -> bool:
        """ "huile d'olive" is not the argan oil that is the only oil here."""
        words = self.message.words
        if end == len(words) or words[end].sentence != words[end - 1].sentence:
            return False
        adjective = not (words[end].known or words[end].comma)
        if adjective and _ADJECTIVE.search(words[end].key):
            of_another = True
        else:
            of_another = words[end].key in _OF and self._is_of_something(end + 1)
        return of_another and all(self.products[p].strong - told[p].keys() for p in top)

    def _is_of_something(self, i: int) -> bool:
        if i == len(self.message.words):
            return False
        lex, word = lexicon(), self.message.words[i]
        concepts = lex.goods.at(self.message.stems, i)
        unknown = not word.known and word.kind == "word" and len(word.key) > 3
        return unknown or any(concept not in lex.attributes for _, concept in concepts)

    def _is_for_others(self, top: Sequence[int], end: int) -> bool:
        """ "montre homme" is not the only watch there is, which is for women."""
        said = {
            concept
            for i in range(end - 1, min(end + 3, len(self.message.words)))
            for _, concept in lexicon().goods.at(self.message.stems, i)
        }
        return any(
            (wanted := said & group)
            and all(self.concepts_of[p] & group and not self.concepts_of[p] & wanted for p in top)
            for group in _APART
        )

    def _narrow(self, mention: Mention) -> None:
        """ "two men's deodorants": what stands before the goods tells which of them."""
        words = self.message.words
        for i in range(mention.first - 1, max(-1, mention.first - 4), -1):
            apart = words[i].sentence != words[mention.first].sentence or words[i + 1].comma
            if apart or len(mention.products) < 2:
                return
            told = {product for of in self.matches[i].values() for product in of}
            if told & set(mention.products) and not told.issuperset(mention.products):
                mention.products = [p for p in mention.products if p in told]
                mention.used.insert(0, i)
                mention.first = i
                return


def _passes(message: Message, i: int) -> bool:
    """Words that may stand between the words of one name: "sac *noir en* cuir"."""
    sections = lexicon().sections
    return bool(sections["colour"].at(message.stems, i)) or any(
        sections[name].at(message.phrases, i) for name in ("linking", "without", "neutral", "unit")
    )


# "crème solaire": a French adjective that no name here has.
_ADJECTIVE = re.compile(r"(?:aire|ique|euse?x?|ante?|ive?|ale?|iere?)s?$")
_APART = (
    *(frozenset(pair) for pair in (("men", "women"), ("girl", "boy"))),
    *(frozenset((one, other)) for one in ("men", "women") for other in ("kids", "baby")),
    *(frozenset((one, other)) for one in ("men", "women") for other in ("girl", "boy")),
    frozenset(("face", "hair", "body", "beard")),
)
_OF = word_list("of what")

"""Which words of a message are taken by telephones, names, prices and the like, and which free."""

from __future__ import annotations

from collections.abc import Sequence

from flows.understanding.goods import Catalogue, Mention
from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.meaning import Entity
from flows.understanding.piece import LARGEST
from flows.understanding.reading import Message, Word

LONGEST_SKU = 6
CHEAPEST = 50
"""From this number on "for 50" names a price without its currency."""


class Claims:
    """The words that are still free, and the entities that were found in the others."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.free = [word.kind in ("word", "number") for word in message.words]
        self.found: list[Entity] = []
        for word in message.words:
            if word.kind == "number":
                word.tags.add("number")

    def tag(self, first: int, end: int, tag: str) -> None:
        """These words show what they are and stay free."""
        for word in self.message.words[first:end]:
            word.tags.add(tag)

    def spend(self, first: int, end: int) -> None:
        """These words are nothing else any more."""
        for i in range(first, end):
            self.free[i] = False

    def claim(self, entities: Sequence[Entity], tag: str) -> None:
        """The words of these entities are taken, where no earlier one has them."""
        for entity in entities:
            if any(e.start < entity.end and entity.start < e.end for e in self.found):
                continue
            self.found.append(entity)
            for i, word in enumerate(self.message.words):
                if entity.start <= word.start < entity.end:
                    self._take(i, tag)

    def claim_names(self) -> None:
        """Who somebody is called is no product: "smiti Karim" orders no cream."""
        words, called = self.message.words, lexicon().sections["called"]
        for i, word in enumerate(words):
            found = called.at(self.message.phrases, i)
            first = i + found[0][0] if found else len(words)
            for j in range(first, min(len(words), first + 2)):
                apart = words[j].sentence != word.sentence or (words[j].comma and j > first)
                if apart or words[j].kind != "word":
                    break
                self.free[j] = False
                words[j].tags.add("name")

    def claim_prices(self, catalogue: Catalogue) -> None:
        """Numbers with a currency, offered for, or too large to count anything."""
        for i, word in enumerate(self.message.words):
            if word.kind != "number" or not self.free[i]:
                continue
            too_large = float(word.key) > LARGEST and word.key not in catalogue.numbers
            if too_large or self._has_currency(i) or self._is_offered(i):
                self._take(i, "price")

    def claim_durations(self, *, ages_are_options: bool) -> None:
        """ "3 jours", "two weeks"; months and years only where they are no option of the goods."""
        words, spans = self.message.words, lexicon().sections["duration"]
        numbers, phrases = lexicon().sections["number"], self.message.phrases
        for i in range(len(words) - 1):
            if ages_are_options and self._is_age(i + 1):
                continue
            counted = words[i].kind == "number" or numbers.at(phrases, i)
            together = words[i + 1].sentence == words[i].sentence
            if self.free[i] and counted and together and spans.at(phrases, i + 1):
                self._take(i, "duration")
                self._take(i + 1, "duration")

    def claim_skus(self, catalogue: Catalogue) -> list[Mention]:
        """References that were typed whole."""
        found: list[Mention] = []
        i = 0
        while i < len(self.message.words):
            mention = self._sku(catalogue, i)
            if mention:
                found.append(mention)
                self.spend(mention.first, mention.end)
                i = mention.end
            else:
                i += 1
        return found

    def _take(self, i: int, tag: str) -> None:
        self.free[i] = False
        self.message.words[i].tags.discard("number")
        self.message.words[i].tags.add(tag)

    def _following(self, i: int) -> Word | None:
        words = self.message.words
        return words[i + 1] if i + 1 < len(words) else None

    def _has_currency(self, i: int) -> bool:
        following, money = self._following(i), lexicon().sections["currency"]
        return bool(
            following
            and following.sentence == self.message.words[i].sentence
            and money.at(self.message.phrases, i + 1)
        )

    def _is_offered(self, i: int) -> bool:
        """ "b 100", "pour 100": unless it is measured, as in "pour 100 ml"."""
        words, unit = self.message.words, lexicon().sections["unit"]
        measured = self._following(i) and unit.at(self.message.phrases, i + 1)
        offered = i > 0 and words[i - 1].key in _OFFERS and float(words[i].key) >= CHEAPEST
        return offered and not measured

    def _is_age(self, i: int) -> bool:
        units = lexicon().sections["unit"].at(self.message.phrases, i)
        return any(unit.endswith(" month") for _, unit in units)

    def _sku(self, catalogue: Catalogue, i: int) -> Mention | None:
        for length in range(min(LONGEST_SKU, len(self.message.words) - i), 0, -1):
            text = self.message.text_of(i, i + length - 1)
            looks_like_one = " " not in text and any(c.isdigit() or c in "-_" for c in text)
            hit = catalogue.item_of_sku(text) if looks_like_one else None
            if hit and all(self.free[i : i + length]):
                product, item = hit
                used = list(range(i, i + length))
                return Mention(i, i + length, used, [product], 9.0, sku=item.sku)
        return None


_OFFERS = word_list("offers")

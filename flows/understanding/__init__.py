"""Understanding what customers write: French, Arabic, Darija and English, without a network.

Deterministic: the same text, catalogue and context give the same answer. How it decides, and how
its word lists are extended: docs/understanding.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.consents import words as consents
from flows.understanding import cities, contacts, cues
from flows.understanding.goods import Catalogue, Mention
from flows.understanding.intents import Evidence, Weighed, weigh
from flows.understanding.languages import language_of
from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.lines import LARGEST, Ordered, ordered, pieces, worded
from flows.understanding.meaning import SURE, Entity, Item, Line, Taught, Understood
from flows.understanding.options import Option, read_options
from flows.understanding.reading import read
from flows.understanding.writing import keys_of

__all__ = ["SURE", "Catalogue", "Entity", "Item", "Line", "Taught", "Understood", "understand"]

ASKED_CONFIRM = "asked_confirm"
WITH_LINES = frozenset(("order", "change_order"))


def understand(
    text: str,
    catalogue: Catalogue,
    *,
    country: str = "MA",
    context: str | None = None,
    taught: Sequence[Taught] = (),
) -> Understood:
    """What a customer's message means; nothing is refused, what is unclear is "other".

    `country` (ISO 3166) says whose cities and phone numbers come first; `context` is
    "asked_confirm" when the last message from the business asked to confirm an order.
    """
    reading = _Reading(text, catalogue, country)
    language = language_of(reading.message)
    weighed = _whole(text, reading, taught) or weigh(reading.evidence(context == ASKED_CONFIRM))
    intent = weighed.intent if weighed.confidence >= SURE else "other"
    result = reading.ordered
    lines = result.lines if intent in WITH_LINES else ()
    return Understood(
        language=language,
        intent=intent,
        confidence=weighed.confidence,
        rule=weighed.rule,
        entities=reading.entities(),
        lines=lines,
        # "vous êtes où à Casablanca ?" sends nothing there
        city=None if weighed.rule.startswith("shop: ") else reading.city,
        products=tuple(
            dict.fromkeys(
                catalogue.products[m.product].name
                for m in reading.mentions
                if m.product is not None
            )
        ),
        missing=dict(result.missing),
        quantity=result.quantity,
        quantities=dict(result.amounts),
        removed=reading.removed(),
        negated=any(word.denied_by is not None for word in reading.message.words),
    )


class _Reading:
    """One message with all that was found in it."""

    def __init__(self, text: str, catalogue: Catalogue, country: str) -> None:
        self.catalogue = catalogue
        self.message = message = read(text, catalogue.knows)
        self.free = [word.kind in ("word", "number") for word in message.words]
        self._keep_goods_whole()
        for word in message.words:
            if word.kind == "number":
                word.tags.add("number")
        self.found: list[Entity] = []
        first_cities = cities.named(message, country, self.free)
        region = self._region(first_cities, country)
        self._claim(contacts.phones(message, region), "phone")
        self._claim(contacts.order_numbers(message), "order_number")
        self._claim_names()
        self._claim_prices()
        self._claim_durations()
        self._claim(contacts.times(message), "time")
        for city in first_cities:
            self._tag(city.first, city.end, "city")
        self._claim(contacts.addresses(message, self.found), "address")
        reserved = [
            city
            for city in first_cities
            if not any(
                catalogue.knows(message.words[i].key) or not self.free[i]
                for i in range(city.first, city.end)
            )
        ]
        for word in message.words:
            word.tags.discard("city")
        for city in reserved:
            self._tag(city.first, city.end, "city")
            self._spend(city.first, city.end)
        for word in message.words:
            if "address" in word.tags:
                word.keys.clear()
        self.mentions = self._skus() + catalogue.mentions(message, self.free)
        self.mentions.sort(key=lambda mention: mention.first)
        for mention in self.mentions:
            for i in mention.used:
                self.message.words[i].tags.add("product")
                self.message.words[i].keys.intersection_update({self.message.words[i].key})
                self.free[i] = False
        self._keep_names_whole()
        used = {i for mention in self.mentions for i in mention.used}
        for word in message.words:
            if word.denied_by in used:  # ماء الورد begins like a negation
                word.denied_by = None
        self._clear_agreed()
        self.options = worded(message, self.mentions, catalogue, self.free)
        for option in self.options:
            self._spend(option.first, option.end)
        self.options += read_options(message.words, self.free)
        self.options.sort(key=lambda option: option.first)
        for option in self.options:
            self._tag(option.first, option.end, "option")
            for i in range(option.first, option.end):
                self.free[i] = False
        self.pieces = pieces(message, self.mentions, self.options, catalogue, self.free)
        for piece in self.pieces:
            if piece.kind == "quantity" and not piece.article:
                self._tag(piece.first, piece.end, "number")
                self._spend(piece.first, piece.end)
            elif piece.kind == "option":
                self._tag(piece.first, piece.end, "option")
                self._spend(piece.first, piece.end)
        named = [city for city in reserved if not cities.belongs_to_goods(message, city)]
        named += cities.named(message, country, self.free)
        named.sort(key=lambda city: city.first)
        for one in named:
            self._tag(one.first, one.end, "city")
        self.cities = named
        destination = cities.destination(message, named)
        self.city = destination.name if destination else None
        self.ordered: Ordered = ordered(
            self.pieces,
            catalogue,
            all_of_them=self._says(_ALL) or self._both(),
            each_of_them=self._says(_EACH) or self._both(),
        )

    def _says(self, wanted: frozenset[str]) -> bool:
        return any(word.keys & wanted for word in self.message.words)

    def _keep_goods_whole(self) -> None:
        """The "sans" of "sans fil" is of the goods and leaves nothing out."""
        without, phrases = lexicon().sections["without"], self.message.phrases
        for i, word in enumerate(self.message.words):
            goods = lexicon().goods.at(self.message.stems, i)
            left_out = without.at(phrases, i)
            if left_out and goods and goods[0][0] > left_out[0][0]:
                word.keys.clear()
                word.keys.add(_OF_GOODS)

    def _keep_names_whole(self) -> None:
        """The "sans" of "friteuse sans huile" is of its name and leaves nothing out."""
        for mention in self.mentions:
            for i in range(mention.first + 1, mention.end):
                word = self.message.words[i]
                if i not in mention.used and lexicon().sections["without"].at(
                    self.message.phrases, i
                ):
                    word.keys.clear()
                    word.stems.clear()
                    word.tags.add("product")
                    for other in self.message.words[mention.first : mention.end]:
                        other.denied_by = None

    def _clear_agreed(self) -> None:
        """The "pas" of "pas de souci" denies nothing that follows."""
        yes, words = lexicon().sections["yes"], self.message.words
        for i in range(len(words)):
            found = yes.at(self.message.phrases, i)
            inside = range(i, i + found[0][0]) if found and found[0][0] > 1 else range(0)
            for word in words:
                if word.denied_by in inside:
                    word.denied_by = None

    def _both(self) -> bool:
        """ "b jouj": what is said holds for the two that were named."""
        words = self.message.words
        twos = lexicon().sections["number"]
        return any(
            words[i].key in ("b", "ب", "les")
            and any(n == "2" for _, n in twos.at(self.message.phrases, i + 1))
            for i in range(len(words) - 1)
        )

    def evidence(self, asked: bool) -> Evidence:
        core = self._core()
        signs = [*cues.signs(self.message, core), *self._moved()]
        signs = [sign for sign in signs if not self._only_agrees(sign)]
        yes, no, strong = self._answers(core)
        return Evidence(
            message=self.message,
            signs=signs,
            core=core,
            yes=yes,
            no=no,
            strong_yes=strong,
            asked=asked,
            has_product=bool(self.mentions),
            has_lines=bool(self.ordered.lines),
            has_quantity=any(p.kind == "quantity" and not p.article for p in self.pieces),
            has_option=any(p.kind == "option" or p.article for p in self.pieces),
            has_city=bool(self.cities),
            has_time=any(e.kind == "time" for e in self.found),
            leftover=self._leftover(signs),
            beside=self._beside(),
        )

    def _moved(self) -> list[cues.Sign]:
        """Two cities of which one is left behind: another address, unless it is an order."""
        left = [
            city
            for city in self.cities
            if cities.left_behind(self.message, city) and not cities.leaves_from(self.message, city)
        ]
        if not left or len(left) == len(self.cities) or self.mentions:
            return []
        first, end = self.cities[0].first, self.cities[-1].end
        return [
            cues.Sign("change_address", 4.0, "change_address: one city for another", first, end)
        ]

    def _only_agrees(self, sign: cues.Sign) -> bool:
        """ "no problem" is a yes, not a complaint about a problem."""
        if sign.intent in ("confirm", "refuse"):
            return False
        words = self.message.words[sign.first : sign.end]
        if sign.intent == "complaint" and all("product" in word.tags for word in words):
            return True  # a "pencil case" is not "cassé"
        yes = lexicon().sections["yes"]
        for i in range(max(0, sign.first - 3), sign.end):
            found = yes.at(self.message.phrases, i)
            if found and found[0][0] > 1 and i <= sign.first and sign.end <= i + found[0][0]:
                return True
        return False

    def entities(self) -> tuple[Entity, ...]:
        found = [entity for entity in self.found if entity.kind != "price"]
        found += [
            self._spanned(
                "product", self.catalogue.products[m.product].name, m.first, m.used[-1] + 1
            )
            for m in self.mentions
            if m.product is not None
        ]
        found += [
            self._spanned("variant", self._value(piece.option), piece.first, piece.end)
            for piece in self.pieces
            if piece.option is not None
        ]
        found += [
            self._spanned("quantity", str(piece.quantity), piece.first, piece.end)
            for piece in self.pieces
            if piece.kind == "quantity" and piece.end > piece.first
        ]
        found += [self._spanned("city", city.name, city.first, city.end) for city in self.cities]
        return tuple(sorted(found, key=lambda e: (e.start, e.end)))

    def _spanned(self, kind: str, value: str, first: int, end: int) -> Entity:
        start, stop = self.message.words[first].start, self.message.words[end - 1].end
        return Entity(kind, value, self.message.text[start:stop], start, stop)

    def removed(self) -> tuple[str, ...]:
        """Products that were named only to say that they are not wanted."""
        named = [p for p in self.pieces if p.kind == "product" and p.mention is not None]
        wanted = {p.mention.product for p in named if not p.denied and p.mention}
        denied = {p.mention.product for p in named if p.denied and p.mention} - wanted
        numbers = sorted(number for number in denied if number is not None)
        return tuple(self.catalogue.products[number].name for number in numbers)

    def _value(self, option: Option) -> str:
        """ "couleur=Noir" where a product in question has it, else "colour=black"."""
        for mention in self.mentions or [
            Mention(0, 0, [], list(range(len(self.catalogue.products)))[:50], 0)
        ]:
            for number in mention.products:
                for axis, values in self.catalogue.products[number].all_axes().items():
                    fits = [(value.fit(option), value.text) for value in values]
                    best = max(fits, default=(0.0, ""))
                    if best[0] > 0:
                        return f"{axis}={best[1]}"
        return f"{_AXES.get(option.kind, option.kind)}={option.value}"

    def _region(self, named: Sequence[cities.Named], country: str) -> str:
        return named[-1].country if named else country

    def _claim(self, entities: list[Entity], tag: str) -> None:
        for entity in entities:
            if any(e.start < entity.end and entity.start < e.end for e in self.found):
                continue
            self.found.append(entity)
            for i, word in enumerate(self.message.words):
                if entity.start <= word.start < entity.end:
                    word.tags.add(tag)
                    word.tags.discard("number")
                    self.free[i] = False

    def _claim_names(self) -> None:
        """Who somebody is called is no product: "smiti Karim" orders no cream."""
        words = self.message.words
        called = lexicon().sections["called"]
        for i in range(len(words)):
            found = called.at(self.message.phrases, i)
            for j in range(i + found[0][0], min(len(words), i + found[0][0] + 2)) if found else ():
                if (
                    words[j].sentence != words[i].sentence
                    or words[j].kind != "word"
                    or (words[j].comma and j > i + found[0][0])
                ):
                    break
                self.free[j] = False
                words[j].tags.add("name")

    def _claim_prices(self) -> None:
        words, money = self.message.words, lexicon().sections["currency"]
        for i, word in enumerate(words):
            if word.kind != "number" or not self.free[i]:
                continue
            after = i + 1 < len(words) and money.at(self.message.phrases, i + 1)
            offered = (
                i > 0
                and words[i - 1].key in ("b", "a", "ب", "pour", "for")
                and float(word.key) >= 50
                and not (
                    i + 1 < len(words)
                    and lexicon().sections["unit"].at(self.message.phrases, i + 1)
                )
            )
            if (
                (after and words[i + 1].sentence == word.sentence)
                or (float(word.key) > LARGEST and word.key not in self.catalogue.numbers)
                or offered
            ):
                self.free[i] = False
                word.tags.discard("number")
                word.tags.add("price")

    def _claim_durations(self) -> None:
        words, spans = self.message.words, lexicon().sections["duration"]
        ages = lexicon().sections["unit"] if self.catalogue.has_ages else None
        numbers = lexicon().sections["number"]
        for i in range(len(words) - 1):
            counted = words[i].kind == "number" or numbers.at(self.message.phrases, i)
            if ages and any(
                unit.endswith(" month") for _, unit in ages.at(self.message.phrases, i + 1)
            ):
                continue
            if (
                self.free[i]
                and counted
                and words[i + 1].sentence == words[i].sentence
                and spans.at(self.message.phrases, i + 1)
            ):
                for j in (i, i + 1):
                    self.free[j] = False
                    words[j].tags.discard("number")
                    words[j].tags.add("duration")

    def _skus(self) -> list[Mention]:
        """References that were typed whole."""
        found = []
        words = self.message.words
        by_sku = self.catalogue.by_sku
        i = 0
        while i < len(words):
            for length in range(min(6, len(words) - i), 0, -1):
                text = self.message.text_of(i, i + length - 1)
                bare = "".join(letter for letter in text.casefold() if letter.isalnum())
                hit = (
                    by_sku.get(bare)
                    if " " not in text
                    and len(bare) >= 3
                    and any(c.isdigit() or c in "-_" for c in text)
                    else None
                )
                if hit and all(self.free[i : i + length]):
                    mention = Mention(i, i + length, list(range(i, i + length)), [hit[0]], 9.0)
                    mention.sku = hit[1].sku
                    found.append(mention)
                    for j in range(i, i + length):
                        self.free[j] = False
                    i += length - 1
                    break
            i += 1
        return found

    def says_only(self, wanted: tuple[str, ...]) -> bool:
        """Whether these words are the whole message, greetings and polite words apart."""
        keys = tuple(word.key for word in self.message.words)
        polite = self._polite()
        return bool(wanted) and any(
            keys[i : i + len(wanted)] == wanted
            and all(j in polite for j in (*range(i), *range(i + len(wanted), len(keys))))
            for i in range(len(keys))
        )

    def _tag(self, first: int, end: int, tag: str) -> None:
        for word in self.message.words[first:end]:
            word.tags.add(tag)

    def _spend(self, first: int, end: int) -> None:
        for i in range(first, end):
            self.free[i] = False

    def _core(self) -> tuple[int, int]:
        """Where the message begins and ends when greetings and polite words are left out."""
        words, polite = self.message.words, self._polite()
        begin, end = 0, len(words)
        while begin < end and begin in polite:
            begin += 1
        while end > begin and end - 1 in polite:
            end -= 1
        return (begin, end) if begin < end else (0, len(words))

    def _polite(self) -> set[int]:
        """The words that are greetings and politeness."""
        fillers, phrases = lexicon().sections["filler"], self.message.phrases
        return {
            j
            for i in range(len(phrases))
            for length, _ in fillers.at(phrases, i)
            for j in range(i, i + length)
            if not self.message.words[j].tags
        }

    def _beside(self) -> int:
        sections, phrases = lexicon().sections, self.message.phrases
        covered = self._polite()
        for i in range(len(phrases)):
            for section in ("yes", "no"):
                for length, _ in sections[section].at(phrases, i):
                    covered |= set(range(i, i + length))
        return len(phrases) - len(covered)

    def _answers(self, core: tuple[int, int]) -> tuple[bool, bool, bool]:
        """Whether it says yes, says no, and says a yes that is no mere "fine".

        At its beginning, or anywhere in a few words.
        """
        sections, words = lexicon().sections, self.message.words
        yes = no = strong = False
        i, stop = min(core[0], 0), len(words)
        quiet = 0
        while i < stop:
            agreed = sections["yes"].at(self.message.phrases, i)
            refused = sections["no"].at(self.message.phrases, i)
            if words[i].key == "la" and not self._la_is_no(i):
                refused = []
            if refused and (not agreed or refused[0][0] >= agreed[0][0]):
                no = no or quiet <= 3
                i += refused[0][0]
            elif agreed and (denier := words[i].denied_by) is not None and i - denier <= 3:
                no = no or quiet <= 2
                i += agreed[0][0]
            elif agreed and not words[i].tags & {"product", "option", "city"}:
                heard = quiet <= 2 or len(words) <= 6
                yes = yes or heard
                strong = strong or (heard and words[i].key not in _FINE)
                i += agreed[0][0]
            else:
                quiet += not sections["filler"].at(self.message.phrases, i)
                i += 1
        return yes, no, strong

    def _la_is_no(self, i: int) -> bool:
        """ "la" alone or before Darija is no; before a French noun it is an article."""
        words = self.message.words
        if i + 1 == len(words) or words[i + 1].sentence != words[i].sentence or words[i + 1].comma:
            return i == 0 or words[i].sentence != words[i - 1].sentence or words[i].comma
        following = lexicon().languages.get(words[i + 1].key, frozenset())
        first = (
            i == 0
            or words[i].sentence != words[i - 1].sentence
            or words[i].comma
            or bool(lexicon().sections["filler"].at(self.message.phrases, i - 1))
        )
        return first and "darija" in following and "fr" not in following

    def _leftover(self, signs: Sequence[cues.Sign]) -> int:
        covered = {i for sign in signs for i in range(sign.first, sign.end)}
        lex = lexicon()
        left = 0
        for i, word in enumerate(self.message.words):
            small = word.keys & lex.languages.keys()
            if i in covered or small or word.tags or word.kind != "word" or word.glued:
                continue
            left += not word.known
        return left


_OF_GOODS = "\0"
"""The key of a word that means nothing outside the name of goods."""
_FINE = word_list("weak yes")
_ALL = word_list("all of them")
_EACH = word_list("each of them")


def _whole(text: str, reading: _Reading, taught: Sequence[Taught]) -> Weighed | None:
    """What the whole message is: taught by the merchant, or one of the words of consents."""
    for each in taught:
        if reading.says_only(keys_of(each.phrase)):
            return Weighed(each.intent, 0.95, f"taught: {each.phrase}")
    said = consents.said(text)
    if said:
        return Weighed("stop" if said == "stop" else "start", 0.97, f"consents: {said}")
    return None


_AXES = {"colour": "couleur", "size": "taille", "number": "taille", "measure": "contenance"}

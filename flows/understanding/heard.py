"""One message with all that was found in it."""

from __future__ import annotations

from flows.understanding import answers, cities, contacts, cues
from flows.understanding.claims import Claims
from flows.understanding.entities import entities_of
from flows.understanding.goods import Catalogue, Mention
from flows.understanding.intents import Evidence
from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.lines import ordered
from flows.understanding.meaning import Entity
from flows.understanding.option import Option
from flows.understanding.options import read_options
from flows.understanding.piece import Piece
from flows.understanding.pieces import pieces
from flows.understanding.reading import Message, read
from flows.understanding.values import options_in_words


class Heard:
    """What is claimed first is nothing else any more: contacts, then goods, options, numbers."""

    def __init__(self, text: str, catalogue: Catalogue, country: str) -> None:
        self.catalogue = catalogue
        self.message: Message = read(text, catalogue.knows)
        self.claims = Claims(self.message)
        _keep_goods_whole(self.message)
        reserved = self._claim_what_is_no_goods(country)
        self.mentions = self._claim_goods()
        self.options = self._claim_options()
        self.pieces = self._claim_pieces()
        self.cities = self._named_cities(country, reserved)
        destination = cities.destination(self.message, self.cities)
        self.city = destination.name if destination else None
        both = self._says_both()
        self.ordered = ordered(
            self.pieces,
            catalogue,
            all_of_them=both or self._says(_ALL),
            each_of_them=both or self._says(_EACH),
        )

    @property
    def entities(self) -> tuple[Entity, ...]:
        found = [entity for entity in self.claims.found if entity.kind != "price"]
        return entities_of(
            self.message, self.catalogue, found, self.mentions, self.pieces, self.cities
        )

    @property
    def products(self) -> tuple[str, ...]:
        """The names of the products that it clearly speaks of."""
        clear = [mention.product for mention in self.mentions if mention.product is not None]
        return tuple(dict.fromkeys(self.catalogue.products[number].name for number in clear))

    @property
    def removed(self) -> tuple[str, ...]:
        """Products that were named only to say that they are not wanted."""
        named = [(p.mention.product, p.denied) for p in self.pieces if p.mention is not None]
        wanted = {number for number, denied in named if not denied}
        unwanted = {n for n, denied in named if denied and n is not None and n not in wanted}
        return tuple(self.catalogue.products[number].name for number in sorted(unwanted))

    @property
    def negated(self) -> bool:
        return any(word.denied_by is not None for word in self.message.words)

    def evidence(self, *, asked: bool) -> Evidence:
        """All that speaks for one intent or another."""
        core, said = answers.core_of(self.message), answers.answer_of(self.message)
        signs = self._signs(core)
        return Evidence(
            message=self.message,
            signs=signs,
            core=core,
            yes=said.yes,
            no=said.no,
            strong_yes=said.strong,
            asked=asked,
            has_product=bool(self.mentions),
            has_lines=bool(self.ordered.lines),
            has_quantity=any(p.kind == "quantity" and not p.article for p in self.pieces),
            has_option=any(p.kind == "option" or p.article for p in self.pieces),
            has_city=bool(self.cities),
            has_time=any(e.kind == "time" for e in self.claims.found),
            leftover=self._leftover(signs),
            beside=answers.words_beside(self.message),
        )

    def _claim_what_is_no_goods(self, country: str) -> list[cities.Named]:
        """Contacts, prices, times and addresses; gives the cities that are surely no goods."""
        message, claims = self.message, self.claims
        named = cities.named(message, country, claims.free)
        claims.claim(contacts.phones(message, named[-1].country if named else country), "phone")
        claims.claim(contacts.order_numbers(message), "order_number")
        claims.claim_names()
        claims.claim_prices(self.catalogue)
        claims.claim_durations(ages_are_options=self.catalogue.has_ages)
        claims.claim(contacts.times(message), "time")
        for city in named:
            claims.tag(city.first, city.end, "city")
        claims.claim(contacts.addresses(message, claims.found), "address")
        return self._reserved(named)

    def _reserved(self, named: list[cities.Named]) -> list[cities.Named]:
        """The cities whose words are neither goods nor of an address."""
        words, free = self.message.words, self.claims.free
        reserved = [
            city
            for city in named
            if all(
                free[i] and not self.catalogue.knows(words[i].key)
                for i in range(city.first, city.end)
            )
        ]
        for word in words:
            word.tags.discard("city")
            if "address" in word.tags:
                word.keys.clear()
        for city in reserved:
            self.claims.tag(city.first, city.end, "city")
            self.claims.spend(city.first, city.end)
        return reserved

    def _claim_goods(self) -> list[Mention]:
        message, free, words = self.message, self.claims.free, self.message.words
        skus = self.claims.claim_skus(self.catalogue)
        mentions = sorted(
            skus + self.catalogue.mentions(message, free), key=lambda mention: mention.first
        )
        used = {i for mention in mentions for i in mention.used}
        for i in used:
            words[i].tags.add("product")
            words[i].keys.intersection_update({words[i].key})
            free[i] = False
        for mention in mentions:
            _keep_name_whole(message, mention)
        for word in words:
            if word.denied_by in used:  # ماء الورد begins like a negation
                word.denied_by = None
        _forget_agreed_denials(message)
        return mentions

    def _claim_options(self) -> list[Option]:
        claims = self.claims
        found = options_in_words(self.message, self.mentions, self.catalogue, claims.free)
        for option in found:
            claims.spend(option.first, option.end)
        found += read_options(self.message.words, claims.free)
        for option in found:
            claims.tag(option.first, option.end, "option")
            claims.spend(option.first, option.end)
        return sorted(found, key=lambda option: option.first)

    def _claim_pieces(self) -> list[Piece]:
        claims = self.claims
        found = pieces(self.message, self.mentions, self.options, self.catalogue, claims.free)
        for piece in found:
            if piece.kind == "option" or (piece.kind == "quantity" and not piece.article):
                claims.tag(piece.first, piece.end, _TAGS[piece.kind])
                claims.spend(piece.first, piece.end)
        return found

    def _named_cities(self, country: str, reserved: list[cities.Named]) -> list[cities.Named]:
        named = [city for city in reserved if not cities.belongs_to_goods(self.message, city)]
        named += cities.named(self.message, country, self.claims.free)
        named.sort(key=lambda city: city.first)
        for city in named:
            self.claims.tag(city.first, city.end, "city")
        return named

    def _says(self, wanted: frozenset[str]) -> bool:
        return any(word.keys & wanted for word in self.message.words)

    def _says_both(self) -> bool:
        """ "b jouj": what is said holds for the two that were named."""
        words, phrases = self.message.words, self.message.phrases
        numbers = lexicon().sections["number"]
        return any(
            words[i - 1].key in _BOTH and any(n == "2" for _, n in numbers.at(phrases, i))
            for i in range(1, len(words))
        )

    def _signs(self, core: tuple[int, int]) -> list[cues.Sign]:
        shown = [*cues.signs(self.message, core), *self._moves_house()]
        return [
            sign
            for sign in shown
            if not (_only_agrees(self.message, sign) or _only_names(self.message, sign))
        ]

    def _moves_house(self) -> list[cues.Sign]:
        """Two cities of which one is left behind: another address, unless it is an order."""
        left = [
            city
            for city in self.cities
            if cities.left_behind(self.message, city) and not cities.leaves_from(self.message, city)
        ]
        if not left or len(left) == len(self.cities) or self.mentions:
            return []
        first, end = self.cities[0].first, self.cities[-1].end
        why = "change_address: one city for another"
        return [cues.Sign("change_address", cues.STRENGTHS["sure"], why, first, end)]

    def _leftover(self, signs: list[cues.Sign]) -> int:
        """How many content words nothing explains."""
        covered = {i for sign in signs for i in range(sign.first, sign.end)}
        small = lexicon().languages.keys()
        return sum(
            word.kind == "word" and not (word.known or word.glued or word.tags or word.keys & small)
            for i, word in enumerate(self.message.words)
            if i not in covered
        )


def _keep_goods_whole(message: Message) -> None:
    """The "sans" of "sans fil" is of the goods and leaves nothing out."""
    without = lexicon().sections["without"]
    for i, word in enumerate(message.words):
        goods = lexicon().goods.at(message.stems, i)
        left_out = without.at(message.phrases, i)
        if left_out and goods and goods[0][0] > left_out[0][0]:
            word.keys.clear()
            word.keys.add(_OF_GOODS)


def _keep_name_whole(message: Message, mention: Mention) -> None:
    """The "sans" of "friteuse sans huile" is of its name and leaves nothing out."""
    without = lexicon().sections["without"]
    for i in range(mention.first + 1, mention.end):
        word = message.words[i]
        if i not in mention.used and without.at(message.phrases, i):
            word.keys.clear()
            word.stems.clear()
            word.tags.add("product")
            for other in message.words[mention.first : mention.end]:
                other.denied_by = None


def _forget_agreed_denials(message: Message) -> None:
    """The "pas" of "pas de souci" denies nothing that follows."""
    yes = lexicon().sections["yes"]
    for i in range(len(message.words)):
        found = yes.at(message.phrases, i)
        inside = range(i, i + found[0][0]) if found and found[0][0] > 1 else range(0)
        for word in message.words:
            if word.denied_by in inside:
                word.denied_by = None


def _only_agrees(message: Message, sign: cues.Sign) -> bool:
    """ "no problem" is a yes, not a complaint about a problem."""
    yes = lexicon().sections["yes"]
    if sign.intent in ("confirm", "refuse"):
        return False
    for i in range(max(0, sign.first - 3), min(sign.first, len(message.words) - 1) + 1):
        found = yes.at(message.phrases, i)
        if found and found[0][0] > 1 and sign.end <= i + found[0][0]:
            return True
    return False


def _only_names(message: Message, sign: cues.Sign) -> bool:
    """A "pencil case" is not "cassé"."""
    words = message.words[sign.first : sign.end]
    return sign.intent == "complaint" and all("product" in word.tags for word in words)


_TAGS = {"option": "option", "quantity": "number"}
_OF_GOODS = "\0"
"""The key of a word that means nothing outside the name of goods."""
_ALL = word_list("all of them")
_EACH = word_list("each of them")
_BOTH = word_list("before both")

"""The city a parcel goes to, of all the cities a message names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from flows import places
from flows.understanding.lexicon import FOLDER, lexicon, word_list
from flows.understanding.reading import Message, Word
from flows.understanding.writing import is_arabic, keys_of, skeleton

LONGEST = 4
"""Words of the longest names of cities that are looked for."""


@dataclass(frozen=True, slots=True)
class Named:
    """A city that words name."""

    name: str
    country: str
    first: int
    end: int
    sure: float


@dataclass(frozen=True)
class _Names:
    by_words: dict[tuple[str, ...], tuple[str, str, int]]
    """Keys → (name, country, size)."""
    by_letter: dict[str, list[str]]
    by_skeleton: dict[str, list[str]]
    plain: frozenset[str]
    """Names that are also ordinary words: they need a preposition."""
    districts: frozenset[tuple[str, ...]]


@cache
def _names(country: str) -> _Names:
    other = next(each for each in places.COUNTRIES if each != country)
    by_words: dict[tuple[str, ...], tuple[str, str, int]] = {}
    plain, districts, slang = _file()
    for each in (country, other) if country in places.COUNTRIES else places.COUNTRIES:
        for place in places.every(each):
            for name in (place.name, place.arabic, *place.spellings, *slang.get(place.name, ())):
                for keys in _spellings(keys_of(name)):
                    if keys and keys not in districts:
                        by_words.setdefault(keys, (place.name, each, place.size))
    by_letter: dict[str, list[str]] = defaultdict(list)
    by_skeleton: dict[str, list[str]] = defaultdict(list)
    for keys, (_, _, size) in by_words.items():
        if len(keys) == 1 and size <= 3:
            by_letter[keys[0][0]].append(keys[0])
            if len(skeleton(keys[0])) >= 3:
                by_skeleton[skeleton(keys[0])].append(keys[0])
    return _Names(by_words, dict(by_letter), dict(by_skeleton), plain, districts)


def _spellings(keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield keys
    joined = "".join(keys)
    if len(keys) > 1 and not is_arabic(joined):
        yield (joined,)
    if keys and keys[0] in ("el", "al", "l") and len(keys) > 1:
        yield keys[1:]
    if keys and keys[0].startswith("ال") and len(keys[0]) > 4:
        yield (keys[0][2:], *keys[1:])
    if len(keys) == 1 and keys[0].startswith("ال"):
        yield ("ل" + keys[0][2:],)


@cache
def _file() -> tuple[frozenset[str], frozenset[tuple[str, ...]], dict[str, tuple[str, ...]]]:
    plain: set[str] = set()
    districts: set[tuple[str, ...]] = set()
    slang: dict[str, tuple[str, ...]] = {}
    section = ""
    for line in (FOLDER / "cities.txt").read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, words = line.partition(" = ")
            each = [word.strip() for word in (words or name).split(",") if word.strip()]
            if section == "spellings":
                slang[name] = tuple(each)
            elif section == "ordinary words":
                plain.update(key for word in each for key in keys_of(word))
            else:
                districts.update(keys for word in each for keys in _spellings(keys_of(word)))
    return frozenset(plain), frozenset(districts), slang


_NAMED_NEW = word_list("not before a city")


def spelt_words() -> frozenset[str]:
    """Words of cities as customers spell them."""
    _, _, slang = _file()
    return frozenset(key for names in slang.values() for name in names for key in keys_of(name))


_STRONG = word_list("leads to a place")
_FROM = word_list("of")
_STREETS = word_list("before a street")
_LIVES = word_list("lives")
_ARTICLES = word_list("before the name of a city")
_TOWN = word_list("a town")


def named(message: Message, country: str, free: Sequence[bool]) -> list[Named]:
    """The cities a message names, left to right, on words that are still free."""
    names = _names(country)
    found: list[Named] = []
    i = 0
    while i < len(message.words):
        city = _at(message, i, names, free) if free[i] else None
        if city:
            found.append(city)
            i = city.end
        else:
            i += 1
    return found


def _at(message: Message, i: int, names: _Names, free: Sequence[bool]) -> Named | None:
    words = message.words
    for length in range(min(LONGEST, len(words) - i), 0, -1):
        span = words[i : i + length]
        if not all(free[i : i + length]) or any(
            word.sentence != span[0].sentence or word.kind != "word" for word in span
        ):
            continue
        keys = tuple(word.key for word in span)
        if keys in names.districts:
            for word in span:
                word.tags.add("district")
            return None
        hit = names.by_words.get(keys)
        if hit is None and is_arabic(keys[0]) and keys[0][0] in "لفب" and len(keys[0]) > 3:
            bare = (keys[0][1:], *keys[1:])
            if len(keys) > 1 and (hit := names.by_words.get(bare)):
                return Named(hit[0], hit[1], i, i + length, 1.0)
        if hit and _believable(message, i, i + length, keys, hit, names):
            name, of, _ = hit
            return Named(name, of, i, i + length, 1.0)
    return _misspelt(message, i, names) or _joined(message, i, names)


def _joined(message: Message, i: int, names: _Names) -> Named | None:
    """A name of several words with a letter or two amiss: "fqih ben saleh"."""
    words = message.words
    if not _is_led_to(message, i):
        return None
    for length in (4, 3, 2):
        span = words[i : i + length]
        joined = "".join(word.key for word in span)
        if (
            len(span) < length
            or len(joined) < 9
            or any(word.kind != "word" or word.sentence != span[0].sentence for word in span)
        ):
            continue
        near = process.extract(
            joined, names.by_letter.get(joined[0], ()), scorer=OSA.distance, score_cutoff=2, limit=1
        )
        if near:
            name, of, _ = names.by_words[(near[0][0],)]
            return Named(name, of, i, i + length, 0.7)
    return None


def _believable(
    message: Message,
    i: int,
    end: int,
    keys: tuple[str, ...],
    hit: tuple[str, str, int],
    names: _Names,
) -> bool:
    """Rue de Fès is no city, nor is an oil of Fès; "safi" is one only after a preposition."""
    words = message.words
    before = [word.key for word in words[max(0, i - 3) : i] if word.sentence == words[i].sentence]
    if before and (before[-1] in _STREETS or (before[-1] in _FROM and before[-2:][0] in _STREETS)):
        return False
    if len(keys) == 1 and keys[0] in names.plain and _is_ordinary_here(words, i):
        return False
    ordinary = len(keys) == 1 and (keys[0] in names.plain or hit[2] >= 4 or len(keys[0]) < 3)
    if not ordinary or _is_led_to(message, i) or _alone(message, i, end):
        return True
    # "5 rue Atlas, Safi"
    streets = any(word.key in _STREETS for word in words[max(0, i - 8) : i])
    return streets and words[i].comma and (end == len(words) or words[end].comma)


def _is_ordinary_here(words: Sequence[Word], i: int) -> bool:
    """ "adresse jdida" is a new address and no city."""
    glued = i > 0 and words[i - 1].glued
    before = i - 2 if glued else i - 1
    if before >= 0 and (words[before].key in _NAMED_NEW or "product" in words[before].tags):
        return True
    return glued and words[i].key in lexicon().languages


def belongs_to_goods(message: Message, city: Named) -> bool:
    """ "huile de Fès" tells of an oil, not where it goes."""
    words, j = message.words, city.first - 1
    return j >= 1 and words[j].key in _FROM and "product" in words[j - 1].tags


def _is_led_to(message: Message, i: int) -> bool:
    words = message.words
    j = i - 1
    while j >= 0 and words[j].key in _ARTICLES and words[j].key not in _STRONG:
        j -= 1
    return j >= 0 and (words[j].key in _STRONG or words[j].key in _LIVES or words[j].key in _TOWN)


def _alone(message: Message, i: int, end: int) -> bool:
    return i == 0 and end == len(message.words) and message.words[0].key not in ("safi", "صافي")


def _misspelt(message: Message, i: int, names: _Names) -> Named | None:
    word, led = message.words[i], _is_led_to(message, i)
    if word.kind != "word" or word.glued or len(word.key) < 5 or (word.known and not led):
        return None
    street = any(each.key in _STREETS for each in message.words[max(0, i - 2) : i])
    # "fessi" and "rbati" tell where somebody is from.
    if street or word.key.endswith("i") or (word.keys | word.stems) & lexicon_known():
        return None
    meant = _mistyped(word, names, led=led) or (led and _sounding(word, names))
    if not meant:
        return None
    name, of, _ = names.by_words[(meant,)]
    return Named(name, of, i, i + 1, 0.7)


def _mistyped(word: Word, names: _Names, *, led: bool) -> str:
    """The city that the word is a typo away from; a short one only where a place is led to."""
    near = process.extract(
        word.key,
        names.by_letter.get(word.key[0], ()),
        scorer=OSA.distance,
        score_cutoff=1 if len(word.key) < 8 else 2,
        limit=2,
    )
    return next((name for name, away, _ in near if led or (len(word.key) >= 8 and away == 1)), "")


def _sounding(word: Word, names: _Names) -> str:
    """The city that sounds like the word."""
    rated = [
        (OSA.normalized_similarity(word.key, other), other)
        for other in names.by_skeleton.get(skeleton(word.key), ())
    ]
    rate, other = max(rated, default=(0.0, ""))
    return other if rate >= 0.6 and is_arabic(other) == is_arabic(word.key) else ""


@cache
def lexicon_known() -> frozenset[str]:
    from flows.understanding.reading import spelling

    return spelling().known


def destination(message: Message, cities: Sequence[Named]) -> Named | None:
    """Where to deliver: of several cities the one not denied, led to, and named last."""
    wanted = [city for city in cities if not left_behind(message, city)]
    if not wanted:
        return None
    led = [city for city in wanted if _is_led_to(message, city.first)]
    return (led or wanted)[-1]


def _comes_second(before: Sequence[Word], near: set[str]) -> bool:
    """ "plutôt Rabat" is wanted, "plutôt que Rabat" is not."""
    if any("city" in word.tags for word in before[-3:]):
        return False
    plutot = "plutot" in near and not near & {"lieu", "place", "instead"}
    return not plutot or any(word.key in ("que", "qu") for word in before)


def left_behind(message: Message, city: Named) -> bool:
    """The old one: "pas à Casa", "au lieu de Fès", "kont f Rabat", "de Casa à Rabat"."""
    words = message.words
    if words[city.first].denied_by is not None or leaves_from(message, city):
        return True
    before = [
        word
        for word in words[max(0, city.first - 5) : city.first]
        if word.sentence == words[city.first].sentence
    ]
    closest = before[max(0, len(before) - min(3, city.first)) :]
    denied = any(word.denied_by == -1 for word in closest)
    if denied and not any(
        "city" in word.tags for word in words[max(0, city.first - 3) : city.first]
    ):
        return True
    near = {word.key for word in before[-3:]} | ({word.key for word in before} & _INSTEAD)
    return bool(near & _LEFT) and _comes_second(before, near)


_INSTEAD = word_list("instead of a place")
_LEFT = _INSTEAD | word_list("left behind")
_SENT = word_list("has left")


def leaves_from(message: Message, city: Named) -> bool:
    """Where a parcel comes from: "de Casa à Rabat", "واش خرج … من كازا"."""
    words = message.words
    if city.first == 0 or words[city.first - 1].key not in ("de", "men", "mn", "من", "from", "d"):
        return False
    if any(word.keys & _SENT for word in words[max(0, city.first - 6) : city.first]):
        return True
    later = words[city.end : city.end + 3]
    return any("city" in word.tags for word in later) and any(word.key in _STRONG for word in later)

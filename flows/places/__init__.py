"""The cities of Morocco and Algeria in both scripts: which one is meant, which ones begin so.

ma.txt and dz.txt are written from common knowledge, not copied from a register; their heads say
what is certain and what is not. A city that is missing works all the same, under its own name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from models.search import WORD
from models.types import fold

FOLDER = Path(__file__).parent
COUNTRIES = ("MA", "DZ")
_ARABIC = re.compile("[\u0600-\u06ff]")
_Names = tuple[tuple[str, tuple[str, ...]], ...]
"""Names as keys, each with what it is from its second, third… word on."""
# The same word, written as each clerk hears it.
_SAME = {
    "al": "el", "oulad": "ouled", "awlad": "ouled", "aoulad": "ouled", "bni": "beni",
    "ayn": "ain", "aine": "ain", "lalla": "lala", "cheikh": "chikh", "sheikh": "chikh",
    "mulay": "moulay", "saint": "st", "souq": "souk", "suq": "souk", "qalaa": "kalaa",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A city or a commune; `size` from 1 (a metropolis) to 5."""

    name: str
    arabic: str
    region: str
    """Its region in Morocco, its wilaya in Algeria."""
    before: str
    """The wilaya it lay in before its own was made; "" where that is not so."""
    size: int
    spellings: tuple[str, ...] = ()
    key: str = field(default="", compare=False)

    def called(self, text: str) -> tuple[str, str]:
        """Its name in the script of a text, then in the other."""
        names = (self.name, self.arabic)
        return names[::-1] if _ARABIC.search(text) else names


def key(text: str) -> str:
    """A name without case, accents, spaces and article's vowel: what its usual spellings share."""
    words = WORD.findall(fold(text))
    return "".join(_SAME.get(word, word) for word in words)


def find(text: str, country: str) -> Place | None:
    """The place this name means in a country (ISO 3166), in any spelling of either script."""
    return _gazetteer(country).by_key.get(key(text))


def key_of(text: str, country: str) -> str:
    """What all spellings of a place share; of a place we do not know, its own name's key."""
    return known_as(text, country)[0]


def known_as(text: str, country: str) -> tuple[str, str]:
    """The key, and the name as it is written in its own script: "fes" is Fès, "X" stays X."""
    own = key(text)
    place = _gazetteer(country).by_key.get(own)
    return (place.key, place.called(text)[0]) if place else (own, text)


def search(text: str, country: str, limit: int = 8) -> list[Place]:
    """Places of which a name, or a word of it, begins like the text: the largest first."""
    wanted = key(text)
    ranked = sorted(
        (
            (rank, place.size, place.name, place)
            for place, names in _gazetteer(country).names
            if (rank := _rank(wanted, names)) is not None
        ),
        key=lambda found: found[:3],
    )
    return [found[3] for found in ranked[:limit]]


def every(country: str) -> tuple[Place, ...]:
    """All of a country, as its file lists them; none of a country we have no file of."""
    return _gazetteer(country).places


def _rank(wanted: str, names: _Names) -> int | None:
    """0: a name is it. 1: a name begins like it. 2: a later word does. None: neither."""
    if any(whole == wanted for whole, _ in names):
        return 0
    if any(whole.startswith(wanted) for whole, _ in names):
        return 1
    return 2 if any(end.startswith(wanted) for _, ends in names for end in ends) else None


@dataclass(frozen=True, slots=True)
class _Gazetteer:
    places: tuple[Place, ...]
    by_key: dict[str, Place]
    names: tuple[tuple[Place, _Names], ...]


@cache
def _gazetteer(country: str) -> _Gazetteer:
    places = tuple(_read(country)) if country in COUNTRIES else ()
    by_key: dict[str, Place] = {}
    for place in places:
        for name in (place.name, place.arabic, *place.spellings):
            by_key.setdefault(key(name), place)
    return _Gazetteer(places, by_key, tuple((place, _names(place)) for place in places))


def _names(place: Place) -> _Names:
    written = (place.name, place.arabic, *place.spellings)
    # "الرباط" is also looked for without its article.
    bare = [name.removeprefix("ال") for name in written if name.startswith("ال")]
    return tuple((key(name), _ends(name)) for name in (*written, *bare))


def _ends(name: str) -> tuple[str, ...]:
    words = WORD.findall(fold(name))
    return tuple(key(" ".join(words[start:])) for start in range(1, len(words)))


def _read(country: str) -> list[Place]:
    text = (FOLDER / f"{country.lower()}.txt").read_text(encoding="utf-8")
    region, before, places = "", "", []
    for line in text.splitlines():
        if line.startswith("["):
            region, _, _, before = (*_parts(line.strip("[]")), "", "")[:4]
        elif line.strip() and not line.startswith("#"):
            places.append(_place(line, region, before))
    return places


def _place(line: str, region: str, before: str) -> Place:
    size, name, arabic, spellings = _parts(line)
    others = tuple(part.strip() for part in spellings.split(",") if part.strip())
    return Place(name, arabic, region, before, int(size), others, key(name))


def _parts(line: str) -> list[str]:
    return [part.strip() for part in line.split("|")]

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


def search(text: str, country: str, limit: int = 8) -> list[Place]:
    """Places of which a name, or a word of it, begins like the text: the largest first."""
    wanted = key(text)
    ranked = sorted(
        (
            (0 if place.key == wanted else rank, place.size, place.name, place)
            for place, names in _gazetteer(country).names
            if (rank := _rank(wanted, names)) is not None
        ),
        key=lambda found: found[:3],
    )
    return [found[3] for found in ranked[:limit]]


def every(country: str) -> tuple[Place, ...]:
    """All of a country, as its file lists them; none of a country we have no file of."""
    return _gazetteer(country).places


def _rank(wanted: str, names: tuple[tuple[str, tuple[str, ...]], ...]) -> int | None:
    """1: a name begins like it. 2: a later word does. None: neither."""
    if any(whole.startswith(wanted) for whole, _ in names):
        return 1
    return 2 if any(end.startswith(wanted) for _, ends in names for end in ends) else None


@dataclass(frozen=True, slots=True)
class _Gazetteer:
    places: tuple[Place, ...]
    by_key: dict[str, Place]
    names: tuple[tuple[Place, tuple[tuple[str, tuple[str, ...]], ...]], ...]
    """Of each place its names as keys, and each again from its second word on."""


@cache
def _gazetteer(country: str) -> _Gazetteer:
    places = tuple(_read(country)) if country in COUNTRIES else ()
    by_key: dict[str, Place] = {}
    for place in places:
        for name in (place.name, place.arabic, *place.spellings):
            by_key.setdefault(key(name), place)
    return _Gazetteer(places, by_key, tuple((place, _names(place)) for place in places))


def _names(place: Place) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((key(name), _ends(name)) for name in (place.name, place.arabic, *place.spellings))


def _ends(name: str) -> tuple[str, ...]:
    words = WORD.findall(fold(name))
    ends = [key(" ".join(words[start:])) for start in range(1, len(words))]
    # "الرباط" is also looked for without its article.
    return (*ends, *(word[2:] for word in words if word.startswith("ال") and len(word) > 4))


def _read(country: str) -> list[Place]:
    text = (FOLDER / f"{country.lower()}.txt").read_text(encoding="utf-8")
    region, places = "", []
    for line in text.splitlines():
        if line.startswith("["):
            region = line.strip("[] ").partition("|")[0].strip()
        elif line.strip() and not line.startswith("#"):
            places.append(_place(line, region))
    return places


def _place(line: str, region: str) -> Place:
    size, name, arabic, *spellings = (part.strip() for part in line.split("|"))
    others = tuple(part.strip() for part in ",".join(spellings).split(",") if part.strip())
    return Place(name, arabic, region, int(size), others, key(name))

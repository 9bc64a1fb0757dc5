"""How people write: letters folded with their place kept, tokens, skeletons of words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 1500
"""Characters that are read; nobody orders in the rest of a longer message."""

_SAME = str.maketrans("أإآٱىةؤئیکگڭڨپڤڥچژە", "اااايهوييككككبففشجه")
_SPELT = {
    **{"œ": "oe", "æ": "ae", "ø": "o", "ı": "i", "×": "x", "ء": "", "ـ": ""},
    **{"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'"},
    **{"٪": "%", "،": ",", "؛": ";", "؟": "?", "٫": "."},
}
_DOUBLE = re.compile(r"([^\W\d_])\1+")
# "noon" is not "non", nor are "fees" Fes: two of these may be meant, three never are.
_LENGTHENED = re.compile(r"([^\W\d_eo])\1+|([eo])\2{2,}")
_TOKEN = re.compile(
    r"(?P<number>\d{1,3}(?: 000)+(?! ?\d)|\d+(?:[.,]\d{1,2}(?!\d))?(?![a-z0-9]))"
    r"|(?P<latin>[a-z0-9]+)"
    r"|(?P<word>[^\W\d_a-z]+)"
    r"|(?P<emoji>[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff])"
    r"|(?P<mark>[^\w\s])"
)
_SPLIT = re.compile(r"\d+|[a-z]+")


def word_set(text: str) -> frozenset[str]:
    """The words of a list that is written as a text."""
    return frozenset(text.split())


@dataclass(slots=True)
class Token:
    """A piece of the text: its folded spelling and where it stands in the original."""

    key: str
    start: int
    end: int
    kind: str
    """word, number, emoji or mark."""


def spread(text: str) -> tuple[str, list[int]]:
    """The text folded letter by letter, and for each letter the place in the original it is of."""
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text[:LONGEST]):
        for folded in _folded(letter):
            letters.append(folded)
            places.append(place)
    return "".join(letters), places


@lru_cache(maxsize=4096)
def _folded(letter: str) -> str:
    if letter in _SPELT:
        return _SPELT[letter]
    digit = unicodedata.decimal(letter, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKD", letter).casefold()
    plain = "".join(
        _SPELT.get(c, c) for c in plain if unicodedata.category(c) not in ("Mn", "Cf", "Sk")
    )
    return plain.translate(_SAME)


def tokens(text: str) -> list[Token]:
    """Words, numbers, emoji and marks in the order of the text; words have no doubled letters."""
    folded, places = spread(text)
    found: list[Token] = []
    for match in _TOKEN.finditer(folded):
        kind = match.lastgroup or "mark"
        pieces = _pieces(match) if kind == "latin" else [(match.group(), match.start())]
        for piece, at in pieces:
            end = places[at + len(piece) - 1] + 1
            number = piece[0].isdigit() and (piece.isdigit() or not piece.isalnum())
            number = number or bool(_THOUSANDS.fullmatch(piece))
            named = "number" if number else "word" if kind in ("latin", "word") else kind
            key = squeeze(piece) if named == "word" else _digits(piece) if number else piece
            found.append(Token(key, places[at], end, named))
    return found


_THOUSANDS = re.compile(r"\d{2,3}k")


def _digits(number: str) -> str:
    """ "20k" and "20 000" are 20000, "1,5" is 1.5."""
    return number.replace(",", ".").replace(" ", "").replace("k", "000")


# What stands right after a number without a space: "2kg", "18h", "3x", "150dh".
GLUED = word_set(
    "x h g gr gm kg kl l lt ltr ml cl cm mm m mg go gb to pc pcs pce pces piece pieces dh dhs da"
    " mad eur h30 pm am ans an mois eme er e nd th st kilo kilos litre litres"
)


def _pieces(match: re.Match[str]) -> list[tuple[str, int]]:
    """ "100ml" → 100, ml; "x2" → x, 2; arabizi such as "3afak" stays whole."""
    text, at = match.group(), match.start()
    parts = [(part.group(), at + part.start()) for part in _SPLIT.finditer(text)]
    first = parts[0][0]
    if len(parts) == 1 or _SIZE.fullmatch(text) or _THOUSANDS.fullmatch(text):
        return [(text, at)]
    if first.isdigit() and len(parts) <= 3 and parts[1][0] in GLUED:
        return parts
    if first.isdigit() and len(first) > 1 and first not in ("77", "33", "99", "22", "55"):
        return [parts[0], (text[len(first) :], at + len(first))]
    if (
        not first.isdigit()
        and len(parts) == 2
        and (first in ("x", "n", "no", "t") or len(parts[1][0]) > 1)
    ):
        return parts
    return [(text, at)]


_SIZE = re.compile(r"[2-6]x+l")


def squeeze(word: str) -> str:
    """A word without doubled letters: "bghiiit", "hello" and "للرباط" lose what fingers add."""
    if word.startswith("الل"):  # the article and a word that begins with its letter
        return "ال" + _LENGTHENED.sub(r"\1\2", word[2:])
    return _LENGTHENED.sub(r"\1\2", word) if len(word) > 2 else word


@lru_cache(maxsize=32768)
def key_of(word: str) -> str:
    """One word of a lexicon or a catalogue as tokens of a message are keyed."""
    return " ".join(token.key for token in tokens(word) if token.kind in ("word", "number"))


def keys_of(phrase: str) -> tuple[str, ...]:
    """The keys of a phrase's words."""
    return tuple(token.key for token in tokens(phrase) if token.kind in ("word", "number"))


def is_arabic(word: str) -> bool:
    return "\u0600" <= word[:1] <= "\u06ff"


@lru_cache(maxsize=32768)
def stem(key: str) -> str:
    """What singular and plural, masculine and feminine of a noun share, roughly."""
    if is_arabic(key):
        return _arabic_stem(key)
    for ending in ("eaux", "s", "x"):
        if key.endswith(ending) and len(key) > len(ending) + 2:
            key = key[: -len(ending)] + ("eau" if ending == "eaux" else "")
            break
    return key[:-1] if key.endswith("e") and len(key) > 3 else key


def _arabic_stem(key: str) -> str:
    if key.startswith("ال") and len(key) > 4:
        key = key[2:]
    for ending in ("ات", "يه", "ه", "ي"):
        if key.endswith(ending) and len(key) - len(ending) >= 3:
            return key[: -len(ending)]
    return key


_SOUNDS = (
    *(("sch", "S"), ("tch", "S"), ("ch", "S"), ("sh", "S"), ("kh", "X"), ("gh", "G"), ("ph", "f")),
    *(("th", "t"), ("dh", "d"), ("dj", "j"), ("qu", "k"), ("gu", "k"), ("ck", "k"), ("ce", "s")),
    *(("ci", "s"), ("cy", "s"), ("ge", "j"), ("gi", "j")),
)
_LATIN_SOUND = {letter: letter for letter in "bdfhjklmnrstz3"} | {
    **{"c": "k", "q": "k", "9": "k", "g": "k", "p": "b", "v": "f", "x": "ks", "7": "h"},
    **{"5": "X", "8": "G", "6": "t", "w": "", "y": ""},
}
_ARABIC_SOUND = dict(zip("بتثجحخدذرزسشصضطظعغفقكلمنه", "bttjhXddrzsSsdtd3Gfkklmnh", strict=True))


@lru_cache(maxsize=32768)
def skeleton(key: str) -> str:
    """The consonants of a word as they sound, of either script: "chkara", "shkaara" and شكارة."""
    if is_arabic(key):
        bare = key.removesuffix("ه")
        return _DOUBLE.sub(r"\1", "".join(_ARABIC_SOUND.get(letter, "") for letter in bare))
    for written, sound in _SOUNDS:
        key = key.replace(written, sound)
    sounds = "".join(letter if letter.isupper() else _LATIN_SOUND.get(letter, "") for letter in key)
    return _DOUBLE.sub(r"\1", sounds.removesuffix("h") or sounds)

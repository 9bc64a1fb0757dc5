"""A message as words: typos and clitics resolved, what is denied marked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple

from flows.understanding.lexicon import Spelling, city_words, lexicon, word_list
from flows.understanding.writing import Token, is_arabic, stem, tokens

ENDS = frozenset(".?!;\n")
_COMMAS = frozenset(",:()-/")


@dataclass(slots=True)
class Word:
    """A word of the message, with all the keys it may stand for."""

    key: str
    start: int
    end: int
    kind: str
    keys: set[str] = field(default_factory=set)
    sentence: int = 0
    comma: bool = False
    """A comma, a colon or a bracket stands before it."""
    glued: bool = False
    """A clitic that was split off: "l" of "lfes"."""
    denied_by: int | None = None
    tags: set[str] = field(default_factory=set)
    stems: set[str] = field(default_factory=set)
    known: bool = True
    capital: bool = False
    """Written in capitals: "L" is a size where "l" is an article."""


@dataclass(slots=True)
class Message:
    text: str
    words: list[Word]
    marks: str
    """Its punctuation."""
    phrases: list[set[str]] = field(default_factory=list)
    """Per word its keys, as phrases are looked up by."""
    stems: list[set[str]] = field(default_factory=list)

    def text_of(self, first: int, last: int) -> str:
        return self.text[self.words[first].start : self.words[last].end]


@cache
def spelling() -> Spelling:
    from flows.understanding import cues

    return Spelling(lexicon().known | cues.words())


@cache
def _city_words() -> frozenset[str]:
    from flows.understanding import cities

    return city_words() | cities.spelt_words()


def read(text: str, also_known: Callable[[str], bool] = lambda _: False) -> Message:
    """The words of a message; `also_known` says which words besides ours need no spelling."""
    words: list[Word] = []
    marks: list[str] = []
    sentence, comma, last_end = 0, False, 0
    for token in tokens(text):
        sentence += "\n" in text[last_end : token.start]
        last_end = token.end
        if token.kind == "mark":
            marks += [token.key] if token.key not in "'’" else []
            sentence += token.key in ENDS
            comma = comma or token.key in _COMMAS
            if token.key in "+&":
                words.append(Word("+", token.start, token.end, "word", {"w"}, sentence))
            continue
        for piece in _pieces(token, also_known):
            piece.capital = text[piece.start : piece.end].isupper()
            piece.sentence, piece.comma, comma = sentence, comma, False
            words.append(piece)
    _deny(words)
    phrases, stems = [word.keys for word in words], [word.stems for word in words]
    return Message(text, words, "".join(marks), phrases, stems)


class _Part(NamedTuple):
    """A word that is written together with others: where it begins, what it can stand for."""

    key: str
    at: int
    keys: tuple[str, ...]
    denied: bool = False


def _pieces(token: Token, also_known: Callable[[str], bool]) -> list[Word]:
    if token.kind != "word":
        word = Word(token.key, token.start, token.end, token.kind, {token.key})
        word.stems = {token.key}
        return [word]
    parts = _parts(token.key, also_known)
    ends = [token.start + part.at for part in parts[1:]] + [token.end]
    return [
        _word(part, token.start + part.at if n else token.start, end, glued=n < len(parts) - 1)
        for n, (part, end) in enumerate(zip(parts, ends, strict=True))
    ]


def _parts(key: str, also_known: Callable[[str], bool]) -> tuple[_Part, ...]:
    if also_known(key):
        return (_Part(key, 0, (key,)),)
    parts = _resolved(key)
    unknown = len(parts) == 1 and not parts[0].keys
    return (_clitics(key, also_known) if unknown else ()) or parts


def _word(part: _Part, start: int, end: int, *, glued: bool) -> Word:
    key = part.key
    bare = {each[2:] for each in (key, *part.keys) if each.startswith("ال") and len(each) > 4}
    if key[0] == "l" and len(key) > 3 and key[1:] in spelling().known:
        bare.add(key[1:])
    word = Word(key, start, max(start, end), "word", {key, *part.keys, *bare}, glued=glued)
    word.stems = {stem(each) for each in word.keys} | word.keys | _of_many(key)
    word.known = bool(part.keys)
    word.denied_by = -1 if part.denied else None
    return word


@lru_cache(maxsize=32768)
def _resolved(key: str) -> tuple[_Part, ...]:
    """The words that one written word is made of."""
    known = spelling().known
    if key in known or stem(key) in known or key in _city_words():
        return (_Part(key, 0, (key,)),)
    if single := _of_two(key):
        return (_Part(key, 0, (single,)),)
    if core := _denied_core(key):
        return (_Part(key, 0, core, denied=True),)
    if split := _clitics(key, lambda _: False):
        return split
    if bare := _tenseless(key):
        return (_Part(key, 0, (bare,)),)
    near = spelling().near(key)
    if not near and len(key) > 4 and stem(key) != key:
        near = spelling().near(stem(key))
    return (_Part(key, 0, near),)


_TENSES = ("غا", "غ", "كا", "ك", "س", "تا", "gha", "ghan", "gh", "ka", "ta", "rah")


def _tenseless(key: str) -> str:
    """ "ghatwsel", كتوصل and ستصل without what makes them future or present."""
    for tense in _TENSES:
        bare = key.removeprefix(tense)
        if bare != key and len(bare) >= 3 and bare in spelling().known:
            return bare
    return ""


def _of_two(key: str) -> str:
    """The singular of an Arabic dual: بنيتين is two of بني."""
    bare = key[2:] if key.startswith("ال") else key
    for ending, instead in (("تين", ""), ("تين", "ه"), ("وين", ""), ("ين", ""), ("ين", "ه")):
        single = bare.removesuffix(ending) + instead
        if (
            is_arabic(key)
            and bare.endswith(ending)
            and len(single) >= 3
            and (single in spelling().known or stem(single) in spelling().known)
        ):
            return single
    return ""


def _of_many(key: str) -> set[str]:
    """The singular of a plural of Darija: "mugat" are more than one mug."""
    single = stem(key.removesuffix("at"))
    several = key.endswith("at") and len(key) > 4 and single in spelling().known
    return {single} if several else set()


_DENIED = re.compile(r"^(?:ma|m)?(.{3,}?)(?:chi|ch|sh|ich|ech)$|^ما?(.{3,}?)ش$|^م(.{3,}?)ش$")


def _denied_core(key: str) -> tuple[str, ...]:
    """ "mabghitch" and مابغيتش are "bghit" and بغيت, denied; () for any other word."""
    match = _DENIED.match(key)
    if not match:
        return ()
    core = next(group for group in match.groups() if group)
    if known := _verb(core):
        return (known,)
    return spelling().alike(core) if key.startswith("m") and len(core) >= 4 else ()


# What a verb of Darija may end in before the "ch" of its denial: whom or what it is about.
_OBJECTS = (
    *(
        ("", ""),
        ("i", ""),
        ("a", ""),
        ("ou", "o"),
        ("o", "ou"),
        ("ha", ""),
        ("tha", "t"),
        ("hom", ""),
    ),
    *(("k", ""), ("ou", ""), ("ها", ""), ("هم", ""), ("ه", ""), ("و", ""), ("ني", ""), ("ك", "")),
)


def _verb(core: str) -> str:
    """The known word that a verb is, whatever it says of its object; "" when there is none."""
    known = spelling().known
    for ending, instead in _OBJECTS:
        verb = core.removesuffix(ending) + instead if ending else core
        if core.endswith(ending) and len(verb) >= 3 and verb in known:
            return verb
    return ""


_ARABIC_CLITICS = re.compile(r"^(و)?(ف|ب|ل|ك|د)?(ال|ل)?(.{2,})$")
_LATIN_CLITICS = re.compile(r"^(w|ou|o)?(f|l|b|d|n|m)?(el|al|l)?(.{3,})$")
_ELISION = re.compile(r"^(l|d|j|c|n|m|t|s|qu)([aeiouyh].{2,})$")


def _clitics(key: str, also_known: Callable[[str], bool]) -> tuple[_Part, ...]:
    """ "lfes" → l, fes; وحزام → و, حزام: () when no known word is left."""
    for pattern in (_ARABIC_CLITICS,) if is_arabic(key) else (_ELISION, _LATIN_CLITICS):
        for cut in _cuts(pattern, key):
            rest = key[sum(map(len, cut)) :]
            if not _is_known(rest, also_known) or len(rest) < (2 if is_arabic(key) else 3):
                continue
            parts, at = [], 0
            for clitic in cut:
                if clitic not in ("ال", "el", "al"):
                    parts.append(_Part(clitic, at, (clitic,)))
                at += len(clitic)
            return (*parts, _Part(rest, at, (_of_two(rest) or rest,)))
    return ()


def _cuts(pattern: re.Pattern[str], key: str) -> list[tuple[str, ...]]:
    """Ways to cut clitics off, the fewest letters first."""
    if pattern is _ELISION:
        match = pattern.match(key)
        return [(match.group(1),)] if match else []
    arabic = pattern is _ARABIC_CLITICS
    ands = ("و",) if arabic else ("w", "ou", "o")
    prepositions = ("ف", "ب", "ل", "د", "ك") if arabic else ("f", "l", "b", "d", "m", "n")
    articles = ("ال", "ل") if arabic else ("el", "al", "l")
    options = [
        tuple(part for part in (a, p, t) if part)
        for a in ("", *ands)
        for p in ("", *prepositions)
        for t in ("", *articles)
    ]
    fitting = [cut for cut in options if cut and key.startswith("".join(cut))]
    return sorted(fitting, key=lambda cut: (len("".join(cut)), len(cut)))


def _is_known(word: str, also_known: Callable[[str], bool]) -> bool:
    known = spelling().known
    listed = word in known or stem(word) in known or word in _city_words()
    return listed or also_known(word) or bool(_of_two(word))


_BACKWARDS = frozenset(("pas", "jamais"))
_SCOPE = 3


def _deny(words: list[Word]) -> None:
    """Mark the words that a negator before them denies, and in French the verb before it."""
    lex = lexicon().sections
    keys = [word.keys for word in words]
    i = 0
    while i < len(words):
        found = lex["not"].at(keys, i)
        length = found[0][0] if found else 0
        if not length or not _denies(words, i):
            i += 1
            continue
        _reach(words, i, length, _scope(words, i))
        if words[i].key in _BACKWARDS:
            for back in _verb_before(words, i):
                if words[back].sentence == words[i].sentence and not words[i].comma:
                    words[back].tags.add("denied-verb")
        i += length


def _verb_before(words: list[Word], i: int) -> list[int]:
    """The two words before a French "pas", or the one when a "mais" stands between."""
    but, keys = lexicon().sections["but"], [word.keys for word in words]
    found: list[int] = []
    for back in range(i - 1, max(-1, i - 3), -1):
        if but.at(keys, back):
            break
        found.append(back)
    return found


_VERBAL = frozenset(("ma", "ما", "لا", "لم", "لن"))
_WANTING = word_list("wanting")
_ENDS_DENIAL = word_list("ends a denial")


def _scope(words: list[Word], i: int) -> int:
    """How many words a negator reaches: with "ma … ch" the verb, and what is not wanted."""
    if words[i].key in ("machi", "mashi", "ماشي", "مشي", "مش"):
        return 2
    if words[i].key not in _VERBAL:
        return _SCOPE
    following = words[i + 1].keys if i + 1 < len(words) else set()
    return _SCOPE if following & _WANTING else 2


def _reach(words: list[Word], i: int, length: int, scope: int) -> None:
    stop = lexicon().sections
    keys = [word.keys for word in words]
    reached, linking = 0, lexicon().sections["linking"]
    for j in range(i + length, min(len(words), i + length + scope + 3)):
        if reached >= scope:
            break
        if words[j].key in _ENDS_DENIAL:
            break
        reached += not linking.at(keys, j)
        if words[j].sentence != words[i].sentence or (words[j].comma and j > i + length):
            break
        if stop["but"].at(keys, j) and words[j].key not in ("ghir", "غير"):
            break
        if words[j].key in ("et", "w", "and", "و"):
            break
        if words[j].denied_by is None:
            words[j].denied_by = i


_FRENCH_MINE = frozenset(("ma", "n", "ne", "plus", "no", "la", "لا", "ما", "ni"))


def _denies(words: list[Word], i: int) -> bool:
    """Whether a word that can deny does so here: "ma" is also "my", "plus" also "more"."""
    key, before = words[i].key, words[i - 1].key if i else ""
    if key == "pas" and before in _OR:
        return False  # "ou pas ?" only asks
    if key not in _FRENCH_MINE:
        return True
    following = words[i + 1] if i + 1 < len(words) else None
    if following is None or following.sentence != words[i].sentence or before in _NOT_AFTER:
        return False
    rule = _DENIALS.get(key)
    return rule is None or rule(words, i, following)


def _ma_denies(words: list[Word], i: int, following: Word) -> bool:
    return _denied_verb(following)


def _arabic_ma_denies(words: list[Word], i: int, following: Word) -> bool:
    _denied_verb(following)
    return following.key not in _NOT_DENIED


def _plus_denies(words: list[Word], i: int, following: Word) -> bool:
    return any(word.key in _NO_MORE for word in words[max(0, i - 4) : i])


def _ne_denies(words: list[Word], i: int, following: Word) -> bool:
    return any(word.key in _SECOND_HALF for word in words[i + 1 : i + 7])


def _la_denies(words: list[Word], i: int, following: Word) -> bool:
    verb = following.key[:1] in "انتي" and len(following.key) > 2
    return verb and not following.comma and following.key not in _ANSWERED


def _no_denies(words: list[Word], i: int, following: Word) -> bool:
    return not following.comma and i > 0


_DENIALS: dict[str, Callable[[list[Word], int, Word], bool]] = {
    **{"ma": _ma_denies, "ما": _arabic_ma_denies, "plus": _plus_denies},
    **{"n": _ne_denies, "ne": _ne_denies, "لا": _la_denies, "no": _no_denies},
}
_OR = word_list("or before a denial")
_NOT_AFTER = word_list("no denial after")
_NOT_DENIED = word_list("not denied by ma")
_NO_MORE = word_list("no more")
_SECOND_HALF = word_list("second half of a denial")
_ANSWERED = frozenset(("انا", "نعم", "ان"))
_DARIJA_PAST = word_list("denied by ma")


def _denied_verb(word: Word) -> bool:
    """After "ma": "bghitch" says so itself; "wslat" is a verb of Darija and no French noun."""
    key = word.key
    if key in _DARIJA_PAST:
        return True
    for ending in ("chi", "ch", "sh", "ش"):
        core = key.removesuffix(ending)
        if core != key and len(core) >= 2:
            verb = _verb(core)
            word.keys.update((verb,) if verb else spelling().near(core))
            word.known = True
            word.stems |= {stem(each) for each in word.keys}
            return True
    return False

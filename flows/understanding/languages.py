"""Which of the four languages a message is in: by its script, then by its small words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flows.understanding import cues
from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.reading import Message, Word
from flows.understanding.writing import is_arabic

_ARABIZI = re.compile(r"(?:[a-z][3795]|[3795][a-z])[a-z]*|[a-z]+[3795][a-z]+")
_POLITE = word_list("of all languages")
"""Words that people of any of the languages use."""


def language_of(message: Message) -> str:
    """fr, ar (Arabic script), darija (Latin letters) or en; French where nothing tells."""
    words = [word for word in message.words if word.kind == "word"]
    arabic = sum(len(word.key) for word in words if is_arabic(word.key))
    latin = sum(len(word.key) for word in words) - arabic
    if arabic and arabic >= latin * 0.8:
        return "ar"
    scores = _votes(message, words)
    best = max(scores.values())
    if arabic and best < 2:
        return "ar"
    # French nouns in a sentence of Darija are still Darija.
    if scores["darija"] >= 1.5 and scores["darija"] >= 0.34 * max(scores["fr"], scores["en"]):
        return "darija"
    return next((name for name in ("fr", "en", "darija") if scores[name] == best), "fr")


def _votes(message: Message, words: Sequence[Word]) -> dict[str, float]:
    scores = {"fr": 0.0, "en": 0.0, "darija": 0.0}
    for word in words:
        if is_arabic(word.key) or word.tags & {"city", "name", "address"}:
            continue
        elided = message.text[word.end : word.end + 1] in "'’aeiouyhéèêàâîô"
        if word.glued and word.key in ("l", "f", "b", "w", "d") and not elided:
            scores["darija"] += 1  # "lcommande": an article before a consonant
        accented = message.text[word.start : word.end].casefold() != word.key
        if not (word.key == "the" and accented):  # "thé" is tea
            _vote(word.key, word.keys, scores)
    return scores


def _vote(key: str, keys: set[str], scores: dict[str, float]) -> None:
    languages = lexicon().languages.get(key)
    if languages is None and len(keys) > 1:
        languages = next(
            (found for other in sorted(keys) if (found := lexicon().languages.get(other))), None
        )
    if languages is None:
        if key in _DARIJA:
            scores["darija"] += 1
        elif len(key) > 3 and _CLUSTER.match(key) and key in cues.words():
            scores["darija"] += 1.5
        elif _ARABIZI.fullmatch(key):
            scores["darija"] += 2
        elif key in _ENGLISH:
            scores["en"] += 0.6
        elif key in _FRENCH:
            scores["fr"] += 0.5
        return
    weight = 0.5 if key in _POLITE else 1.0
    if "darija" in languages and len(languages) == 1 and key not in _POLITE:
        weight = 2.0
    for language in languages & scores.keys():
        scores[language] += weight / len(languages)


_DARIJA = word_list("darija goods")
# What no French or English word begins with: "katwslo", "nkhalles", "twsel".
_CLUSTER = re.compile(
    r"ka[ty][^aeiouy]|gha[^aeiouy]|[nmy][bcdfghjklpqrstvwxz]|t[bcdfgjklmnpqsvxz]|tw[as]"
)
_ENGLISH = word_list("english goods")
_FRENCH = word_list("french goods")

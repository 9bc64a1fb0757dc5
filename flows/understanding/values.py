"""Options of other kinds than colour and size, in the words of the products spoken of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rapidfuzz.distance import OSA

from flows.understanding.goods import Catalogue, Mention
from flows.understanding.lexicon import lexicon
from flows.understanding.option import Option
from flows.understanding.options import Value
from flows.understanding.reading import Message, Word
from flows.understanding.writing import skeleton, stem

MOST = 20
"""Products of one mention whose values are looked for."""


def options_in_words(
    message: Message, mentions: Sequence[Mention], catalogue: Catalogue, free: Sequence[bool]
) -> list[Option]:
    """The values that are said: "thym" and "za3tar" of a honey."""
    values = _telling_apart(mentions, catalogue)
    found: list[Option] = []
    i = 0
    while values and i < len(message.words):
        hit = _value_at(message, i, values) if free[i] else None
        if hit:
            length, value = hit
            found.append(Option("word", f"{value.axis}={value.text}", i, i + length))
            i += length
        else:
            i += 1
    return found


def _telling_apart(mentions: Sequence[Mention], catalogue: Catalogue) -> list[Value]:
    """The values in question, each with the words that no other one has."""
    values = {
        value
        for mention in mentions
        for product in mention.products[:MOST]
        for each in catalogue.products[product].values
        for value in each
        if (value.words or value.concepts) and not value.is_shade
    }
    # "oz" of "10 oz" and "12 oz" tells them not apart.
    common = Counter(word for value in values for word in set(value.words))
    own = [
        replace(value, words=tuple(word for word in value.words if common[word] == 1))
        for value in values
    ]
    return sorted(own, key=lambda value: (value.axis, value.text))


def _value_at(message: Message, i: int, values: Sequence[Value]) -> tuple[int, Value] | None:
    """(how many words, the value they say)."""
    word = message.words[i]
    if word.kind != "word" or word.glued or len(word.key) < 3:
        return None
    colours = lexicon().sections["colour"].at(message.stems, i)
    for value in values:
        if not colours and word.stems.intersection(value.words):
            return 1, value
    for length, concept in lexicon().goods.at(message.stems, i):
        for value in values:
            if concept in value.concepts and not (colours and colours[0][0] >= length):
                return length, value
    guessed = None if word.known else next((v for v in values if _sounds_like(word, v)), None)
    return (1, guessed) if guessed else None


def _sounds_like(word: Word, value: Value) -> bool:
    sounds = skeleton(stem(word.key))
    return any(
        (len(sounds) >= 3 and skeleton(each) == sounds)
        or (len(word.key) >= 5 and OSA.distance(word.key, each) <= 1)
        for each in value.words
    )

"""Yes and no in a message, and what of it is only greeting and politeness."""

from __future__ import annotations

from typing import NamedTuple

from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.reading import Message

SOON = 2
"""Words that may stand before a yes that answers."""
FEW = 6
"""In so few words a yes may stand anywhere."""


class Answer(NamedTuple):
    yes: bool
    no: bool
    strong: bool
    """A yes that is no mere "fine"."""


def polite_words(message: Message) -> set[int]:
    """The words that are greetings and politeness."""
    fillers = lexicon().sections["filler"]
    return {
        j
        for i in range(len(message.words))
        for length, _ in fillers.at(message.phrases, i)
        for j in range(i, i + length)
        if not message.words[j].tags
    }


def core_of(message: Message) -> tuple[int, int]:
    """Where the message begins and ends when greetings and polite words are left out."""
    polite, begin, end = polite_words(message), 0, len(message.words)
    while begin < end and begin in polite:
        begin += 1
    while end > begin and end - 1 in polite:
        end -= 1
    return (begin, end) if begin < end else (0, len(message.words))


def words_beside(message: Message) -> int:
    """How many words are neither yes nor no nor only polite."""
    sections, covered = lexicon().sections, polite_words(message)
    for i in range(len(message.words)):
        for section in ("yes", "no"):
            for length, _ in sections[section].at(message.phrases, i):
                covered |= set(range(i, i + length))
    return len(message.words) - len(covered)


def says_only(message: Message, wanted: tuple[str, ...]) -> bool:
    """Whether these words are the whole message, greetings and polite words apart."""
    keys, polite = tuple(word.key for word in message.words), polite_words(message)
    return bool(wanted) and any(
        keys[i : i + len(wanted)] == wanted
        and polite.issuperset((*range(i), *range(i + len(wanted), len(keys))))
        for i in range(len(keys))
    )


def answer_of(message: Message) -> Answer:
    """What it answers at its beginning, or anywhere in a few words."""
    words, fillers = message.words, lexicon().sections["filler"]
    yes = no = strong = False
    i = quiet = 0
    while i < len(words):
        agreed, refused = _yes_at(message, i), _no_at(message, i)
        denier = words[i].denied_by
        if refused and refused >= agreed:
            no = no or quiet <= SOON + 1
        elif agreed and denier is not None and i - denier <= 3:
            no = no or quiet <= SOON
        elif agreed and not words[i].tags & {"product", "option", "city"}:
            heard = quiet <= SOON or len(words) <= FEW
            yes, strong = yes or heard, strong or (heard and words[i].key not in _FINE)
        else:
            quiet += not fillers.at(message.phrases, i)
            agreed = refused = 0
        i += (refused if refused >= agreed else agreed) or 1
    return Answer(yes, no, strong)


def _yes_at(message: Message, i: int) -> int:
    """How many words say yes here."""
    found = lexicon().sections["yes"].at(message.phrases, i)
    return found[0][0] if found else 0


def _no_at(message: Message, i: int) -> int:
    found = lexicon().sections["no"].at(message.phrases, i)
    if not found or (message.words[i].key == "la" and not _la_is_no(message, i)):
        return 0
    return found[0][0]


def _la_is_no(message: Message, i: int) -> bool:
    """ "la" alone or before Darija is no; before a French noun it is an article."""
    words = message.words
    begins = i == 0 or words[i].sentence != words[i - 1].sentence or words[i].comma
    if i + 1 == len(words) or words[i + 1].sentence != words[i].sentence or words[i + 1].comma:
        return begins
    following = lexicon().languages.get(words[i + 1].key, frozenset())
    greeted = i > 0 and bool(lexicon().sections["filler"].at(message.phrases, i - 1))
    return (begins or greeted) and "darija" in following and "fr" not in following


_FINE = word_list("weak yes")

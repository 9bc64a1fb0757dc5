"""What of the pieces is not wanted: "au lieu du rouge", "machi 2", "bla smta"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.piece import Piece
from flows.understanding.reading import Message


def marked(message: Message, found: list[Piece]) -> list[Piece]:
    """The pieces, those that are not wanted marked as denied."""
    unwanted = _after_words(message, found, ("without", "instead of")) | _replaced(message, found)
    return [
        replace(piece, denied=id(piece) in unwanted or _is_reached(message, found, piece))
        if piece.is_thing
        else piece
        for piece in found
    ]


def _is_reached(message: Message, found: list[Piece], piece: Piece) -> bool:
    by = message.words[piece.first].denied_by if piece.first < len(message.words) else None
    if by is None or by < 0:
        return False
    between = [p for p in found if by < p.first < piece.first and p.kind == piece.kind]
    return not between


def _after_words(message: Message, found: list[Piece], sections: Sequence[str]) -> set[int]:
    """Pieces of the one noun phrase after such words."""
    unwanted: set[int] = set()
    for i in range(len(message.words)):
        for section in sections:
            length = max(
                (n for n, _ in lexicon().sections[section].at(message.phrases, i)), default=0
            )
            if length and not any(p.first <= i < p.end and p.kind != "and" for p in found):
                unwanted |= _phrase_after(message, found, i + length)
    return unwanted


def _phrase_after(message: Message, found: list[Piece], i: int) -> set[int]:
    """The pieces that follow closely, one of each sort."""
    here: dict[str, int] = {}
    at = i
    for piece in found:
        joins = piece.kind in ("and", "or")
        if piece.first < i:
            continue
        if piece.first > at + 2 or (here and (joins or _leads_on(message, at, piece.first))):
            break
        if joins:
            continue
        if piece.sort in here:
            break
        here[piece.sort] = id(piece)
        at = piece.end
    return set(here.values())


def _leads_on(message: Message, first: int, end: int) -> bool:
    return any(word.key in _LEADING for word in message.words[first:end])


def _replaced(message: Message, found: list[Piece]) -> set[int]:
    """Of "replace X by Y" X."""
    sections = lexicon().sections
    things = [piece for piece in found if piece.is_thing and not piece.article]
    for i in range(len(message.words)):
        if verb := sections["replace"].at(message.phrases, i):
            after = [piece for piece in things if piece.first >= i + verb[0][0]]
            if replaced := _before_by(message, after, i):
                return replaced
    return set()


def _before_by(message: Message, after: list[Piece], verb: int) -> set[int]:
    """What stands between a verb and its "by", where something alike follows that."""
    by = lexicon().sections["by"]
    for j in range(verb + 1, len(message.words)):
        before = [piece for piece in after if piece.end <= j]
        later = [piece for piece in after if j < piece.first <= j + 4]
        alike = {piece.sort for piece in before} & {piece.sort for piece in later}
        together = message.words[j].sentence == message.words[verb].sentence
        if alike and together and by.at(message.phrases, j):
            return {id(piece) for piece in before}
    return set()


_LEADING = word_list("leads on from what is unwanted")

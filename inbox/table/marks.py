"""What was searched for, marked where it is found: in names, numbers and phones."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import Blueprint
from markupsafe import Markup, escape

from inbox import filters
from models.search import WORD
from models.types import fold

_MARK = Markup("<mark>{}</mark>{}")


def attach(pages: Blueprint) -> None:
    pages.add_app_template_filter(marked)
    pages.add_app_template_filter(marked_phone)


def marked(text: object, typed: Sequence[str]) -> Markup:
    """A name or number with the beginnings of its words that were typed in <mark>."""
    if not typed:
        return filters.bdi(text)
    said, parts, end = str(text or ""), [], 0
    for match in WORD.finditer(said):
        parts += [escape(said[end : match.start()]), _begun(match[0], typed)]
        end = match.end()
    return filters.bdi(Markup("").join([*parts, escape(said[end:])]))


def _begun(word: str, typed: Sequence[str]) -> Markup:
    for wanted in sorted(typed, key=len, reverse=True):
        # Folding can lengthen or shorten a word: the mark ends where its fold has what was typed.
        for length in range(1, len(word) + 1):
            if fold(word[:length]).startswith(wanted):
                return _MARK.format(word[:length], word[length:])
    return escape(word)


def marked_phone(e164: str, typed: Sequence[str]) -> Markup:
    """A phone as people write it, with the digits that were typed in <mark>."""
    plain = str(filters.phone(e164).striptags())
    for digits in typed:
        if digits.isdecimal() and (span := _span(plain, digits)):
            start, end = span
            rest = _MARK.format(plain[start:end], plain[end:])
            return filters.ltr(escape(plain[:start]) + rest)
    return filters.phone(e164)


def _span(plain: str, typed: str) -> tuple[int, int] | None:
    """Where the digits are, whatever stands between them; without the zeros dialled in front."""
    places = [match.start() for match in re.finditer(r"\d", plain)]
    digits = "".join(plain[place] for place in places)
    for wanted in (typed, typed.lstrip("0")):
        at = digits.rfind(wanted) if wanted else -1
        if at >= 0:
            return places[at], places[at + len(wanted) - 1] + 1
    return None

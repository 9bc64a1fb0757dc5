"""How a turn of the bot is shown: what was found in the text, what it did, why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint

from inbox.bot import words
from inbox.conversations.asked import write_place
from inbox.costs.words import written
from inbox.languages import N_, gettext
from models.talk import Turn

TAPPED = N_("A button was tapped")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of what was typed; with a colour where something was found in it."""

    text: str
    color: str = ""
    meaning: str = ""


def attach(pages: Blueprint) -> None:
    for show in (deed, detail, reason, intent, spoken, pieces, rule, place, day):
        pages.app_template_filter(f"turn_{show.__name__}")(show)


def deed(turn: Turn) -> words.Deed:
    """What it did; a code we have no words for yet as it is."""
    found = words.DEEDS.get(turn.did, words.Deed(turn.did))
    return found._replace(text=gettext(found.text))


def detail(turn: Turn) -> str:
    """What a deed was about: the product, the question, the city, why it stepped aside."""
    facts = turn.facts
    if turn.did == "handed_over":
        return reason(str(facts.get("why", "")))
    if products := facts.get("products"):
        return ", ".join(map(str, products))
    return next(
        (str(facts[name]) for name in ("product", "question", "to", "city") if facts.get(name)), ""
    )


def reason(code: str) -> str:
    return gettext(words.REASONS[code]) if code in words.REASONS else code


def intent(code: str) -> str:
    return gettext(words.INTENTS[code]) if code in words.INTENTS else code


def spoken(code: str) -> str:
    """The language of a customer, in the reader's."""
    return gettext(words.LANGUAGES[code]) if code in words.LANGUAGES else code


def rule(code: str) -> str:
    return gettext(TAPPED) if code.startswith("tap:") else code


def day(on: date) -> str:
    """Wed, 12 Nov"""
    return written(on, "MMMEd")


def place(turn: Turn) -> str:
    return write_place((turn.at, turn.id))


def pieces(turn: Turn) -> list[Piece]:
    """The text that was heard, cut where something was found in it."""
    return list(_cut(turn.heard, turn.entities))


def _cut(text: str, entities: Iterable[Mapping[str, Any]]) -> Iterator[Piece]:
    end = 0
    for found in sorted(entities, key=lambda one: (one["start"], -one["end"])):
        start, stop = found["start"], min(found["end"], len(text))
        if not end <= start < stop:
            continue  # a word within words that are shown already
        if start > end:
            yield Piece(text[end:start])
        word, color = words.ENTITIES.get(found["kind"], (found["kind"], "gray"))
        yield Piece(text[start:stop], color, f"{gettext(word)}: {found['value']}")
        end = stop
    if end < len(text):
        yield Piece(text[end:])

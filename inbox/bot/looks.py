"""How a turn of the bot is shown: what was found in the text, what it did, why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint

from inbox.bot import words
from inbox.conversations import asides
from inbox.conversations.asked import write_place
from inbox.costs.words import written
from inbox.languages import gettext
from models.talk import Turn

CONCEPT = re.compile(r"[{<](\w+)[}>]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of what was typed; with a colour where something was found in it."""

    text: str
    color: str = ""
    word: str = ""
    """What kind of thing it is, in the reader's language."""
    value: str = ""


def attach(pages: Blueprint) -> None:
    for show in (deed, detail, reason, intent, asked, spoken, pieces, rule, place, day):
        pages.app_template_filter(f"turn_{show.__name__}")(show)
    pages.app_template_filter("intent_name")(meaning)


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
    return asides.why(code)


def intent(turn: Turn) -> str:
    """What the text meant by itself; "" where it only answered what the bot had asked."""
    answers = turn.intent == "other" and turn.step and turn.did != "not_understood"
    return "" if answers else meaning(turn.intent)


def meaning(code: str) -> str:
    return gettext(words.INTENTS[code]) if code in words.INTENTS else code


def asked(turn: Turn) -> str:
    """What the bot had asked before; "" for nothing."""
    return gettext(words.STEPS[turn.step]) if turn.step in words.STEPS else turn.step


def spoken(code: str) -> str:
    """The language of a customer, in the reader's."""
    return gettext(words.LANGUAGES[code]) if code in words.LANGUAGES else code


def rule(code: str) -> str:
    """Which words decided, in words: "where, the parcel" for a cue made of {where} … {parcel}."""
    head, _, cue = code.partition(":")
    if known := words.RULES.get(code) or words.RULES.get(head):
        return gettext(known)
    if head == "taught":
        return gettext("You taught it: “%(words)s”", words=cue.strip())
    found = [words.CONCEPTS[name] for name in CONCEPT.findall(cue) if name in words.CONCEPTS]
    if not found:
        return gettext("Words that mean this")
    return gettext("Words about: %(what)s", what=" + ".join(map(gettext, dict.fromkeys(found))))


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
        # Of "couleur=Noir" what customers say.
        yield Piece(text[start:stop], color, gettext(word), found["value"].rpartition("=")[2])
        end = stop
    if end < len(text):
        yield Piece(text[end:])

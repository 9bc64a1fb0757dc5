"""How much each part of a message may hold, as Meta states it; what is wrong, by field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flows.errors import N_, Invalid, Refused

TEXT = 4096
CAPTION = 1024
BODY = 1024
SMALL = 60
"""Headers and footers."""
BUTTON = 20
BUTTON_ID = 256
ROW_ID = 200
ROW = 24
ROW_DETAIL = 72
BUTTONS = 3
ROWS = 10
SECTIONS = 10
PRODUCTS = 30
CARDS = (2, 10)

LINK = re.compile(r"https?://[^\s/?#]+\.[^\s]+|https?://localhost[^\s]*")

SENTENCES = {
    "empty": N_("Fill this in."),
    "too_long": N_("Too long: {limit} characters at most."),
    "too_many": N_("Too many: {limit} at most."),
    "too_few": N_("Too few: {limit} at least."),
    "twice": N_("Twice the same."),
    "url": N_("A link starts with https:// and a web address."),
    "number": N_("This is not a place on earth."),
    "header": N_("WhatsApp does not take this above such a message."),
    "emoji": N_("One emoji, nothing else."),
    "country": N_("WhatsApp asks for addresses in India and Singapore only."),
    "together": N_("All cards need the same parts."),
}

Wrong = Iterator[tuple[str, Refused]]


def refuse(found: Iterable[tuple[str, Refused]]) -> None:
    """Invalid with the first complaint about each field; nothing when there is none."""
    fields: dict[str, Refused] = {}
    for name, why in found:
        fields.setdefault(name, why)
    if fields:
        raise Invalid(fields)


def no(field: str, code: str, **facts: Any) -> tuple[str, Refused]:
    return field, Refused(code, SENTENCES[code], **facts)


def sized(field: str, text: Any, most: int, *, needed: bool = True) -> Wrong:
    """Complaints about a text: missing, or longer than Meta takes."""
    said = text if isinstance(text, str) else ""
    if needed and not said.strip():
        yield no(field, "empty")
    if len(said) > most:
        yield no(field, "too_long", limit=most)


def counted(field: str, things: Sequence[Any], most: int, least: int = 1) -> Wrong:
    if len(things) > most:
        yield no(field, "too_many", limit=most)
    if len(things) < least:
        yield no(field, "too_few", limit=least)


def distinct(field: str, part: str, values: Sequence[Any]) -> Wrong:
    """Complaints about the second of two that say the same: `field[3].part`."""
    for index, value in enumerate(values):
        if value and value in values[:index]:
            yield no(f"{field}[{index}].{part}", "twice")


def linked(field: str, url: Any) -> Wrong:
    if not isinstance(url, str) or not LINK.fullmatch(url) or len(url) > 2000:
        yield no(field, "url")

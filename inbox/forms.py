"""Posted texts into values; what cannot be read is named field by field, all of it at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import time
from typing import TypeVar
from uuid import UUID

from email_validator import validate_email

from flows.customers import Number, read_phone
from flows.errors import N_, Refused
from models.types import Money, clean

# What sticks to texts copied out of a chat: marks that turn directions, and zero-width spaces.
# The joiners U+200C and U+200D stay: Persian and emoji need them.
_INVISIBLE = dict.fromkeys(
    [0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)

Value = TypeVar("Value")


class Fields:
    """A form as posted. Reading never fails: what could not be read stands in `wrong`, by field,
    and the value is None."""

    def __init__(self, posted: Mapping[str, str]) -> None:
        self.posted = posted
        self.wrong: dict[str, Refused] = {}

    def text(self, name: str) -> str:
        """One line, without the spaces and marks that nobody meant."""
        return " ".join(_visible(self.posted.get(name, "")).split())

    def lines(self, name: str) -> str:
        """Text of several lines."""
        rows = _visible(self.posted.get(name, "")).splitlines()
        return "\n".join(row.rstrip() for row in rows).strip()

    def money(self, name: str, currency: str) -> int | None:
        """Minor units of the currency; None when nothing was typed."""
        sentence = N_("This is not an amount.")
        return self._read(name, lambda typed: Money.parse(typed, currency).minor, sentence)

    def whole(self, name: str) -> int | None:
        """A count, in whatever digits it was typed; None when nothing was."""
        return self._read(name, _whole, N_("Enter a whole number."))

    def clock(self, name: str) -> time | None:
        """A time of day, to the minute; None when nothing was typed."""
        return self._read(name, _clock, N_("This is not a time of day."))

    def uuid(self, name: str) -> UUID | None:
        """An identifier out of a list; None for its empty choice."""
        return self._read(name, UUID, N_("Choose one of the list."))

    def phone(self, name: str, region: str) -> Number | None:
        """A number as people of `region` (ISO 3166) write it; None when nothing was typed."""
        return self._read(
            name, lambda typed: _number(typed, region), N_("This is not a phone number.")
        )

    def email(self, name: str) -> str | None:
        """An address that can exist (nobody is asked whether it does); None when empty."""
        return self._read(name, _email, N_("This is not an e-mail address."))

    def rows(self, name: str) -> list[Fields]:
        """The forms within this form: `lines[3].quantity` is a row's `quantity`.

        In the order of their numbers, and numbered anew from 0: the page may have lost some.
        """
        pattern = re.compile(rf"{re.escape(name)}\[(\d{{1,9}})\]\.(\w+)")
        rows: dict[int, dict[str, str]] = {}
        for key, value in self.posted.items():
            if match := pattern.fullmatch(key):
                rows.setdefault(int(match[1]), {})[match[2]] = value
        return [Fields(rows[number]) for number in sorted(rows)]

    def _read(self, name: str, reader: Callable[[str], Value], sentence: str) -> Value | None:
        typed = self.text(name)
        if typed:
            try:
                return reader(typed)
            except ValueError:
                self.wrong[name] = Refused("unreadable", sentence)
        return None


def _visible(text: str) -> str:
    return unicodedata.normalize("NFC", clean(text)).translate(_INVISIBLE)


def _whole(typed: str) -> int:
    digits = unicodedata.normalize("NFKC", typed)
    if not digits.isdecimal() or len(digits) > 9:
        raise ValueError(typed)
    return int(digits)


def _clock(typed: str) -> time:
    return time.fromisoformat(typed).replace(tzinfo=None, second=0, microsecond=0)


def _number(typed: str, region: str) -> Number:
    number = read_phone(typed, region)
    if number.e164 is None:
        raise ValueError(typed)
    return number


def _email(typed: str) -> str:
    return validate_email(typed, check_deliverability=False).normalized

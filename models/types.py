"""The values rows are made of: identifiers, times, money, clean text, encrypted secrets."""

from __future__ import annotations

import os
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import JSONB
from uuid_utils import compat

# ISO 4217 exponents of the currencies our merchants sell in and Meta bills in.
EXPONENTS = {"TND": 3, "LYD": 3, "CLP": 0}

Json = dict[str, Any]
Instant = DateTime(timezone=True)
JsonColumn = JSONB(none_as_null=True)


def new_id() -> UUID:
    """A time-ordered identifier, made before the insert (also the callback id of a message)."""
    return compat.uuid7()


_AHEAD = os.environ.get("WASL_CLOCK")
"""For trials: a file that says how many seconds the clocks of our processes are wrong."""


def utcnow() -> datetime:
    """Now, by the clock of this process."""
    now = datetime.now(UTC)
    return now if _AHEAD is None else now + timedelta(seconds=_error(_AHEAD))


def _error(file: str) -> float:
    with suppress(OSError, ValueError):
        return float(Path(file).read_text(encoding="ascii"))
    return 0.0


def exponent(currency: str) -> int:
    """Digits after the comma of a currency: 2, but 3 for the dinars of Tunisia and Libya."""
    return EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in integer minor units (centimes) of one currency."""

    minor: int
    currency: str

    @property
    def decimal(self) -> Decimal:
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Money typed by a person ("1 250,50", "1.250", "١٢٥٠"); ValueError when it is not.

        Of a point and a comma the later one is the decimal mark. One that stands alone before
        three digits marks thousands, unless the currency has three decimals.
        """
        amount = _typed_number(text, exponent(currency)).scaleb(exponent(currency))
        if amount != amount.to_integral_value() or abs(amount) > 10**13:
            raise ValueError(text)
        return cls(int(amount), currency)


_SPACES = re.compile(r"[\s'\u2019\u066c]")
_PLAIN = re.compile(r"([+-]?)(\d+)(?:[.,](\d*))?")
_GROUPED = (
    re.compile(r"([+-]?)([1-9]\d{0,2}(?:\.\d{3})+)(?:,(\d*))?"),
    re.compile(r"([+-]?)([1-9]\d{0,2}(?:,\d{3})+)(?:\.(\d*))?"),
)


def _typed_number(text: str, decimals: int) -> Decimal:
    # inbox/static/money.js reads amounts by the same three patterns; a test compares them.
    text = unicodedata.normalize("NFKC", text)
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    # What an Arabic keyboard has for the decimal comma: U+066B, U+060C.
    text = _SPACES.sub("", text).replace("\u066b", ",").replace("\u060c", ",")
    for pattern in (_PLAIN, *_GROUPED) if decimals == 3 else (*_GROUPED, _PLAIN):
        if match := pattern.fullmatch(text):
            sign, whole, fraction = match.groups(default="")
            return Decimal(sign + re.sub("[.,]", "", whole) + "." + fraction)
    raise ValueError(text)


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """Text PostgreSQL can store: NUL and lone surrogates become U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def fold(text: str) -> str:
    """Text to search in: no case, no accents, Arabic letters in their plain form."""
    text = unicodedata.normalize("NFKD", clean(text)).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c) and c != "\u0640")
    return " ".join(text.translate(_ARABIC).split())


# One spelling for letters that people type interchangeably (hamza, final ya, ta marbuta).
_ARABIC = str.maketrans("أإآٱىةؤئ", "اااايهوي")

"""The values rows are made of: identifiers, times, money, clean text, encrypted secrets."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
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


def utcnow() -> datetime:
    return datetime.now(UTC)


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
        """Money typed by a person ("1 250,50", "1250.5", "١٢٥٠"); ValueError when it is not."""
        plain = _plain_number(text)
        try:
            amount = Decimal(plain).scaleb(exponent(currency))
        except InvalidOperation:
            raise ValueError(text) from None
        if not amount.is_finite() or amount != amount.to_integral_value() or abs(amount) > 10**13:
            raise ValueError(text)
        return cls(int(amount), currency)


def _plain_number(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).strip()
    # Arabic-Indic digits become 0-9; U+066B is the Arabic decimal comma, U+066C its thousands mark.
    text = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in text)
    text = re.sub(r"[\s\u202f\u00a0'\u2019\u066c]", "", text).replace("\u066b", ".")
    if "," in text and "." in text:
        thousands = "," if text.rfind(".") > text.rfind(",") else "."
        text = text.replace(thousands, "")
    return text.replace(",", ".")


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

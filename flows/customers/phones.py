"""Numbers as people write them, and what they are internationally (spec: domain.md §5)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat
from sqlalchemy import ColumnElement, false, or_
from sqlalchemy.orm import InstrumentedAttribute

from models import search
from models.types import clean

SUFFIX = 4
"""Digits after which what is typed may also be the end of a number."""


@dataclass(frozen=True, slots=True)
class Number:
    """A phone as somebody wrote it, and what it is internationally (None when it is no number)."""

    raw: str
    e164: str | None

    @property
    def reversed_digits(self) -> str:
        return re.sub(r"\D", "", self.e164 or _digits(self.raw))[::-1]


def read_phone(raw: str, region: str) -> Number:
    """The number `raw` means to somebody in `region` (ISO 3166); e164 None when it is none."""
    text = unicodedata.normalize("NFKC", clean(raw)).strip()
    international = text.startswith(("+", "00"))
    parsed = _parse(re.sub(r"^00", "+", text), None if international else region)
    if parsed is None and 10 <= len(_digits(text)) <= 15:
        parsed = _parse("+" + _digits(text), None)
    return Number(raw, _e164(parsed) if parsed else None)


def read_wa_id(wa_id: str) -> str | None:
    """The E.164 of Meta's digits. Only possible, not valid: WhatsApp knows new ranges first."""
    parsed = _parse("+" + _digits(wa_id), None)
    return _e164(parsed) if parsed else None


def phone_words(e164: str | None) -> str:
    """Every way people begin to write this number, and its digits backwards, for the search."""
    parsed = _parse(e164, None) if e164 else None
    if parsed is None:
        return ""
    national = str(parsed.national_number)
    full = f"{parsed.country_code}{national}"
    return f"{full} 0{national} {national} r{full[::-1]}"


def matches(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    """Rows whose words begin like those typed; a number in any spelling, or its last digits."""
    text = unicodedata.normalize("NFKC", clean(text)).strip()
    digits = re.sub(r"^00", "", _digits(text))
    if not re.fullmatch(r"[\d\s.()+/\-]+", text):
        words = search.words(text)
        return search.begins_like(column, words) if words else false()
    ends = [f"r{digits[::-1]}"] if len(digits) >= SUFFIX else []
    return or_(*(search.begins_like(column, [word]) for word in [digits, *ends]))


def _digits(text: str) -> str:
    return "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None


def _e164(parsed: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)

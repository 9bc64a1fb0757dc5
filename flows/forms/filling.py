"""What a customer typed into the form, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from flows import delivery, places
from flows.customers import read_phone
from flows.delivery import City
from flows.forms.screens import FIELDS, LIMITS, NOBODY
from models.types import clean

SUGGESTIONS = 6


@dataclass(frozen=True, slots=True)
class Typed:
    """Every field as text, "" where nothing was typed."""

    name: str = ""
    phone: str = ""
    city: str = ""
    line: str = ""
    landmark: str = ""
    note: str = ""

    def told(self) -> dict[str, str]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class Checked:
    """`errors`: the word of flows/forms/words for each field; `cities`: which may be meant."""

    typed: Typed
    errors: Mapping[str, str]
    cities: tuple[City, ...] = field(default=())


def typed(data: Mapping[str, Any]) -> Typed:
    """What a phone says was typed, whatever it says: texts, trimmed and cut."""
    return Typed(**{name: _text(data.get(name), LIMITS[name]) for name in FIELDS})


def check(
    given: Typed, data: Mapping[str, Any], *, country: str, ask_phone: bool, sending: bool = False
) -> Checked:
    """The same with its phone in E.164 and its city as it is written, or what is wrong with it.

    A city that nobody knows is asked about once, and taken as it is when the customer says so.
    `sending`: it was asked about on the screen before.
    """
    phone, errors = given.phone if ask_phone else "", {}
    if not given.name:
        errors["name"] = "need_name"
    if ask_phone:
        phone = read_phone(given.phone, country).e164 or ""
        if not phone:
            errors["phone"] = "bad_phone" if given.phone else "need_phone"
    if not given.line:
        errors["line"] = "need_line"
    city, cities = _city(given.city, data, country, sending=sending)
    if not city:
        errors["city"] = "which_city" if given.city else "need_city"
    return Checked(
        replace(given, phone=phone or given.phone, city=city or given.city), errors, cities
    )


def _city(
    text: str, data: Mapping[str, Any], country: str, *, sending: bool
) -> tuple[str, tuple[City, ...]]:
    """The city that is meant, or those that may be."""
    if not places.key(text):
        return "", ()
    if sending or places.find(text, country) or delivery.quote(text).known:
        return places.known_as(text, country)[1], ()
    listed = (*_like(text, country), City(text, "", ""))
    chosen = data.get("choice")
    if data.get("asked") == text and chosen in [city.name for city in listed]:
        return str(chosen), ()
    return "", listed


def _like(text: str, country: str) -> list[City]:
    """Cities that begin as this one does, fewer and fewer letters of it."""
    for length in range(len(text), 2, -1):
        if found := delivery.cities(text[:length], country, SUGGESTIONS):
            return [city for city in found if city.name != text]
    return []


def _text(value: Any, most: int) -> str:
    text = clean(value).strip()[:most].strip() if isinstance(value, str) else ""
    return "" if text == NOBODY else text

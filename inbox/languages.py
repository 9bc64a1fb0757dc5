"""French, English, Arabic: the catalogues, whose language it is, which way it runs.

Catalogues are the .po files themselves, read once when the process first needs them: nothing is
compiled, nothing to forget before a release.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from flows.errors import N_ as N_
from flows.errors import Invalid, Refused

NAMES = {"fr": "Français", "en": "English", "ar": "العربية"}
DEFAULT = "fr"
FOLDER = Path(__file__).parent / "translations"


def gettext(message: str, **facts: Any) -> str:
    """The sentence in the reader's language, its %(facts)s filled in."""
    text = catalogue(_reader()).gettext(message)
    return text % facts if facts else text


def ngettext(singular: str, plural: str, count: int, **facts: Any) -> str:
    """The sentence for this count: Arabic has six forms. %(num)s is the count."""
    text = catalogue(_reader()).ngettext(singular, plural, count)
    return text % {"num": count, **facts}


_ = gettext


def told(refusal: Refused) -> str:
    """What the shop says no with, in the reader's language."""
    return catalogue(_reader()).gettext(refusal.message).format(**refusal.facts)


def told_each(refusal: Invalid) -> dict[str, str]:
    """The same of every field that was refused."""
    return {name: told(why) for name, why in refusal.fields.items()}


def choose(*wishes: str | None) -> str:
    """The first wish that is a language of ours, else French."""
    return next((wish for wish in wishes if wish in NAMES), DEFAULT)


def direction(language: str) -> str:
    return "rtl" if language == "ar" else "ltr"


@cache
def locale(language: str, country: str = "") -> Locale:
    """How numbers and days are written: Rabat and Algiers name the months differently."""
    if language == "en":
        return Locale("en", "GB")
    if language == "ar":
        try:
            return Locale("ar", country or "MA")
        except UnknownLocaleError:
            return Locale("ar", "MA")
    return Locale(language)


@cache
def catalogue(language: str) -> NullTranslations:
    """The translations of a language; the English sentences where there is no file."""
    source = FOLDER / language / "LC_MESSAGES" / "messages.po"
    if not source.exists():
        return NullTranslations()
    compiled = BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def speak(languages: Sequence[str] = tuple(NAMES)) -> None:
    """Read the catalogues now, so that a broken one stops the start and not a page."""
    for language in languages:
        catalogue(language)


def _reader() -> str:
    # Imported late: `current` knows the reader, and itself speaks through this module.
    from inbox.current import current

    return current.language

"""What the bot says, in the customer's language and the merchant's tone."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency

from models.talk import Bot
from models.types import Money

LANGUAGES = ("fr", "ar", "darija", "en")
FIRST = "fr"
_FOLDER = Path(__file__).parent / "texts"
_LOCALES = {"darija": "fr"}
_EMOJI = re.compile(r" ?[\U0001f000-\U0001faff\u2705\u2600-\u27bf\ufe0f]+")


@cache
def texts(language: str) -> Mapping[str, str]:
    """The bot's own words of a language by key; "key.formal" where the formal tone has its own."""
    read = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    formal = {f"{key}.formal": text for key, text in read.pop("formal", {}).items()}
    return read | formal


def blanks(text: str) -> set[str]:
    """What stands in {braces}, whole: {name:>999} is no blank of ours. ValueError where braces do
    not match."""
    return {
        f"{name}{'!' * bool(conversion)}{conversion or ''}{':' * bool(spec)}{spec or ''}"
        for _, name, spec, conversion in string.Formatter().parse(text)
        if name is not None
    }


def say(bot: Bot, language: str, key: str, **facts: Any) -> str:
    """The sentence `key`, its blanks filled: the merchant's own, else the bot's."""
    text = own(bot, language, key)
    told = {name: str(value) for name, value in facts.items()}
    for name in (name for name, value in told.items() if not value):
        text = text.replace(f" {{{name}}}", f"{{{name}}}")  # of a name that nobody knows
    said = text.format_map(told)
    return _EMOJI.sub("", said) if bot.formal else said


def own(bot: Bot, language: str, key: str) -> str:
    """The text before its blanks are filled."""
    mine = (bot.texts.get(key) or {}).get(language)
    if mine:
        return str(mine)
    known = texts(language)
    return known.get(f"{key}.formal", known[key]) if bot.formal else known[key]


def amount(money: Money, language: str) -> str:
    """ "320,00 MAD", with digits that everybody reads."""
    locale = _LOCALES.get(language, language)
    pattern = "#,##0.00 ¤¤" if language == "en" else None  # not "MAD35.00"
    shown = format_currency(
        money.decimal, money.currency, pattern, locale=locale, numbering_system="latn"
    )
    return _unmarked(shown)


def day(on: date, language: str) -> str:
    return _unmarked(format_date(on, "EEEE d MMMM", locale=_LOCALES.get(language, language)))


def _unmarked(text: str) -> str:
    """Without marks of direction: WhatsApp orders each line by itself."""
    return text.replace("\u200f", "").replace("\u200e", "").replace("\xa0", " ")

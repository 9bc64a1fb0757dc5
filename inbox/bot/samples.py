"""Facts of a customer who does not exist, to show what the bot's texts become."""

from __future__ import annotations

from typing import Any

from flows.talks import saying
from inbox.current import current
from models.talk import Bot

NAMES = {"ar": "فاطمة"}
NAME = "Fatima"


def facts(language: str) -> dict[str, Any]:
    """What the blanks of the texts are filled with."""
    merchant = current.login.merchant
    return {
        "name": NAMES.get(language, NAME),
        "shop": merchant.name,
        "number": 1042,
        "total": saying.amount(merchant.money(32_000), language),
    }


def blanks(key: str, language: str) -> list[str]:
    """The blanks that a text may have, in the order the bot's own has them."""
    own = saying.texts(language)[key]
    return sorted(saying.blanks(own), key=lambda name: own.index(f"{{{name}}}"))


def shown(bot: Bot, language: str, key: str, text: str) -> str:
    """A text as it would be said, or the bot's own for ""; as it stands while its blanks are none
    of ours."""
    known = saying.blanks(saying.texts(language)[key])
    try:
        fits = saying.blanks(text) <= known
    except ValueError:  # a brace is still open
        fits = False
    if not fits:
        return text
    heard = Bot(channel_id=bot.channel_id, formal=bot.formal, texts={key: {language: text}})
    return saying.say(heard, language, key, **facts(language))


def own(bot: Bot, language: str, key: str) -> str:
    """The bot's own words in its tone, whatever the merchant says instead; blanks not filled."""
    heard = Bot(channel_id=bot.channel_id, formal=bot.formal, texts={})
    return saying.own(heard, language, key)

"""The rooms of the bot's page: those of one number, and those all numbers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from flask import Blueprint, request, url_for

from flows import channels
from inbox.current import current
from inbox.languages import N_, gettext

OF_NUMBER = {
    "bot.show": N_("Overview"),
    "bot.behaviour": N_("Behaviour"),
    "bot.texts": N_("Texts"),
    "bot.menu": N_("Menu"),
    "bot.try_it": N_("Try it"),
}
OF_ALL = {
    "bot.questions": N_("Questions"),
    "bot.products": N_("Products"),
    "bot.transcripts": N_("Transcripts"),
    "bot.teach": N_("Learning"),
}
NEEDS = {"bot.try_it": "orders.all"}
"""What a room needs besides automations.read."""


class Room(NamedTuple):
    text: str
    url: str
    current: bool


def attach(pages: Blueprint) -> None:
    pages.app_template_global("bot_rooms")(rooms)


def rooms(channel_id: UUID | None = None) -> Iterator[Room]:
    """The tabs, from a number's page or from one about all; with one number that is the same."""
    numbers = channels.all_of_merchant()
    if len(numbers) > 1:
        yield _room("bot.index", N_("All numbers"))
    elif numbers:
        channel_id = numbers[0].id
    if channel_id is not None:
        for endpoint, text in OF_NUMBER.items():
            if current.may(NEEDS.get(endpoint, "automations.read")):
                yield _room(endpoint, text, channel_id=channel_id)
    for endpoint, text in OF_ALL.items():
        yield _room(endpoint, text)


def _room(endpoint: str, text: str, **ids: UUID) -> Room:
    return Room(gettext(text), url_for(endpoint, **ids), request.endpoint == endpoint)  # type: ignore[arg-type]

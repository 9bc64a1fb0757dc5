"""The bot: how it behaves on each number, what it says, what it did and why, what it may learn."""

from flask import Blueprint

pages = Blueprint("bot", __name__)

from inbox.bot import (  # noqa: E402 - they hang on `pages`
    form,
    looks,
    products,
    questions,
    rooms,
    settings,
    teaching,
    transcript,
    trying,
)

looks.attach(pages)
rooms.attach(pages)

__all__ = ["form", "pages", "products", "questions", "settings", "teaching", "transcript", "trying"]

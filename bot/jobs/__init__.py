"""What rq runs for the bot, each file what one lane does. Any of it may run twice.

A job carries no content: it says which lane to work off (flows/outbox.py names them all).
"""

from bot.jobs.delivering import deliver_messages, show_typing
from bot.jobs.errands import run_errands
from bot.jobs.files import fetch_media
from bot.jobs.reading import read_envelopes
from bot.jobs.reckonings import reckon
from bot.jobs.templates import submit_templates, sync_templates

__all__ = [
    "deliver_messages",
    "fetch_media",
    "read_envelopes",
    "reckon",
    "run_errands",
    "show_typing",
    "submit_templates",
    "sync_templates",
]

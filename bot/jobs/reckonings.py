"""What Meta says it charged, to be held against our own account."""

from __future__ import annotations

from functools import partial

from bot import desk, reckoning
from bot.jobs.shifts import DELIVER
from flows import costs, outbox
from models import db


def reckon(lane: str) -> None:
    """What Meta says it charged this channel in the last days is kept, if that was due."""
    desk.aside(DELIVER, partial(_reckon, lane))


def _reckon(lane: str) -> None:
    outbox.looking(lane)
    merchant_id, channel_id = outbox.lane_of(lane)
    with db.merchant(merchant_id):
        question = costs.take_question(channel_id)
    if question is None:
        return
    points = reckoning.ask(question)
    with db.merchant(merchant_id):
        costs.keep_answer(question, points)

"""After commit: tell open screens which things changed, never their content."""

from __future__ import annotations

import json
import logging
import time
from uuid import UUID

import redis

from flows.outbox import connection
from models import db

log = logging.getLogger(__name__)


def changed(*names: str) -> None:
    """Once this transaction is true, screens showing any of `names` fetch them again.

    Names: "inbox", "conversation:<id>", "order:<number>", "stage:<id>" (its orders), "board" (its
    stages), "pipeline", "calls", "bulk:<id>", "runs", "troubles", "templates", "costs", "channels",
    "notices", "bell:<member id>".
    """
    session = db.session()
    waiting: set[str] | None = session.info.get("live")
    if waiting is None:
        waiting = session.info["live"] = set()
        names_now = waiting
        db.after_commit(lambda: _publish(session.merchant_id, names_now))
    waiting.update(names)


CUT_SECONDS = 900
"""As long as a ticket to the live stream is good for (inbox/ticket.py)."""


def cut_off(member_id: UUID, *, merchant_id: UUID | None = None) -> None:
    """Once this is true, this member's open screens are told nothing any more, and their ticket
    opens the stream no longer: a new one is asked for at the door, where permissions are checked.

    Of the current merchant; `merchant_id` when there is none: then it is so at once.
    """
    if merchant_id is None:
        session = db.session()
        own = session.merchant_id
        db.after_commit(lambda: _cut_off(own, member_id))
    else:
        _cut_off(merchant_id, member_id)


def _cut_off(merchant_id: UUID, member_id: UUID) -> None:
    try:
        at = time.time_ns() // 1_000_000
        connection().set(f"cut:{member_id}", at, ex=CUT_SECONDS)
        connection().publish(f"live:{merchant_id}", json.dumps({"cut": str(member_id)}))
    except redis.RedisError as error:
        log.warning("a live stream not cut, its ticket ends by itself: %s", error)


def _publish(merchant_id: UUID, names: set[str]) -> None:
    try:
        connection().publish(f"live:{merchant_id}", json.dumps({"names": sorted(names)}))
    except redis.RedisError as error:
        log.warning("screens not told of %d changes: %s", len(names), error)

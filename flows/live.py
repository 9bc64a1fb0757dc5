"""After commit: tell open screens which things changed, never their content."""

from __future__ import annotations

import json
import logging
from uuid import UUID

import redis

from flows.outbox import connection
from models import db

log = logging.getLogger(__name__)


def changed(*names: str) -> None:
    """Once this transaction is true, screens showing any of `names` fetch them again.

    Names: "inbox", "conversation:<id>", "order:<number>", "stage:<id>" (its orders), "board" (its
    stages), "pipeline", "calls", "bulk:<id>", "runs", "templates", "costs", "channels", "notices",
    "bell:<member id>".
    """
    session = db.session()
    waiting: set[str] | None = session.info.get("live")
    if waiting is None:
        waiting = session.info["live"] = set()
        names_now = waiting
        db.after_commit(lambda: _publish(session.merchant_id, names_now))
    waiting.update(names)


def _publish(merchant_id: UUID, names: set[str]) -> None:
    try:
        connection().publish(f"live:{merchant_id}", json.dumps({"names": sorted(names)}))
    except redis.RedisError as error:
        log.warning("screens not told of %d changes: %s", len(names), error)

"""What is logged on the way from a webhook to a status: our own ids, and nothing people wrote."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from bot.simulator import Simulator
from config import settings
from flows import logs, messages, outbox
from flows.heartbeats import Life
from flows.workers import Seen
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from tests.stories.steps import only, settle, take_order

TEXT = "Kanari-9c1e"
SECRETS = (
    *(TEXT, "Fatima", "Guéliz"),
    *("212661234567", "661234567", "0661234567"),
    *("EAA", "wamid.", "app-secret-of-the-tests"),
)


class AtWork(Seen, SimpleWorker):
    pass


class Kept(logging.Handler):
    """Every line that was logged, as it stands in the log."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logs.Lines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def told(self, said: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.lines) if line["said"] == said]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """The log of this process, as chatty as it can be."""
    root, kept = logging.getLogger(), Kept()
    before = root.handlers[:], root.level
    monkeypatch.setenv("WASL_LOG_LEVEL", "debug")
    settings.cache_clear()
    logs.begin()
    root.handlers = [*before[0], kept]
    yield kept
    root.handlers, _ = before
    root.setLevel(before[1])
    monkeypatch.undo()
    settings.cache_clear()
    for name in logs.OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def work() -> None:
    """Workers that say which job they are at, until nothing is left."""
    while any(outbox.queue(name).count for name in outbox.QUEUES):
        for name in outbox.QUEUES:
            worker = AtWork(
                [outbox.queue(name)], connection=outbox.connection(), serializer=JSONSerializer
            )
            worker.life = Life(name)
            worker.work(burst=True, logging_level="WARNING")


def answer(shop: Merchant, text: str) -> str:
    with db.merchant(shop.id):
        return str(messages.queue_text(only(Conversation), text, client_id=uuid4()).id)


def test_one_message_is_followed_from_its_body_to_its_status(
    shop: Merchant, simulator: Simulator, log: Kept
) -> None:
    simulator.write("fatima", TEXT)
    settle(simulator, work)
    id_ = answer(shop, TEXT)
    settle(simulator, work)

    read = log.told("body read")
    assert isinstance(read[0]["envelope"], int)
    assert read[0]["lane"] == "ingest"
    concluded = [line for line in log.told("call concluded") if line["message"] == id_]
    assert (concluded[0]["state"], concluded[0]["attempt"]) == ("accepted", 1)
    assert concluded[0]["lane"].startswith(f"deliver:{shop.id}:")
    heard = [line for line in log.told("status heard") if line["message"] == id_]
    assert {"sent", "delivered"} <= {line["status"] for line in heard}
    assert all(line["envelopes"] and line["job"] for line in heard)


def test_no_phone_no_text_and_no_token_is_ever_logged(
    shop: Merchant,
    simulator: Simulator,
    log: Kept,
    app: Flask,
    owner_connection: psycopg.Connection,
) -> None:
    simulator.write("fatima", TEXT)
    settle(simulator, work)
    take_order(shop)
    settle(simulator, work)
    for fault in (131026, 500, "accept_then_close", "garbage"):
        simulator.fail(fault, on="send")
        answer(shop, TEXT)
        settle(simulator, work)
    # What cannot be kept is in the log with its error.
    refuse = f"CHECK (text NOT LIKE '%{TEXT} refused%') NOT VALID"
    owner_connection.execute(f"ALTER TABLE messages ADD CONSTRAINT canary {refuse}")
    simulator.write("fatima", f"{TEXT} refused")
    settle(simulator, work)
    owner_connection.execute("ALTER TABLE messages DROP CONSTRAINT canary")
    app.test_client().post("/webhooks/whatsapp", data=TEXT.encode())
    app.test_client().get(f"/customers?q={TEXT}+0661234567")

    assert any("canary" in line for line in log.lines)
    assert len(log.lines) > 20
    leaks = [(secret, line) for secret in SECRETS for line in log.lines if secret in line]
    assert leaks == []


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("+212661234567 wrote", "…67 wrote"),
        ("Key (wa_id)=(212661234567) exists", "Key (wa_id)=(…67) exists"),
        ("run 0192f0c1-7f3a-7cc1-8123-123456789012 failed",) * 2,
        ("409 Conflict after 1500 ms",) * 2,
        ("no\nDETAIL: Failing row contains (x)", "no"),
        ("token EAAGm0PX4ZCpsBA1 refused", "token EAA… refused"),
        ("wamid.HBgMMjEyNjYxMjM0NTY3 is known", "wamid… is known"),
    ],
)
def test_a_line_is_made_harmless(said: str, logged: str) -> None:
    assert logs.harmless(said) == logged

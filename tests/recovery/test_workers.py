"""Workers end when told, come back when killed, and outlive their Redis: real processes."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from uuid import UUID

from flows import messages, outbox
from models import db
from models.conversation import Conversation
from models.merchant import Merchant
from models.message import Sending
from tests.recovery.conftest import Meta, Redis, count, say, until

Start = Callable[[str], subprocess.Popen[bytes]]
SOON = 30.0
"""Seconds: the promise, also on a machine that is busy with other tests."""


def ended(worker: subprocess.Popen[bytes]) -> float:
    """SIGTERM, and the seconds until it is gone, in peace."""
    begun = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    return time.monotonic() - begun


def test_deploys_amid_sending_lose_and_repeat_nothing(
    start: Start, meta: Meta, merchant: Merchant, talks: list[UUID]
) -> None:
    texts = [f"{n}" for n in range(4)]
    for talk in talks:
        say(merchant, talk, *(f"{talk} {text}" for text in texts))
    wanted = len(talks) * len(texts)

    for share in (0.1, 0.5):
        worker = start("worker deliver")
        until(lambda share=share: len(meta.texts()) > share * wanted)  # type: ignore[misc]
        assert ended(worker) < SOON
        left = count(merchant, Sending.QUEUED)
        assert 0 < left == wanted - len(meta.texts())
        assert count(merchant, Sending.CLAIMED, Sending.UNCERTAIN) == 0
    start("worker deliver")
    until(lambda: count(merchant, Sending.ACCEPTED) == wanted)

    assert len(meta.texts()) == len(set(meta.texts())) == wanted


def test_what_a_killed_worker_left_goes_on_and_only_what_it_held_waits(
    start: Start, meta: Meta, merchant: Merchant, talks: list[UUID]
) -> None:
    for talk in talks:
        say(merchant, talk, f"Bonjour {talk}")
    worker = start("worker deliver")
    until(lambda: count(merchant, Sending.CLAIMED))

    worker.kill()
    start("worker deliver")

    until(lambda: count(merchant, Sending.ACCEPTED) >= len(talks) - messages.BATCH, SOON)
    assert count(merchant, Sending.QUEUED) == 0
    assert 0 < count(merchant, Sending.CLAIMED) <= messages.BATCH
    assert len(meta.texts()) == len(set(meta.texts()))


def test_a_job_that_waits_its_turn_is_not_queued_again(
    redis: Redis, merchant: Merchant, talks: list[UUID]
) -> None:
    say(merchant, talks[0], "Bonjour")
    flag = next(iter(outbox.connection().scan_iter("wake:deliver:*")))
    outbox.connection().expire(flag, 1)

    outbox.sweep()
    assert outbox.connection().ttl(flag) > 1
    outbox.connection().delete(flag)
    outbox.sweep()

    assert outbox.queue("deliver").count - queued_for_meta() == 1


def queued_for_meta() -> int:
    """Jobs of the same queue that ask Meta about numbers and templates."""
    names = outbox.queue("deliver").get_job_ids()
    return sum(not name.startswith("deliver_") for name in names)


def channel_of(merchant: Merchant, talk: UUID) -> UUID:
    with db.merchant(merchant.id) as session:
        return session.get_one(Conversation, (merchant.id, talk)).channel_id


def test_a_worker_outlives_its_redis_and_jobs_that_are_lost(
    start: Start, meta: Meta, redis: Redis, merchant: Merchant, talks: list[UUID]
) -> None:
    worker = start("worker deliver")
    say(merchant, talks[0], "before")
    until(lambda: meta.texts() == ["before"])

    redis.die()
    begun = time.monotonic()
    say(merchant, talks[1], "meanwhile")
    assert time.monotonic() - begun < 0.5
    redis.start()
    until(lambda: meta.texts() == ["before", "meanwhile"], SOON)
    redis.flush()
    say(merchant, talks[2], "after")
    until(lambda: meta.texts()[2:] == ["after"], SOON)
    lost = outbox.delivery_lane(merchant.id, channel_of(merchant, talks[3]))
    with redis.client() as raw:
        raw.set(f"wake:{lost}", 1, ex=outbox.WAKE_SECONDS)  # its job died, taken out
    say(merchant, talks[3], "at last")
    until(lambda: meta.texts()[3:] == ["at last"], SOON)

    assert worker.poll() is None
    assert ended(worker) < SOON

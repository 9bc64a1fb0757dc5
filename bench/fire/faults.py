"""What befalls the town, one thing after the other, chosen by a seed (trust.md 2.3, F1-F17)."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import redis

from bench.fire.dying import crash
from bench.fire.scene import Scene
from flows import outbox
from models.types import Json

WEEK = 7 * 86_400
BEYOND_A_LEASE = 34.0


Act = Callable[[Scene], None]


# --- killed, paused, deployed ---------------------------------------------------------------------


def _kill(name: str) -> Act:
    return lambda scene: scene.town.kill(name)


def _kill_a_worker_of_the_web(scene: Scene) -> None:
    scene.town.kill_one_below("web", scene.chance.choice)


def _kill_a_work_horse(scene: Scene) -> None:
    """The child that rq forks for a stranger's file, while it has one."""
    place = scene.chance.choice(scene.places)
    until = time.monotonic() + 4
    while time.monotonic() < until:
        who = scene.chance.choice(place.customers)
        scene.ask_simulator("POST", f"customers/{who}/samples", kind="image", to=place.number)
        for _ in range(20):
            if scene.town.kill_one_below("media", lambda below: below[-1]):
                return
            time.sleep(0.02)


def _pause(name: str, seconds: float) -> Act:
    def act(scene: Scene) -> None:
        scene.town.pause(name)
        time.sleep(seconds)
        scene.town.resume(name)

    return act


def _pause_beyond_its_lease(scene: Scene) -> None:
    """Others go on meanwhile; when it wakes, what it claimed is no longer its own."""
    name = scene.chance.choice(("deliver", "deliver.2", "ingest"))

    def wake() -> None:
        time.sleep(BEYOND_A_LEASE)
        scene.town.resume(name)

    scene.town.pause(name)
    scene.later.append(threading.Thread(target=wake, daemon=True))
    scene.later[-1].start()


def _away(name: str, seconds: float) -> Act:
    return lambda scene: scene.town.away(name, seconds)


def _flush(scene: Scene) -> None:
    with suppress(redis.RedisError):
        redis.Redis.from_url(scene.town.env["REDIS_URL"]).flushall()


def _deploy(scene: Scene) -> None:
    scene.town.deploy()


# --- Meta -----------------------------------------------------------------------------------------


def _meta(what: int | str, seconds: float = 4.0, *, one: bool = False, **how: Any) -> Act:
    """Three calls in ten end so, of one number only or of all."""

    def act(scene: Scene) -> None:
        if one:
            how["number"] = scene.chance.choice(scene.places).number
        scene.ask_simulator("POST", "faults", what=what, times=None, chance=0.3, **how)
        time.sleep(seconds)
        scene.ask_simulator("DELETE", "faults")

    return act


def _webhooks(seconds: float = 4.0, **manner: Any) -> Act:
    def act(scene: Scene) -> None:
        scene.ask_simulator("PUT", "webhooks", **manner)
        time.sleep(seconds)
        scene.ask_simulator("PUT", "webhooks", **PLAIN)

    return act


PLAIN = {
    **{"batch": 1, "shape": "merged", "duplicate": 0, "shuffle": False, "ordered": True},
    **{"early": False, "contacts": True, "pricing": "both", "strange": False},
}


def _replay(scene: Scene) -> None:
    """Bodies that were read long ago come once more, and new ones that tell of last week."""
    with suppress(psycopg.Error):
        address = scene.town.env["DATABASE_URL"].replace("+psycopg", "", 1)
        with psycopg.connect(address, connect_timeout=2) as owner:
            old = owner.execute("SELECT body FROM envelopes ORDER BY random() LIMIT 60").fetchall()
        for (body,) in old:
            scene.must(scene.post(bytes(body)), 200, "a replayed body")
    scene.tell(*(scene.text("Salam", age=WEEK) for _ in range(5)))


def _wrong_signatures(scene: Scene) -> None:
    for _ in range(10):
        body = scene.body(scene.text("let me in"))
        right = scene.sign(body)
        for signature in (
            "",
            right[:-1],
            "sha256=" + "0" * 64,
            right.replace("sha256", "sha1"),
            "é",
        ):
            scene.must(scene.post(body, signature), 403, f"the signature {signature[:12]!r}")
        scene.must(scene.post(body + b" ", right), 403, "a body that was changed")


def _poison(scene: Scene) -> None:
    good = scene.text("between the poisoned")
    odd: list[Json] = [
        scene.text("nul \x00 inside"),
        scene.text("half \ud83d a letter"),
        scene.text("x") | {"type": "hologram", "hologram": {"deep": [[]] * 50}},
        scene.text("x") | {"timestamp": "soon"},
        scene.text("x") | {"text": ["not", "an", "object"]},
    ]
    whole = json.loads(scene.body(good))
    whole["entry"][0]["changes"][0]["value"]["messages"] = [*odd[:3], good, *odd[3:]]
    body = json.dumps(whole).encode()  # ASCII: a lone surrogate travels as an escape
    scene.must(answer := scene.post(body), 200, "a poisoned body")
    scene.told |= {good["id"]: answer == 200}
    for strange in (b"", b"[]", b"null", b"{" * 500, b"[" * 100_000, b"\xff\xfe", b'{"entry": 5}'):
        scene.must(scene.post(strange), 200, f"the body {strange[:8]!r}")


def _large(scene: Scene) -> None:
    scene.tell(*(scene.text("o" * 50_000) for _ in range(60)))  # 3 MB
    scene.must(scene.post(b"x" * (5 << 20)), 413, "a body of 5 MB")


# --- inside ---------------------------------------------------------------------------------------


def _job(function: str, *arguments: Any) -> Act:
    """A job of somebody else's in one of our queues: it aborts, never ends, or eats memory."""

    def act(scene: Scene) -> None:
        name = scene.chance.choice(outbox.QUEUES)
        with suppress(redis.RedisError):
            through = redis.Redis.from_url(scene.town.env["REDIS_URL"])
            queue = outbox.queue(name, through)
            queue.enqueue(function, *arguments, job_timeout=3, result_ttl=0, failure_ttl=60)
        time.sleep(3)

    return act


def _jump(seconds: int) -> Act:
    def act(scene: Scene) -> None:
        scene.town.jump(seconds)
        time.sleep(4)
        scene.town.jump(0)

    return act


def _full_disk(scene: Scene) -> None:
    if not scene.town.small_disk:
        scene.left_out["full disk"] = "no tmpfs of our own can be mounted here"
        return
    scene.town.fill_disk()
    time.sleep(3)
    scene.town.empty_disk()


FAULTS: dict[str, Act] = {
    "kill a web worker": _kill_a_worker_of_the_web,
    "kill the web": _kill("web"),
    "kill ingest": _kill("ingest"),
    "kill deliver": _kill("deliver"),
    "kill chores": _kill("chores"),
    "kill media": _kill("media"),
    "kill rq's child": _kill_a_work_horse,
    "kill the clock": _kill("clock"),
    "kill live": _kill("live"),
    "kill the simulator": _kill("simulator"),
    "kill Valkey": _kill("valkey"),
    "kill PostgreSQL": _kill("postgres"),
    "Valkey away 6 s": _away("valkey", 6.0),
    "PostgreSQL away 4 s": _away("postgres", 4.0),
    "FLUSHALL": _flush,
    "pause the web": _pause("web", 3.0),
    "pause a worker beyond its lease": _pause_beyond_its_lease,
    "pause Valkey": _pause("valkey", 4.0),
    "pause PostgreSQL": _pause("postgres", 3.0),
    "pause the simulator": _pause("simulator", 12.0),
    "deploy": _deploy,
    "Meta: too fast": _meta(130429),
    "Meta: pair limit": _meta(131056),
    "Meta: 500 with a word": _meta(131000),
    "Meta: 502 without one": _meta(502),
    "Meta: 502, accepted": _meta(502, accept=True),
    "Meta: accepted, then closed": _meta("accept_then_close"),
    "Meta: accepted, then late": _meta("accept_then_delay", seconds=12.0),
    "Meta: reset before reading": _meta("close_before_reading"),
    "Meta: slow": _meta("slow", seconds=5.0),
    "Meta: half a body": _meta("half_a_body"),
    "Meta: garbage": _meta("garbage"),
    "Meta: refused later": _meta(131026, late=True),
    "Meta: marketing limit": _meta(131049, seconds=2.0),
    "Meta: account too fast": _meta(80007, one=True),
    "webhooks five times": _webhooks(duplicate=4, batch=50, shape="mixed"),
    "webhooks shuffled": _webhooks(shuffle=True, duplicate=1),
    "webhooks re-batched": _webhooks(batch=30, shape="entries"),
    "statuses before answers": _webhooks(early=True),
    "a newer Meta": _webhooks(strange=True),
    "webhooks of last week": _replay,
    "wrong signatures": _wrong_signatures,
    "poisoned bodies": _poison,
    "bodies of 3 and 5 MB": _large,
    "a job aborts": _job("os.abort"),
    "a job never ends": _job("time.sleep", 600),
    "a job eats memory": _job("builtins.bytearray", 600_000_000),
    "clock an hour ahead": _jump(3600),
    "clock an hour behind": _jump(-3600),
    "clock a day ahead": _jump(86_400),
    "disk full": _full_disk,
    "crash point": crash,
}


def schedule(chance: random.Random, names: list[str]) -> Iterator[str]:
    """Every fault once in the seed's order, then again in another; crash points between others."""
    while True:
        round_ = [name for name in names if name != "crash point"]
        chance.shuffle(round_)
        for place, name in enumerate(round_):
            yield name
            if "crash point" in names and place % 4 == 3:
                yield "crash point"
        if not round_:
            yield "crash point"


@contextmanager
def healed(scene: Scene) -> Iterator[None]:
    """Afterwards nothing fails any more, and nobody sleeps."""
    try:
        yield
    finally:
        for thread in scene.later:
            thread.join(BEYOND_A_LEASE + 5)
        scene.town.down.clear()
        scene.town.empty_disk()
        scene.town.jump(0)
        for name in scene.town.children:
            scene.town.resume(name)

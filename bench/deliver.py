"""How fast messages leave: our own workers, and a stand-in for Meta that counts what it sees.

    .venv/bin/python -m bench.deliver [--seconds 30] [--workers 2] [--json]

PostgreSQL, Valkey, the workers and, for the last run, the web process that takes statuses are the
bench's own. The stand-in (bench/graph.py) remembers when each message came: the limit of a number
is counted where Meta counts it. Statuses come back as Meta sends them, up to ten in a body; the
last figure but one counts until the last of them has been read.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import count
from pathlib import Path
from uuid import UUID

import httpx

from bench import servers
from bench.graph import Meta, stand_in

NUMBERS = 10
TALKS = 120
"""Customers of each number; one number of its own has three times as many."""
LIMIT = 80
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    options = _options()
    with servers.own(), stand_in() as meta:
        os.environ["META_GRAPH_URL"] = f"http://127.0.0.1:{meta.port}"
        result = _measure(meta, options)
    print(json.dumps(result) if options.json else _table(result, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of the run of one number")
    parser.add_argument("--workers", type=int, default=2, help="deliver workers")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.seconds = max(2.0, min(options.seconds, 40.0))
    return options


def _measure(meta: Meta, options: argparse.Namespace) -> dict[str, float]:
    alone = _open_shop("one", TALKS * 3)
    ten = [_open_shop(f"n{n}", TALKS) for n in range(NUMBERS)]
    shorter = max(2.0, options.seconds / 2)
    with _workers("deliver", *["deliver"] * (options.workers - 1), "clock"):
        one = _run(meta, [alone], options.seconds, each=LIMIT)
        many = _run(meta, ten, shorter, each=LIMIT)
        bare = _bare(meta, options.workers, seconds=min(5.0, shorter))
        with _workers("ingest"), servers.granian() as port:
            meta.report_to(port)
            told, settled = _run_with_statuses(meta, ten, int(25 * shorter))
    return {
        "one_number_per_s": round(one.rate, 1),
        "one_number_worst_second": one.worst,
        "ten_numbers_per_s": round(many.rate, 1),
        "ten_numbers_with_statuses_per_s": round(told, 1),
        "ten_numbers_settled_per_s": round(settled, 1),
        "bare_httpx_per_s": round(bare, 1),
    }


def _table(result: dict[str, float], options: argparse.Namespace) -> str:
    ten, bare = result["ten_numbers_per_s"], result["bare_httpx_per_s"]
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("pywa", "httpx", "rq", "sqlalchemy")
    )
    rows = [
        (
            "one number",
            f"{result['one_number_per_s']}/s",
            f"at least 76 over {options.seconds:.0f} s",
        ),
        ("  its worst second", f"{result['one_number_worst_second']:.0f}", f"at most {LIMIT}"),
        ("ten numbers", f"{ten}/s", "at least 400"),
        ("  with three statuses", f"{result['ten_numbers_with_statuses_per_s']}/s", "at least 250"),
        ("  until all are read", f"{result['ten_numbers_settled_per_s']}/s", "bounded by reading"),
        ("bare httpx threads", f"{bare}/s", f"ours {ten / bare:.0%} of it"),
    ]
    lines = [f"{name:24}{value:>12}   {bar}" for name, value, bar in rows]
    lines.append(
        f"{options.workers} deliver workers, {os.cpu_count()} cores, Python"
        f" {platform.python_version()}, {packages}"
    )
    return "\n".join(lines)


# --- shops and what waits to leave ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shop:
    merchant_id: UUID
    channel_id: UUID
    phone_number_id: str
    talks: Sequence[UUID]


_digits = count(1)


def _open_shop(name: str, talks: int) -> Shop:
    """A merchant with a number and customers who have just written."""
    from sqlalchemy import select

    from flows import arrivals, channels, team
    from flows.events import Inbound, Person
    from models import db
    from models.conversation import Conversation
    from models.types import utcnow

    n = next(_digits)
    merchant_id = team.add_merchant(name=name, country="MA", language="fr")
    with db.merchant(merchant_id) as session:
        channel = channels.add(
            name=name,
            phone_number_id=f"55{n:010}",
            waba_id=f"77{n:010}",
            display_phone_number=f"+212 520-{n:06}",
            country="MA",
            token=f"bench-{n}",
        )
        written = [
            Inbound(
                phone_number_id=channel.phone_number_id,
                waba_id=channel.waba_id,
                field="messages",
                wamid=f"wamid.{n}.{talk}",
                at=utcnow(),
                kind="text",
                text="Salam",
                payload={"body": "Salam"},
                sender=Person(wa_id=f"2126{n:02}{talk:06}", profile_name=f"Fatima {talk}"),
            )
            for talk in range(talks)
        ]
        arrivals.take_in(written)
        found = session.scalars(select(Conversation.id)).all()
        return Shop(merchant_id, channel.id, channel.phone_number_id, found)


def _queue(shop: Shop, messages: int) -> None:
    """So many texts wait to leave, as flows/messages queues them."""
    from sqlalchemy import insert

    from flows import outbox
    from models import db
    from models.message import Direction, Message, Origin, Sending
    from models.types import new_id, utcnow

    now = utcnow()
    rows = [
        {
            "merchant_id": shop.merchant_id,
            "id": new_id(),
            "conversation_id": shop.talks[n % len(shop.talks)],
            "channel_id": shop.channel_id,
            "direction": Direction.OUT,
            "origin": Origin.AGENT,
            "kind": "text",
            "text": "Votre commande est prête, elle part aujourd'hui avec le livreur.",
            "payload": {"preview_url": False},
            "category": "service",
            "sending": Sending.QUEUED,
            "due_at": now,
            "at": now,
            "created_at": now,
        }
        for n in range(messages)
    ]
    with db.merchant(shop.merchant_id) as session:
        session.execute(insert(Message), rows)
        outbox.deliver(shop.channel_id)


def _forget_the_rest(shops: Sequence[Shop]) -> None:
    from sqlalchemy import delete

    from models import db
    from models.message import Message, Sending

    for shop in shops:
        with db.merchant(shop.merchant_id) as session:
            waiting = Message.sending.in_((Sending.QUEUED, Sending.WAITING))
            session.execute(delete(Message).where(waiting))
    time.sleep(1.5)  # what was claimed has ended, and no second counts for two runs


# --- a run ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    rate: float
    worst: int


def _run(meta: Meta, shops: Sequence[Shop], seconds: float, *, each: int) -> Run:
    """What came to the stand-in in so many seconds, from the first on; each number had enough."""
    meta.forget()
    for shop in shops:
        _queue(shop, int(each * (seconds + 2)))
    time.sleep(seconds + 1)
    seen = meta.seen()
    _forget_the_rest(shops)
    everything = sorted(at for times in seen.values() for at in times)
    if not everything:
        raise SystemExit("nothing has left: see the workers' words above")
    measured = bisect_left(everything, everything[0] + seconds)
    return Run(measured / seconds, max(_worst_second(sorted(times)) for times in seen.values()))


def _worst_second(times: Sequence[float]) -> int:
    return max(bisect_right(times, at + 1.0) - place for place, at in enumerate(times))


def _run_with_statuses(meta: Meta, shops: Sequence[Shop], each: int) -> tuple[float, float]:
    """Messages a second while their statuses come back; and until the last of these is read."""
    before, wanted = _statuses(), 3 * each * len(shops)
    meta.forget()
    for shop in shops:
        _queue(shop, each)
    until = time.monotonic() + 60
    while (read := _statuses() - before) < wanted and time.monotonic() < until:
        time.sleep(0.2)
    settled = time.monotonic()
    left = sorted(at for times in meta.seen().values() for at in times)
    return len(left) / (left[-1] - left[0]), read / 3 / (settled - left[0])


def _statuses() -> int:
    """Those that were read and have had their effect."""
    from sqlalchemy import func, select

    from models import db
    from models.message import MessageStatus

    with db.house() as house:
        return house.scalar(select(func.count()).select_from(MessageStatus)) or 0


@contextmanager
def _workers(*kinds: str) -> Iterator[None]:
    with ExitStack() as running:
        for kind in kinds:
            words = ["clock"] if kind == "clock" else ["worker", kind]
            command = [sys.executable, "-c", "import cli; cli.main()", *words]
            process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
            running.callback(process.wait)
            running.callback(process.kill)  # nothing is lost by that, and it is quick
        time.sleep(3)  # imports
        yield


# --- bare httpx, for comparison -------------------------------------------------------------------


def _bare(meta: Meta, processes: int, seconds: float) -> float:
    """What as many processes with threads post that do nothing else."""
    meta.forget()
    jobs = [(meta.port, seconds)] * processes
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return sum(pool.starmap(_post_bare, jobs))


def _post_bare(port: int, seconds: float) -> float:
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+212661234567",
        "type": "text",
        "text": {"body": "Votre commande est prête, elle part aujourd'hui avec le livreur."},
        "biz_opaque_callback_data": "v1.0193d1f2-7b6e-7c3a-9f51-2a4c6e8b0d1f.1.0011223344556677",
    }
    url = f"http://127.0.0.1:{port}/v26.0/5500000000/messages"
    until = time.monotonic() + seconds

    def post(_: int) -> int:
        sent = 0
        with httpx.Client(headers={"Authorization": "Bearer bench"}) as client:
            while time.monotonic() < until:
                client.post(url, json=body).raise_for_status()
                sent += 1
        return sent

    with ThreadPoolExecutor(32) as threads:
        return sum(threads.map(post, range(32))) / seconds


if __name__ == "__main__":
    main()

"""How fast messages leave: our own workers, and a stand-in for Meta that counts what it sees.

    .venv/bin/python -m bench.deliver [--seconds 30] [--workers 2] [--json]

PostgreSQL, Valkey, the workers and, for the last run, the web process that takes statuses are the
bench's own. The stand-in answers like Graph and remembers when each message came: the limit of a
number is counted where Meta counts it. The simulator (bot/simulator) does far more for each message
than there is time for here. Statuses come back as Meta sends them, up to ten in a body; the last
figure but one counts until the last of them has been read.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import multiprocessing
import os
import platform
import re
import subprocess
import sys
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from bench import servers
from bin.lib import postgres

NUMBERS = 10
TALKS = 120
"""Customers of each number; one number of its own has three times as many."""
LIMIT = 80
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    options = _options()
    with servers.own(), _stand_in() as meta:
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


# --- the stand-in for Meta ------------------------------------------------------------------------


@dataclass(slots=True)
class Meta:
    """The stand-in as the bench talks to it."""

    port: int
    line: Connection

    def forget(self) -> None:
        self.line.send(("forget",))

    def seen(self) -> dict[str, list[float]]:
        """Number → when each of its messages came, in seconds of the stand-in's clock."""
        self.line.send(("seen",))
        return dict(self.line.recv())

    def report_to(self, port: int) -> None:
        """From now on each message brings three statuses to the web process there."""
        self.line.send(("report", port, os.environ["META_APP_SECRET"]))


@contextmanager
def _stand_in() -> Iterator[Meta]:
    ours, theirs = multiprocessing.Pipe()
    port = postgres.free_port()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_serve, args=(port, theirs), daemon=True)
    process.start()
    time.sleep(1)
    try:
        yield Meta(port, ours)
    finally:
        process.terminate()
        process.join(5)


def _serve(port: int, line: Connection) -> None:
    asyncio.run(_Graph(line).serve(port))


@dataclass(slots=True)
class _Graph:
    line: Connection
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: deque[tuple[str, dict[str, Any]]] = field(default_factory=deque)
    reporting: bool = False
    names: Iterator[int] = field(default_factory=lambda: count(1))

    async def serve(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self.line.fileno(), self._told, loop)
        server = await loop.create_server(lambda: _Call(self), "127.0.0.1", port, backlog=512)
        await server.serve_forever()

    def _told(self, loop: asyncio.AbstractEventLoop) -> None:
        what, *facts = self.line.recv()
        if what == "forget":
            self.times.clear()
        elif what == "seen":
            self.line.send(dict(self.times))
        elif what == "report":
            self.reporting = True
            for _ in range(4):
                self._tasks.add(loop.create_task(self._report(*facts)))

    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def message(self, number: str, body: bytes) -> bytes:
        self.times[number].append(time.monotonic())
        wamid = f"wamid.bench.{number}.{next(self.names)}"
        if self.reporting:
            self._remember(number, wamid, json.loads(body))
        return (
            b'{"messaging_product":"whatsapp","contacts":[{"input":"+212","wa_id":"212"}],'
            b'"messages":[{"id":"%b","message_status":"accepted"}]}' % wamid.encode()
        )

    def _remember(self, number: str, wamid: str, body: dict[str, Any]) -> None:
        for status in ("sent", "delivered", "read"):
            told = {
                "id": wamid,
                "status": status,
                "timestamp": str(int(time.time())),
                "recipient_id": body["to"].lstrip("+"),
                "biz_opaque_callback_data": body["biz_opaque_callback_data"],
                "pricing": {
                    "billable": True,
                    "pricing_model": "PMP",
                    "type": "regular",
                    "category": "service",
                },
            }
            self.statuses.append((number, told))

    async def _report(self, port: int, secret: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            if not self.statuses:
                await asyncio.sleep(0.02)
                continue
            body = _webhook(self._some())
            mac = hmac.digest(secret.encode(), body, "sha256").hex()
            writer.write(
                b"POST /webhooks/whatsapp HTTP/1.1\r\nHost: bench\r\nX-Hub-Signature-256: sha256="
                b"%b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (mac.encode(), len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)

    def _some(self) -> list[tuple[str, dict[str, Any]]]:
        return [self.statuses.popleft() for _ in range(min(10, len(self.statuses)))]


def _webhook(some: Sequence[tuple[str, dict[str, Any]]]) -> bytes:
    numbers: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number, told in some:
        numbers[number].append(told)
    entries = [
        {
            "id": number.replace("55", "77", 1),
            "changes": [
                {
                    "field": "messages",
                    "value": {
                        "messaging_product": "whatsapp",
                        "metadata": {"display_phone_number": "212", "phone_number_id": number},
                        "statuses": told,
                    },
                }
            ],
        }
        for number, told in numbers.items()
    ]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")
_MESSAGES = re.compile(rb"POST /v[\d.]+/(\d+)/messages")


class _Call(asyncio.Protocol):
    """One connection: requests one after the other, each answered when it is whole."""

    def __init__(self, graph: _Graph) -> None:
        self._graph, self._heard = graph, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (end := self._heard.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._heard, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._heard) < whole:
                return
            head, body = self._heard[:end], self._heard[end + 4 : whole]
            self._heard = self._heard[whole:]
            self._transport.write(self._answer(head, body))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        to = _MESSAGES.match(head)
        told = self._graph.message(to[1].decode(), body) if to else b'{"data":[]}'
        shape = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        return shape % (len(told), told)


if __name__ == "__main__":
    main()

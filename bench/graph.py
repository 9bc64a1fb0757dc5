"""A stand-in for Meta: answers like Graph, remembers when each message came, and tells statuses.

The simulator (bot/simulator) does far more for each message than there is time for in a bench.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import multiprocessing
import os
import re
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

from bin.lib import ports


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
def stand_in() -> Iterator[Meta]:
    """It answers on a free port of loopback, from a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    port = ports.free()
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

"""How much an open screen costs the live process, and how soon the last one is told of a change.

    .venv/bin/python -m bench.live [--screens 2000] [--json]

Starts a Valkey and the live process of the Procfile on loopback. The screens are all of one
merchant, each a connection with a ticket of its own that only listens; the change is then published
as flows/live.py does after a commit. Memory is what the process has more of with all of them open.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import select
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any
from uuid import UUID

from werkzeug.wrappers import Response

from bench import servers
from flows import outbox
from inbox import ticket
from models.types import new_id

CHANGES = 9
PATIENCE = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--screens", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="one line, and nothing else")
    options = parser.parse_args()
    _allow_files(2 * options.screens + 100)
    with servers.own(), servers.live() as live:
        result = _measure(live, options.screens)
        print(json.dumps(result) if options.json else _written(result))


def _measure(live: servers.Server, screens: int) -> dict[str, Any]:
    merchant_id = new_id()
    with _open(live.port, merchant_id, 50) as few:
        _told_all(few, merchant_id)  # loaded and warm, before memory is looked at
    time.sleep(1)
    before = live.mib()
    with _open(live.port, merchant_id, screens) as opened:
        time.sleep(2)
        each = (live.mib() - before) * 1024 / screens
        told = [_told_all(opened, merchant_id) for _ in range(CHANGES)]
    return {
        "screens": screens,
        "kib_per_screen": round(each, 1),
        "last_told_ms": round(statistics.median(told)),
    }


@contextmanager
def _open(port: int, merchant_id: UUID, count: int) -> Iterator[list[socket.socket]]:
    """So many screens, each with its first words from the stream."""
    opened: list[socket.socket] = []
    try:
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(_request(merchant_id))
            opened.append(one)
        _await(opened, b": welcome\n\n")
        yield opened
    finally:
        for one in opened:
            one.close()


def _request(merchant_id: UUID) -> bytes:
    answer = Response()
    ticket.give_cookie(answer, merchant_id, new_id())
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    return f"GET {ticket.PATH} HTTP/1.1\r\nHost: bench\r\nCookie: {cookie}\r\n\r\n".encode()


def _told_all(screens: Sequence[socket.socket], merchant_id: UUID) -> float:
    """Milliseconds from a change to the moment when the last screen has it."""
    started = time.perf_counter()
    news = json.dumps({"names": ["inbox", f"conversation:{new_id()}"]})
    outbox.connection().publish(f"live:{merchant_id}", news)
    _await(screens, b"event: change")
    took = time.perf_counter() - started
    time.sleep(0.3)
    return took * 1000


def _await(screens: Sequence[socket.socket], words: bytes) -> None:
    """Each of these has heard the words."""
    poll = select.epoll(len(screens))
    heard = {one.fileno(): b"" for one in screens}
    sockets = {one.fileno(): one for one in screens}
    for number in heard:
        poll.register(number, select.EPOLLIN)
    while heard:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise SystemExit(f"{len(heard)} screens heard nothing")
        for number, _ in ready:
            heard[number] += sockets[number].recv(4096)
            if words in heard[number]:
                poll.unregister(number)
                del heard[number]
    poll.close()


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def _written(result: dict[str, Any]) -> str:
    return "\n".join(
        [
            f"{os.cpu_count()} cores, Python {platform.python_version()}, granian"
            f" {version('granian')}; load {os.getloadavg()[0]:.1f}",
            f"idle screens in one process   {result['screens']:,}",
            f"memory of each                {result['kib_per_screen']} KiB",
            f"the last is told within       {result['last_told_ms']} ms (median of {CHANGES})",
        ]
    )


if __name__ == "__main__":
    main()

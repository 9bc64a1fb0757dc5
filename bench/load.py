"""A client that costs little: one thread, raw sockets, one request at a time on each."""

from __future__ import annotations

import hmac
import select
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from config import settings

WEBHOOK = "/webhooks/whatsapp"
_GOOD = b"HTTP/1.1 200"


@dataclass(frozen=True, slots=True)
class Result:
    """Answers of 200, others, seconds for each, and how much of a core the client itself took."""

    answers: int
    refused: int
    latencies: list[float]
    seconds: float
    load: float

    @property
    def per_s(self) -> float:
        return self.answers / self.seconds

    def quantile_ms(self, q: float) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * q)] * 1000


def requests(path: str, bodies: Iterable[bytes]) -> list[bytes]:
    """Whole requests, signed as Meta would, made before anything is measured."""
    return [_request(path, body) for body in bodies]


def signature(body: bytes) -> str:
    secret = settings().app_secrets[0].encode()
    return "sha256=" + hmac.digest(secret, body, "sha256").hex()


def _request(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Hub-Signature-256: {signature(body)}\r\n\r\n"
    )
    return head.encode() + body


def drive(
    port: int, asked: Iterable[bytes], *, connections: int, seconds: float | None = None
) -> Result:
    """Post these to a loopback port, until they are used up or the seconds are over."""
    poll, sockets = select.epoll(), {}
    for _ in range(connections):
        one = socket.create_connection(("127.0.0.1", port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[one.fileno()] = one
        poll.register(one, select.EPOLLIN)
    try:
        return _race(poll, sockets, iter(asked), seconds or float("inf"))
    finally:
        poll.close()
        for one in sockets.values():
            one.close()


def _race(
    poll: select.epoll, sockets: dict[int, socket.socket], asked: Iterator[bytes], seconds: float
) -> Result:
    started, cpu = time.perf_counter(), time.process_time()
    until = started + seconds
    sent: dict[int, float] = {}
    latencies: list[float] = []
    refused = 0
    for number, one in sockets.items():
        if request := next(asked, None):
            sent[number] = time.perf_counter()
            one.sendall(request)
    while sent:
        for number, _ in poll.poll(30) or _silence():
            one = sockets[number]
            answer = _whole(one)
            now = time.perf_counter()
            latencies.append(now - sent.pop(number))
            refused += not answer.startswith(_GOOD)
            if now < until and (request := next(asked, None)):
                sent[number] = now
                one.sendall(request)
    took = time.perf_counter() - started
    load = (time.process_time() - cpu) / took
    return Result(len(latencies) - refused, refused, latencies, took, load)


def _whole(one: socket.socket) -> bytes:
    answer = one.recv(65536) or _silence()
    while not _ended(answer):
        answer += one.recv(65536) or _silence()
    return answer


def _ended(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    _, named, rest = head.lower().partition(b"content-length: ")
    return not named or len(body) >= int(rest.partition(b"\r\n")[0])


def _silence() -> NoReturn:
    raise SystemExit("the server closed a connection or stopped answering")

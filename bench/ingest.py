"""How many webhooks a second are on disk when answered, beside an empty view in the same run.

    .venv/bin/python -m bench.ingest [--seconds 5] [--rounds 3] [--connections 64] [--threads 32]

Starts granian with two workers on a free port of loopback, against DATABASE_URL, which must be
migrated, or else against a PostgreSQL and a Valkey of its own; takes its rows away at the end.
With --url it drives what runs already: granian --interface wsgi --factory bench.ingest:serve
"""

from __future__ import annotations

import argparse
import base64
import hmac
import multiprocessing
import os
import re
import secrets
import select
import socket
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import psycopg

from bench import servers
from bin.lib import postgres, valkey
from config import settings
from models import schema

EMPTY, INGEST = "/bench/empty", "/webhooks/whatsapp"
MARK = "bench-ingest"


@dataclass(frozen=True, slots=True)
class Result:
    """What one client saw: answers of 200, others, seconds for each, its own load on its core."""

    answers: int
    refused: int
    latencies: list[float]
    seconds: float
    load: float


def serve() -> Any:
    """The whole app and an empty view beside the webhook, which skips what the webhook skips."""
    from wsgi import wasl

    app = wasl()
    app.add_url_rule(EMPTY, "webhook.empty", lambda: "", methods=["POST"])
    return app


def main() -> None:
    options = _options()
    with _servers():
        if options.url:
            _report(urlsplit(options.url).hostname or "", urlsplit(options.url).port or 80, options)
        else:
            with _granian(options) as port:
                _report("127.0.0.1", port, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", help="a server that runs already, on loopback")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64, help="over all clients")
    parser.add_argument("--clients", type=int, default=1, help="processes")
    parser.add_argument("--threads", type=int, default=32, help="blocking threads of a worker")
    options = parser.parse_args()
    options.seconds, options.rounds = min(options.seconds, 60), min(options.rounds, 20)
    options.connections = min(options.connections, 512)
    return options


@contextmanager
def _servers() -> Iterator[None]:
    """PostgreSQL and Valkey for the time of the run, as lasting as in production."""
    if "DATABASE_URL" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as folder, ExitStack() as running:
        Path(folder).chmod(0o711)  # its PostgreSQL runs as another user when we are root
        database, address = postgres.start(Path(folder, "data"), secrets.token_hex(16))
        running.callback(database.stop)
        cache, redis_url = valkey.start(Path(folder, "valkey"), secrets.token_hex(16))
        running.callback(cache.stop)
        os.environ |= _environment(address, redis_url) | {"WASL_VAR": folder}
        schema.upgrade()
        yield


def _environment(address: str, redis_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": address,
        "REDIS_URL": redis_url,
        "WASL_SECRET_KEY": secrets.token_hex(32),
        "WASL_DATA_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "META_APP_SECRET": secrets.token_hex(16),
        "META_VERIFY_TOKEN": secrets.token_hex(16),
    }


@contextmanager
def _granian(options: argparse.Namespace) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    granian = str(Path(sys.executable).with_name("granian"))
    command = [granian, "--interface", "wsgi", "--factory"]
    command += ["--workers", "2", "--blocking-threads", str(options.threads)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    with servers.attended([*command, "bench.ingest:serve"], port):
        yield port


def _report(host: str, port: int, options: argparse.Namespace) -> None:
    if not socket.gethostbyname(host).startswith("127."):
        raise SystemExit("this bench drives servers on loopback only")
    rates: dict[str, list[float]] = {EMPTY: [], INGEST: []}
    with _envelopes() as count:
        _drive(host, port, EMPTY, options, seconds=1)  # warm
        for _ in range(options.rounds):
            for path in (EMPTY, INGEST):
                before = count()
                results = _drive(host, port, path, options, seconds=options.seconds)
                rates[path].append(_show(path, results))
                _audit(path, results, count() - before)
    empty, ingest = (statistics.median(rates[path]) for path in (EMPTY, INGEST))
    print(
        f"durable webhooks: {ingest:,.0f}/s, {ingest / empty:.0%} of an empty view ({empty:,.0f}/s)"
    )


@contextmanager
def _envelopes() -> Iterator[Any]:
    """Counts the envelopes of this bench; takes them away at the end."""
    url = settings().database_url.replace("+psycopg", "", 1)
    ours = "FROM envelopes WHERE position(%b::bytea in body) > 0"
    with psycopg.connect(url, autocommit=True, options="-c role=wasl_house") as connection:

        def count() -> int:
            row = connection.execute(f"SELECT count(*) {ours}", [MARK.encode()]).fetchone()
            return int(row[0]) if row else 0

        try:
            yield count
        finally:
            connection.execute(f"DELETE {ours}", [MARK.encode()])


def _drive(
    host: str, port: int, path: str, options: argparse.Namespace, *, seconds: float
) -> list[Result]:
    each = max(1, options.connections // options.clients)
    jobs = [(host, port, path, each, seconds)] * options.clients
    with multiprocessing.get_context("spawn").Pool(options.clients) as pool:
        return pool.starmap(_client, jobs)


def _show(path: str, results: list[Result]) -> float:
    answers = sum(result.answers for result in results)
    rate = answers / max(result.seconds for result in results)
    latencies = sorted(latency for result in results for latency in result.latencies)
    p50, p99 = (latencies[int(len(latencies) * q)] * 1000 for q in (0.5, 0.99))
    load = max(result.load for result in results)
    busy = "  THE CLIENT IS THE BOTTLENECK: more --clients" if load > 0.9 else ""
    print(
        f"{path:20} {rate:9,.0f}/s  p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  client {load:.0%}{busy}"
    )
    return rate


def _audit(path: str, results: list[Result], stored: int) -> None:
    answers = sum(result.answers for result in results)
    refused = sum(result.refused for result in results)
    if refused:
        print(f"  {refused} answers were not 200")
    if path == INGEST and stored < answers:
        raise SystemExit(f"{answers} answered with 200, {stored} on disk")


# --- the client: one thread, raw sockets, keep-alive, one request at a time on each ---------------


def _client(host: str, port: int, path: str, connections: int, seconds: float) -> Result:
    requests = _requests(path)
    sockets = {}
    poll = select.epoll()
    for _ in range(connections):
        one = socket.create_connection((host, port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[one.fileno()] = one
        poll.register(one, select.EPOLLIN)
    return _race(poll, sockets, requests, seconds)


def _race(
    poll: select.epoll, sockets: dict[int, socket.socket], requests: Iterator[bytes], seconds: float
) -> Result:
    started, cpu = time.perf_counter(), time.process_time()
    sent, heard, latencies, refused = {}, dict.fromkeys(sockets, b""), [], 0
    for number, one in sockets.items():
        sent[number] = time.perf_counter()
        one.sendall(next(requests))
    while sent:
        for number, _ in poll.poll(30) or _silence():
            heard[number] += sockets[number].recv(65536) or _silence()
            if not _whole(heard[number]):
                continue
            now = time.perf_counter()
            latencies.append(now - sent.pop(number))
            refused += not heard[number].startswith(b"HTTP/1.1 200")
            heard[number] = b""
            if now - started < seconds:
                sent[number] = now
                sockets[number].sendall(next(requests))
    took = time.perf_counter() - started
    load = (time.process_time() - cpu) / took
    return Result(len(latencies) - refused, refused, latencies, took, load)


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length[1])


def _silence() -> NoReturn:
    raise SystemExit("the server closed a connection or stopped answering")


def _requests(path: str) -> Iterator[bytes]:
    secret, run, number = settings().app_secrets[0].encode(), uuid.uuid4().hex, 0
    while True:
        number += 1
        body = _STATUS.replace(b"{wamid}", f"{run}{number:09}".encode())
        signature = hmac.digest(secret, body, "sha256").hex()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nX-Hub-Signature-256: sha256={signature}\r\n\r\n"
        )
        yield head.encode() + body


# One status as Meta sends it, a kilobyte with its envelope.
_STATUS = (
    b'{"object":"whatsapp_business_account","entry":[{"id":"bench-ingest","changes":[{"field":'
    b'"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":'
    b'"212500000000","phone_number_id":"bench-ingest"},"contacts":[{"profile":{"name":"Salma"},'
    b'"wa_id":"212600000000","user_id":"MA.13491208655302741918"}],"statuses":[{"id":'
    b'"wamid.HBgMMjEyNjAwMDAwMDAwFQIAERgS{wamid}","status":"delivered","timestamp":"1795200000",'
    b'"recipient_id":"212600000000","recipient_user_id":"MA.13491208655302741918",'
    b'"biz_opaque_callback_data":"v1.0193d1f2-7b6e-7c3a-9f51-2a4c6e8b0d1f.1.0011223344556677",'
    b'"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"utility"}}]}}]}]}'
)

if __name__ == "__main__":
    main()

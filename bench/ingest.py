"""From Meta's webhook to the agent's screen: how much a second, all of one table in one run.

    .venv/bin/python -m bench.ingest [--seconds 3] [--rounds 3] [--json]
    .venv/bin/python -m bench.ingest --backlog 10000,100000     # how reading grows with what waits

Starts PostgreSQL, Valkey, the web, live and worker processes of its own on loopback; the load runs
beside them. Acknowledged is: on disk when answered. Processed is: read by the real worker with all
that follows (message, conversation, unread, ladder, charge, live hint), from the first body posted
until none waits. The baseline is what people write today, bench/usual.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import psycopg

from bench import load, servers, traffic, usual, visible
from bench.traffic import Shop
from config import settings
from flows import costs, outbox

CONNECTIONS = 64
EMPTY = "/bench/empty"
SHOPS, PEOPLE = 10, 100
PHASES = {  # name: (kind, events, events in each body)
    "statuses_per_s": ("statuses", 9_000, 1),
    "texts_per_s": ("texts", 6_000, 1),
    "statuses_batched_per_s": ("statuses", 15_000, 10),
    "texts_batched_per_s": ("texts", 9_000, 10),
}
PATIENCE = 600.0


def serve() -> Any:
    """The whole app and an empty view beside the webhook, which skips what the webhook skips."""
    from wsgi import wasl

    app = wasl()
    app.add_url_rule(EMPTY, "webhook.empty", lambda: "", methods=["POST"])
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3, help="of one round of answering")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one line, and nothing else")
    parser.add_argument(
        "--backlog", default="", help="how many waiting bodies to read, such as 10000,100000"
    )
    options = parser.parse_args()
    with servers.own():
        if options.backlog:
            print(_backlogs([int(size) for size in options.backlog.split(",")]))
            return
        result, beside = _measure(options.seconds, options.rounds)
        print(json.dumps(result) if options.json else _written(result, beside))


def _measure(seconds: float, rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    usual.make_table()
    result, beside = _answering(seconds, rounds)
    shops = traffic.open_shops(SHOPS, people=PEOPLE)
    with servers.web("wsgi:app") as web, servers.live() as live, servers.worker("ingest") as worker:
        for kind in ("statuses", "texts"):
            _process(web.port, shops, kind, 300, 1)  # warm
        for name, (kind, count, each) in PHASES.items():
            rate, beside[name] = _process(web.port, shops, kind, count, each)
            result[name] = round(rate)
        result["visible_p95_ms"] = round(visible.p95_ms(web.port, live.port, shops))
        beside["queue_worker_mib"] = round(servers.memory_mib(worker))
    return result, beside


# --- answering ------------------------------------------------------------------------------------


def _answering(seconds: float, rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each by turns on the same server flags; what it has answered with 200 is on disk."""
    rates: dict[str, list[load.Result]] = {"empty": [], "ours": [], "usual": []}
    posted = 0
    with (
        servers.web("bench.ingest:serve", factory=True) as ours,
        servers.web("bench.usual:serve", factory=True) as theirs,
    ):
        places = {
            "empty": (ours, EMPTY),
            "ours": (ours, load.WEBHOOK),
            "usual": (theirs, usual.VIEW),
        }
        for turn in range(rounds + 1):
            for name, (server, path) in places.items():
                lasts = seconds if turn else 1.0
                one = _posted(server.port, path, lasts, f"{name}{turn}")
                posted += one.answers if server is ours else 0
                if turn:  # the first warms
                    rates[name].append(one)
        beside = {"web_worker_mib": round(ours.mib()), "web_requests": posted}
    speed = {
        name: statistics.median(one.per_s for one in rounds_) for name, rounds_ in rates.items()
    }
    result = {
        "empty_view_per_s": round(speed["empty"]),
        "acks_per_s": round(speed["ours"]),
        "ack_p50_ms": round(statistics.median(o.quantile_ms(0.5) for o in rates["ours"]), 1),
        "ack_p99_ms": round(statistics.median(o.quantile_ms(0.99) for o in rates["ours"]), 1),
        "baseline_pywa_per_s": round(speed["usual"]),
    }
    beside["client_load"] = round(max(o.load for o in rates["ours"]), 2)
    return result, beside


def _posted(port: int, path: str, seconds: float, run: str) -> load.Result:
    bodies = traffic.unknown(run, int(seconds * 16_000))
    before = _stored(path)
    one = load.drive(port, load.requests(path, bodies), connections=CONNECTIONS, seconds=seconds)
    if one.refused:
        raise SystemExit(f"{path}: {one.refused} answers were not 200")
    if _stored(path) - before < (0 if path == EMPTY else one.answers):
        raise SystemExit(f"{path}: {one.answers} answered with 200, fewer on disk")
    return one


def _stored(path: str) -> int:
    if path == usual.VIEW:
        return usual.stored()
    with _house() as house:
        row = house.execute("SELECT count(*) FROM envelopes").fetchone()
    return int(row[0]) if row else 0


# --- processing -----------------------------------------------------------------------------------


def _process(
    port: int, shops: Sequence[Shop], kind: str, count: int, each: int
) -> tuple[float, float]:
    """Events a second from the first body to the moment when none waits; µs of processor each."""
    _tidy()
    requests = load.requests(load.WEBHOOK, traffic.bodies(_told(shops, kind, count), each=each))
    before = _effects(kind)
    started, burned = time.perf_counter(), servers.burned()
    one = load.drive(port, requests, connections=CONNECTIONS)
    if one.refused:
        raise SystemExit(f"{one.refused} answers were not 200")
    took = _until_none_waits() - started
    burned = servers.burned() - burned
    happened = _effects(kind) - before
    if happened != count:
        raise SystemExit(f"{count} {kind} posted, {happened} have had their effect")
    return count / took, burned / count * 1e6


def _told(shops: Sequence[Shop], kind: str, count: int) -> list[tuple[Shop, traffic.Item]]:
    made = traffic.statuses if kind == "statuses" else traffic.texts
    return list(made(shops, count))


def _effects(kind: str) -> int:
    """What has become of what was posted: statuses kept, of which two thirds climbed and cost."""
    counted = {
        "statuses": "SELECT least(sum(rank), 3 * (SELECT count(*) FROM charges)) FROM messages"
        " WHERE direction = 'out'",
        "texts": "SELECT least(count(*), (SELECT sum(unread) FROM conversations)) FROM messages"
        " WHERE direction = 'in'",
    }
    with _house() as house:
        row = house.execute(counted[kind]).fetchone()
    return int(row[0] or 0) if row else 0


def _until_none_waits() -> float:
    until = time.monotonic() + PATIENCE
    with _house() as house:
        while time.monotonic() < until:
            waits = house.execute("SELECT FROM envelopes WHERE state = 'new' LIMIT 1").fetchone()
            if waits is None:
                return time.perf_counter()
            time.sleep(0.02)
    raise SystemExit("bodies still wait after ten minutes")


def _tidy() -> None:
    """Statistics as autovacuum leaves them, and nothing of the last phase in its way."""
    costs.fold()  # as the clock does every minute
    address = settings().database_url.replace("+psycopg", "", 1)
    with psycopg.connect(address, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
        owner.execute("CHECKPOINT")


@contextmanager
def _house() -> Iterator[psycopg.Connection]:
    address = settings().database_url.replace("+psycopg", "", 1)
    with psycopg.connect(address, autocommit=True, options="-c role=wasl_house") as house:
        yield house


# --- a backlog ------------------------------------------------------------------------------------


def _backlogs(sizes: Sequence[int]) -> str:
    """Bodies that waited while no worker ran: half statuses, half texts, one event in each."""
    shops = traffic.open_shops(SHOPS, people=PEOPLE)
    lines = [f"{'bodies':>10} {'seconds':>9} {'per s':>9} {'worker before':>15} {'at most':>9}"]
    for size in sizes:
        told = [*_told(shops, "statuses", size // 2), *_told(shops, "texts", size - size // 2)]
        traffic.keep(traffic.bodies(told))
        del told
        _tidy()
        with servers.worker("ingest") as worker:
            time.sleep(3)  # it has started, and nobody has woken it yet
            before, started = servers.memory_mib(worker), time.perf_counter()
            outbox.nudge("ingest")
            took = _until_none_waits() - started
            most = servers.memory_mib(worker, peak=True)
        lines.append(
            f"{size:10,} {took:9.1f} {size / took:9,.0f} {before:11.0f} MiB {most:5.0f} MiB"
        )
    return "\n".join(lines)


# --- the table ------------------------------------------------------------------------------------


def _written(result: dict[str, Any], beside: dict[str, Any]) -> str:
    share = result["acks_per_s"] / result["empty_view_per_s"]
    usual_ = result["baseline_pywa_per_s"]
    with _house() as house:
        postgres = house.info.server_version // 10_000
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("granian", "flask", "psycopg", "rq")
    )
    rows = [
        ("empty view of the same app", f"{result['empty_view_per_s']:,}/s"),
        ("acknowledged, on disk", f"{result['acks_per_s']:,}/s, {share:.0%} of the empty view"),
        ("  answered within", f"p50 {result['ack_p50_ms']} ms, p99 {result['ack_p99_ms']} ms"),
        ("pywa + Flask, a commit each", f"{usual_:,}/s"),
        (
            "statuses processed",
            f"{result['statuses_per_s']:,}/s, ten a body {result['statuses_batched_per_s']:,}/s",
        ),
        (
            "texts processed",
            f"{result['texts_per_s']:,}/s, ten a body {result['texts_batched_per_s']:,}/s",
        ),
        (f"visible at {visible.INBOUND_PER_S} inbound/s", f"p95 {result['visible_p95_ms']} ms"),
        *((f"  processor for each of {name[:-6]}", f"{beside[name]:.0f} µs") for name in PHASES),
        (
            "memory",
            f"web worker {beside['web_worker_mib']} MiB after {beside['web_requests']:,}"
            f" requests, queue worker {beside['queue_worker_mib']} MiB",
        ),
        ("the client's own load", f"{beside['client_load']:.0%} of a core"),
    ]
    head = (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL {postgres},"
        f" {versions}; load {os.getloadavg()[0]:.1f}"
    )
    return "\n".join([head, *(f"{name:44} {value}" for name, value in rows)])


if __name__ == "__main__":
    main()

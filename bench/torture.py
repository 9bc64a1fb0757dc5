"""Does Wasl keep its promises while everything around it burns? One command, one table, exit 1.

    .venv/bin/python -m bench.torture [--seconds 600] [--seed 1,2,3] [--faults 'kill*,Meta*']

Starts PostgreSQL, Valkey, the web, the live stream, every worker, the clock and the simulator in a
temporary folder on free ports of loopback, lets ten merchants work, and injects faults from the
seed. Then everything is healed, and once it is quiet the simulator's ledger is held against our
tables. `--list` names the faults. Runs on Linux and macOS; a full disk needs root and Linux.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import platform
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import httpx
import psycopg

from bench.fire import account, shops
from bench.fire.account import CALM, COLUMNS, Account, Reign
from bench.fire.faults import FAULTS, PLAIN, healed, schedule
from bench.fire.people import People
from bench.fire.scene import Scene
from bench.fire.town import Town, town
from flows.crashpoints import PLACES

QUIET_SECONDS = 120
RECOVERY_SECONDS = 15
"""How long the next fault waits for the town to serve again: a dead town cannot be hurt."""
GROWTH = 1.05
"""How much heavier a process may be in the last quarter of its life than in the third."""
LOOK, AGED = 5.0, 300.0
"""Seconds between two weighings, and of a life that is judged: before, it is warming up. Where
everything is killed nothing lives so long: --faults none weighs."""
LONG = 600
"""Seconds from which on every crash point must have been hit."""


@dataclass
class Run:
    """One fire: what was injected when, and what our processes weighed."""

    seed: int
    reigns: list[Reign] = field(default_factory=list)
    weights: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    """KiB of each life of a process, every LOOK seconds."""
    quiet_after: float = 0.0
    began: float = field(default_factory=time.time)


def main() -> None:
    options = _options()
    if options.list:
        print("\n".join(FAULTS))
        return
    names = _wanted(options.faults)
    if len(options.seed) == 1:
        sys.exit(0 if _fire(options.seed[0], names, options) else 1)
    # Each in a process of its own: what a process knows of its surroundings it reads once.
    command = [sys.executable, "-m", "bench.torture", *sys.argv[1:]]
    runs = [subprocess.run([*command, "--seed", str(seed)], check=False) for seed in options.seed]
    sys.exit(max(run.returncode for run in runs))


def _fire(seed: int, names: list[str], options: argparse.Namespace) -> bool:
    """One town; True when every promise was kept."""
    with town(small_disk="disk full" in names, keep=options.keep) as here:
        run, scene, people = Run(seed), *_settled(here, seed, options)
        here.open()
        watch = _Watch(here, run)
        watch.start()
        people.start()
        _burn(run, scene, names, options)
        quiet = _heal(run, scene, people)
        watch.stop()
        found = account.settle(
            here.ledger,
            here.env["DATABASE_URL"],
            run.reigns,
            people.wishes,
            scene.told,
            _invoice(here),
        )
        people.stop()
        _judge(found, run, scene, people, quiet=quiet, options=options)
        _report(found, run, scene, options)
        if found.broken:
            _keep_logs(here)
    return not found.broken


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=LONG)
    parser.add_argument("--seed", type=_seeds, default=[1], help="or several, with commas")
    parser.add_argument(
        "--faults", default="*", help="patterns of names, with commas; none: no faults"
    )
    parser.add_argument("--merchants", type=int, default=10)
    parser.add_argument("--customers", type=int, default=200, help="of each merchant")
    parser.add_argument(
        "--rate", type=float, default=1.0, help="1: 20 messages, 10 answers a second"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--list", action="store_true", help="the names of the faults")
    parser.add_argument("--keep", action="store_true", help="leave the folder, to look into")
    options = parser.parse_args()
    options.seconds = min(options.seconds, 4 * 3600)
    return options


def _seeds(text: str) -> list[int]:
    return [int(seed) for seed in text.split(",")]


def _wanted(patterns: str) -> list[str]:
    chosen = [p.strip() for p in patterns.split(",")]
    names = [name for name in FAULTS if any(fnmatch.fnmatch(name, p) for p in chosen)]
    if not names and patterns != "none":
        raise SystemExit(f"no fault is named {patterns!r}: see --list")
    return names


def _settled(here: Town, seed: int, options: argparse.Namespace) -> tuple[Scene, People]:
    with httpx.Client(base_url=f"http://127.0.0.1:{here.port + 2}", trust_env=False) as simulator:
        places = shops.settle(
            simulator,
            here.ledger,
            merchants=options.merchants,
            customers=options.customers,
        )
    scene = Scene(here, places, random.Random(f"faults {seed}"))
    return scene, People(here, places, seed=seed, rate=options.rate)


# --- burning and healing --------------------------------------------------------------------------


def _burn(run: Run, scene: Scene, names: list[str], options: argparse.Namespace) -> None:
    """Faults one after the other, with a breath between them, for so many seconds."""
    until = time.monotonic() + options.seconds
    time.sleep(min(3.0, options.seconds / 4))  # the day begins
    for name in schedule(scene.chance, names) if names else ():
        if time.monotonic() > until:
            break
        run.reigns.append(Reign(time.time(), name))
        _say(options, run, name)
        FAULTS[name](scene)
        scene.town.recover(RECOVERY_SECONDS)
        time.sleep(scene.chance.uniform(0.5, 2.0))
    time.sleep(max(0.0, until - time.monotonic()))


def _heal(run: Run, scene: Scene, people: People) -> bool:
    """All faults are over; True once everything is quiet, False after QUIET_SECONDS."""
    with healed(scene):
        pass
    scene.ask_simulator("DELETE", "faults")
    scene.ask_simulator("PUT", "webhooks", **PLAIN)
    run.reigns.append(Reign(time.time(), CALM))
    people.rest()
    began = time.monotonic()
    still = 0
    while still < 3:
        time.sleep(1.0)
        still = still + 1 if _quiet(scene, people) else 0
        if time.monotonic() - began > QUIET_SECONDS:
            return False
    run.quiet_after = round(time.monotonic() - began - still, 1)
    return True


def _quiet(scene: Scene, people: People) -> bool:
    """Nobody asks, nothing is unread, nothing is due."""
    address = f"http://127.0.0.1:{scene.town.port + 2}/_control/drain"
    try:
        drained = httpx.post(address, json={"timeout": 1}, timeout=10, trust_env=False).json()
        with psycopg.connect(scene.town.env["DATABASE_URL"].replace("+psycopg", "", 1)) as owner:
            busy = sum(owner.execute(question).fetchone()[0] for question in BUSY)  # type: ignore[index]
    except (httpx.HTTPError, psycopg.Error):
        return False
    return bool(drained["drained"]) and not busy and not people.unanswered


BUSY = (
    "SELECT count(*) FROM envelopes WHERE state = 'new'",
    "SELECT count(*) FROM messages WHERE sending IN ('queued', 'claimed')",
    "SELECT count(*) FROM messages"
    " WHERE sending = 'waiting' AND due_at < now() + interval '1 minute'",
    "SELECT count(*) FROM runs WHERE due_at < now() + interval '5 seconds'",
)


def _invoice(here: Town) -> list[dict[str, Any]]:
    address = f"http://127.0.0.1:{here.port + 2}/_control/invoice"
    lines: list[dict[str, Any]] = httpx.get(address, timeout=60, trust_env=False).json()
    return lines


class _Watch:
    """What each of our processes weighs, every few seconds."""

    def __init__(self, here: Town, run: Run) -> None:
        self.here, self.run, self._ended = here, run, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(10)

    def _look(self) -> None:
        while not self._ended.wait(LOOK):
            for life, weight in self.here.weights().items():
                self.run.weights[life].append(weight)


# --- judging and telling --------------------------------------------------------------------------


def _judge(
    found: Account,
    run: Run,
    scene: Scene,
    people: People,
    *,
    quiet: bool,
    options: argparse.Namespace,
) -> None:
    if not quiet:
        found.broken.append(f"not quiet {QUIET_SECONDS} s after the last fault")
    found.broken += scene.wrongs
    found.notes["quiet after the last fault, s"] = run.quiet_after
    found.notes["processes started again"] = scene.town.deaths
    found.notes["crash points hit"] = dict(sorted(scene.crashed.items()))
    found.notes["left out"] = scene.left_out
    found.notes["skipped for want of an answer"] = people.skipped
    found.notes["last problems of people"] = list(people.problems)[-3:]
    heaviest: Counter[str] = Counter()
    for (name, _), weights in run.weights.items():
        heaviest[name] = max(heaviest[name], max(weights) // 1024)
    found.notes["memory at most, MiB"] = dict(heaviest)
    if options.seconds >= LONG and "crash point" in _wanted(options.faults):
        found.broken += [f"never died at {p}" for p in PLACES if not scene.crashed[p]]
    lives = {life: weights for life, weights in run.weights.items() if len(weights) * LOOK >= AGED}
    found.notes["lives long enough to be weighed"] = len(lives)
    for (name, _), weights in lives.items():
        third, last = _quarters(weights)
        if last > third * GROWTH:
            found.broken.append(f"{name} grew from {third:.0f} to {last:.0f} MiB")


def _quarters(weights: list[int]) -> tuple[float, float]:
    """MiB in the third and in the last quarter of a life."""
    quarter = len(weights) // 4
    third, last = weights[-2 * quarter : -quarter], weights[-quarter:]
    return statistics.median(third) / 1024, statistics.median(last) / 1024


def _say(options: argparse.Namespace, run: Run, name: str) -> None:
    if not options.json:
        print(f"{time.time() - run.began:7.1f} s  {name}", file=sys.stderr, flush=True)


def _report(found: Account, run: Run, scene: Scene, options: argparse.Namespace) -> None:
    if options.json:
        whole = {
            "seed": run.seed,
            "seconds": options.seconds,
            "total": {name: found.total(name) for name in COLUMNS},
            "faults": {f: {n: row[n] for n in COLUMNS} for f, row in found.rows.items()},
            "notes": found.notes,
            "broken": found.broken,
        }
        print(json.dumps(whole, ensure_ascii=False))
        return
    rows = {**found.rows, "all": account.Row()}
    for row in found.rows.values():
        rows["all"].counts.update(row.counts)
    heads = [name.replace("_", " ") for name in COLUMNS]
    print(f"{'fault':33}" + "".join(f"{head:>14}" for head in heads))
    for fault, row in rows.items():
        print(f"{fault:33}" + "".join(f"{row[name]:>14,}" for name in COLUMNS))
    print(
        f"seed {run.seed}, {options.seconds} s, Python {platform.python_version()},"
        f" rq {version('rq')}, SQLAlchemy {version('sqlalchemy')}, pywa {version('pywa')}"
    )
    for name, fact in found.notes.items():
        print(f"{name}: {fact}")
    print("\n".join(f"BROKEN {what}" for what in found.broken) or "every invariant holds")


def _keep_logs(here: Town) -> None:
    """The last words of every process, for whoever looks for the reason."""
    for name in here.children:
        if here.log(name).exists():
            lines = here.log(name).read_text(encoding="utf-8", errors="replace").splitlines()
            wrong = [line for line in lines if "rror" in line or "Traceback" in line]
            print(f"--- {name}: {len(lines)} lines", *wrong[-5:], sep="\n    ", file=sys.stderr)


if __name__ == "__main__":
    main()

"""The demo: servers, seeds and the processes of the Procfile, watched until told to stop."""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, cast

from bin.lib import folder, install, ports, postgres, say, surroundings, valkey
from bin.lib.children import Child, wait
from bin.lib.install import VENV

STOPPED_IN_ORDER = (
    "web",
    "live",
    "simulator",
    "ingest",
    "deliver",
    "chores",
    "media",
    "clock",
    "valkey",
    "postgres",
)
START_SECONDS = 90
PATIENCE = 30
"""Seconds that a program has to finish what it holds: a call to Meta may last ten. The upload of a
file may take a minute, and servers wait for it (docs/operate.md); our simulator is near."""


class Server(Protocol):
    """postgres.start or valkey.start."""

    def __call__(
        self, folder: Path, password: str, /, *, keeps: Sequence[int]
    ) -> tuple[Child, str]: ...


def main(arguments: list[str]) -> int:
    """Installs, starts, watches and stops Wasl; 0 after an orderly end."""
    begun = time.monotonic()
    options = _options(arguments)
    if options.install:
        install.ready(install.PRODUCT)
        return 0
    home, port = folder.place(), surroundings.first_port()
    lock = folder.hold(home)
    (home / "demo.json").unlink(missing_ok=True)
    if options.reset:
        _start_over(home)
    ports.refuse_taken(port)
    empty = _is_empty(home, wanted=options.empty)
    install.ready(install.PRODUCT)
    return Demo(home, port, lock, empty=empty).run(begun)


class Demo:
    """Everything that runs for one data folder."""

    def __init__(self, home: Path, port: int, lock: int, *, empty: bool = False) -> None:
        self.home, self.port, self.lock, self.empty = home, port, lock, empty
        self.env: dict[str, str] = {}
        self.children: list[Child] = []
        self.told_to_stop = False

    def run(self, begun: float) -> int:
        """Up, watched until a signal comes, then everything is stopped in order."""
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, self._note)
        try:
            if self._up(begun):
                wait(lambda: self.told_to_stop, float("inf"), while_=self._tend)
        finally:
            self._down()
        return 0

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.told_to_stop = True

    def _up(self, begun: float) -> bool:
        """Everything runs and answers; False when we were told to stop on the way."""
        if (seeds := self._prepare()) is None:
            return False
        # The pages first: programs that load all at once keep each other waiting.
        web, *others = surroundings.programs().items()
        self._start(*web)
        if not self._answers(self.port):
            return False
        for program in others:
            self._start(*program)
        if not (self._answers(self.port + 1) and self._answers(self.port + 2)):
            return False
        demo = _demo(self.env, seeds)
        folder.write_private(self.home / "demo.json", demo)
        _announce(demo, self.home, time.monotonic() - begun)
        return True

    def _prepare(self) -> dict[str, Any] | None:
        """The servers run, the database is migrated and seeded; what the seeds are."""
        kept = self.home / "prepared.json"
        if not (self.home / "postgres").exists():
            kept.unlink(missing_ok=True)
        own = self._start_servers()
        code = surroundings.fingerprint()
        if own and kept.exists() and (known := folder.read(kept))["code"] == code:
            # Our database has met this very code: two programs less before the pages.
            return cast(dict[str, Any], known["seeds"])
        seed = ("seed", "--empty") if self.empty else ("seed",)
        if self._once("migrate") is None or (printed := self._once(*seed)) is None:
            return None
        seeds: dict[str, Any] = json.loads(printed)
        folder.write_private(kept, {"code": code, "seeds": seeds})
        return seeds

    def _start_servers(self) -> bool:
        """True when the database is our own."""
        secrets = folder.our_secrets(self.home)
        self.env = surroundings.environment(self.home, self.port, secrets)
        own = "DATABASE_URL" not in self.env
        if own:
            self._serve("DATABASE_URL", postgres.start, "postgres", secrets["POSTGRES_PASSWORD"])
        if "REDIS_URL" not in self.env:
            self._serve("REDIS_URL", valkey.start, "valkey", secrets["VALKEY_PASSWORD"])
        return own

    def _serve(self, variable: str, start: Server, name: str, password: str) -> None:
        server, address = start(self.home / name, password, keeps=(self.lock,))
        self.children.append(server)
        self.env[variable] = address

    def _start(self, name: str, command: str) -> None:
        shell = ["/bin/sh", "-c", f"exec {command}"]
        self.children.append(
            Child(name, shell, env=self.env, keeps=(self.lock,), patience=PATIENCE)
        )
        self.children[-1].start()

    def _once(self, name: str, *options: str) -> str | None:
        """What `wasl name` printed; None when we were told to stop meanwhile."""
        begun = time.monotonic()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
            child = Child(name, [VENV / "bin/wasl", name, *options], env=self.env)
            child.start(stdout=printed)
            ended = wait(lambda: not child.runs, float("inf"), while_=lambda: not self.told_to_stop)
            code = child.stop()
            printed.seek(0)
            text = printed.read()
        if not ended:
            return None
        if code:
            raise say.Refused(
                f"`wasl {name}` failed with exit code {code}: its lines above say why."
            )
        say.log("wasl", f"{name} done in {time.monotonic() - begun:.1f} s")
        return text

    def _answers(self, port: int) -> bool:
        """False when we were told to stop; a process that never gets ready is refused."""
        if wait(lambda: surroundings.is_ready(port), START_SECONDS, while_=self._tend):
            return True
        if self.told_to_stop:
            return False
        raise say.Refused(
            f"http://127.0.0.1:{port}/readyz did not answer 200 within {START_SECONDS} s: see "
            "the lines above."
        )

    def _tend(self) -> bool:
        for child in self.children:
            child.tend()
        time.sleep(0.08)
        return not self.told_to_stop

    def _down(self) -> None:
        if self.children:
            say.log("wasl", "stopping")
        (self.home / "demo.json").unlink(missing_ok=True)
        for child in sorted(self.children, key=lambda child: STOPPED_IN_ORDER.index(child.name)):
            child.stop()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/dev",
        description="From a fresh clone to a running demo. Ctrl-C stops it; its data stays.",
        epilog="WASL_VAR: the data folder (var/). WASL_PORT: web (8000), live +1, simulator +2. "
        "DATABASE_URL, REDIS_URL: servers of yours instead of our own.",
    )
    parser.add_argument("--reset", action="store_true", help="start over: removes the demo's data")
    parser.add_argument(
        "--empty", action="store_true", help="no shops: sign up as a new merchant does"
    )
    parser.add_argument(
        "--install", action="store_true", help="only install what Wasl needs, as on a server"
    )
    return parser.parse_args(arguments)


def _is_empty(home: Path, *, wanted: bool) -> bool:
    """Whether the demo has no shops: as it was begun, or as it is begun now."""
    kept = home / "prepared.json"
    if not (home / "postgres").exists() or not kept.exists():
        return wanted
    began_empty = bool(folder.read(kept)["seeds"].get("empty"))
    if wanted and not began_empty:
        raise say.Refused(
            f"{home} holds the demo's shops: add --reset, or choose another folder by WASL_VAR."
        )
    return began_empty


def _start_over(home: Path) -> None:
    if os.environ.get("DATABASE_URL"):
        raise say.Refused(
            "--reset empties Wasl's own PostgreSQL and DATABASE_URL points to yours: empty it "
            "yourself, or unset DATABASE_URL."
        )
    try:
        folder.reset(home)
    except OSError as error:
        raise say.Refused(f"{error.filename} cannot be removed: {error.strerror}.") from error


def _demo(env: dict[str, str], seeds: dict[str, Any]) -> dict[str, Any]:
    """What other programs find in demo.json."""
    return {
        "base_url": env["WASL_BASE_URL"],
        "live_url": env["WASL_LIVE_URL"],
        "simulator_url": env["WASL_SIMULATOR_URL"],
        "webhook_url": f"{env['WASL_BASE_URL']}/webhooks/whatsapp",
        "verify_token": seeds.get("verify_token") or env["META_VERIFY_TOKEN"],
        "app_secret": env["META_APP_SECRET"],
        "phone_number_id": seeds["phone_number_id"],
        "waba_id": seeds["waba_id"],
        "database_url": env["DATABASE_URL"],
        "redis_url": env["REDIS_URL"],
        "users": seeds["users"],
        "numbers": seeds.get("numbers", []),
    }


def _announce(demo: dict[str, Any], home: Path, seconds: float) -> None:
    say.out(f"\n  Wasl is up after {seconds:.1f} s.\n")
    say.out(f"  Inbox   {demo['base_url']}")
    say.out(f"  Phone   {demo['simulator_url']}  (you play the customer)\n")
    for user in demo["users"]:
        say.out(f"  {user['email']:<32} {user['password']:<20} {user['role']}, {user['merchant']}")
    if demo["numbers"]:
        say.out(f"  Sign up {demo['base_url']}/sign-up\n")
        say.out("  Numbers that the phone's customers write to, to be connected:")
    for number in demo["numbers"]:
        say.out(
            f"  {number['phone']:<18} number id {number['phone_number_id']}, account id "
            f"{number['waba_id']}, token {number['token']}"
        )
    say.out(f"\n  Ctrl-C stops everything; the data stays in {home}.\n")

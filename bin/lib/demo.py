"""The demo: servers, seeds and the processes of the Procfile, watched until told to stop."""

from __future__ import annotations

import argparse
import errno
import http.client
import json
import os
import signal
import socket
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

from bin.lib import folder, install, postgres, say, valkey
from bin.lib.children import Child, wait
from bin.lib.install import ROOT, VENV

STOPPED_IN_ORDER = ("web", "live", "simulator", "ingest", "deliver", "clock", "valkey", "postgres")
UNWANTED = ("PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH")
START_SECONDS = 90


def main(arguments: list[str]) -> int:
    """Installs, starts, watches and stops Wasl; 0 after an orderly end."""
    begun = time.monotonic()
    options = _options(arguments)
    home, port = folder.place(), _port()
    lock = folder.hold(home)
    (home / "demo.json").unlink(missing_ok=True)
    if options.reset:
        _start_over(home)
    _refuse_taken_ports(port)
    install.ready("requirements.lock")
    return Demo(home, port, lock).run(begun)


class Demo:
    """Everything that runs for one data folder."""

    def __init__(self, home: Path, port: int, lock: int) -> None:
        self.home, self.port, self.lock = home, port, lock
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
        self._start_servers()
        if self._once("migrate") is None or (seeds := self._once("seed")) is None:
            return False
        for name, command in _programs().items():
            self._start(name, command)
        if not all(self._answers(port) for port in range(self.port, self.port + 3)):
            return False
        demo = _demo(self.env, json.loads(seeds))
        folder.write_private(self.home / "demo.json", demo)
        _announce(demo, self.home, time.monotonic() - begun)
        return True

    def _start_servers(self) -> None:
        secrets = folder.our_secrets(self.home)
        self.env = _environment(self.home, self.port, secrets)
        keeps = (self.lock,)
        if "DATABASE_URL" not in self.env:
            data = self.home / "postgres"
            server, self.env["DATABASE_URL"] = postgres.start(
                data, secrets["POSTGRES_PASSWORD"], keeps=keeps
            )
            self.children.append(server)
        if "REDIS_URL" not in self.env:
            server, self.env["REDIS_URL"] = valkey.start(
                self.home / "valkey", secrets["VALKEY_PASSWORD"], keeps=keeps
            )
            self.children.append(server)

    def _start(self, name: str, command: str) -> None:
        shell = ["/bin/sh", "-c", f"exec {command}"]
        self.children.append(Child(name, shell, env=self.env, keeps=(self.lock,)))
        self.children[-1].start()

    def _once(self, name: str) -> str | None:
        """What `wasl name` printed; None when we were told to stop meanwhile."""
        begun = time.monotonic()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
            child = Child(name, [VENV / "bin/wasl", name], env=self.env)
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
        if wait(lambda: _is_ready(port), START_SECONDS, while_=self._tend):
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
    return parser.parse_args(arguments)


def _port() -> int:
    value = os.environ.get("WASL_PORT") or "8000"
    if not value.isdigit() or not 1 <= int(value) <= 65533:
        raise say.Refused(f"WASL_PORT is {value!r}: set a port between 1 and 65533.")
    return int(value)


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


def _refuse_taken_ports(first: int) -> None:
    for port in range(first, first + 3):
        if _taken(port):
            raise say.Refused(
                f"Port {port} is taken or not ours to use: stop what listens there, or choose "
                "another first port of three, for example WASL_PORT=8100 bin/dev."
            )


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        # Ports of connections that just ended are free, and a listening one is still refused.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False


def _environment(home: Path, port: int, secrets: dict[str, str]) -> dict[str, str]:
    """What every process of the demo sees; whatever the shell has set already wins."""
    addresses = {
        "WASL_PORT": str(port),
        "WASL_BASE_URL": f"http://127.0.0.1:{port}",
        "WASL_LIVE_URL": f"http://127.0.0.1:{port + 1}",
        "WASL_SIMULATOR_URL": f"http://127.0.0.1:{port + 2}",
    }
    keys = {name: value for name, value in secrets.items() if not name.endswith("_PASSWORD")}
    shell = {name: value for name, value in os.environ.items() if value and name not in UNWANTED}
    env = addresses | keys | {"MALLOC_ARENA_MAX": "2"} | shell
    env.setdefault("META_GRAPH_URL", env["WASL_SIMULATOR_URL"])
    for name in ("NO_PROXY", "no_proxy"):
        env[name] = ",".join(filter(None, (env.get(name), "127.0.0.1", "localhost")))
    path = f"{VENV / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
    return env | {"WASL_VAR": str(home), "PATH": path, "PYTHONUNBUFFERED": "1"}


def _programs() -> dict[str, str]:
    """Name and shell command: the Procfile's lines, and the simulator that stands for Meta here."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    named = (line.partition(": ") for line in lines if line and not line.startswith("#"))
    return {name: command for name, _, command in named} | {"simulator": "wasl simulator"}


def _is_ready(port: int) -> bool:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        line.request("GET", "/readyz")
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


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
    }


def _announce(demo: dict[str, Any], home: Path, seconds: float) -> None:
    say.out(f"\n  Wasl is up after {seconds:.1f} s.\n")
    say.out(f"  Inbox   {demo['base_url']}")
    say.out(f"  Phone   {demo['simulator_url']}  (you play the customer)\n")
    for user in demo["users"]:
        say.out(f"  {user['email']:<32} {user['password']:<20} {user['role']}, {user['merchant']}")
    say.out(f"\n  Ctrl-C stops everything; the data stays in {home}.\n")

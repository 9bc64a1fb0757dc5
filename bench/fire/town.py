"""Wasl as it runs in production, with servers of its own, to be killed part by part."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bin.lib import ports, postgres, surroundings, valkey
from bin.lib.children import Child
from bin.lib.install import ROOT
from tests.mailbox import Mailbox

SERVERS = ("postgres", "valkey")
WORKERS = ("ingest", "deliver", "deliver.2", "chores", "media")
OURS = ("web", "live", *WORKERS, "clock")
START_SECONDS = 120
PAUSE = 0.3
"""Seconds until what died is started again."""
TMPFS = "768m"


@dataclass
class Town:
    """Every process by its name; `env` is what all of them see."""

    folder: Path
    meta: Path
    """The simulator's own folder: Meta's disk is not ours, and is never full."""
    port: int
    small_disk: bool = False
    """The folder is a tmpfs of its own, which may be filled."""
    env: dict[str, str] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    """What is not to be started again just now."""
    planned: dict[str, int] = field(default_factory=dict)
    """The pids of lives that are to end at a crash point."""
    deaths: int = 0
    mailbox: Mailbox | None = None
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # --- up and down ------------------------------------------------------------------------------

    def up(self) -> None:
        """Servers, schema, simulator: everything but our own processes runs."""
        database, address = postgres.start(self.folder / "data", secrets.token_hex(16))
        self.children["postgres"] = database
        cache, redis_url = valkey.start(self.folder / "valkey", secrets.token_hex(16))
        self.children["valkey"] = cache
        self.mailbox = Mailbox()
        threading.Thread(target=self.mailbox.serve_forever, daemon=True).start()
        self.env = _environment(self.folder, self.port, address, redis_url, self.mailbox.url)
        # The harness asks the same database, by the true clock.
        os.environ.update({k: v for k, v in self.env.items() if k != "WASL_CLOCK"})

        from flows import costs
        from models import schema

        schema.upgrade()
        costs.load_rate_cards()
        self._program("simulator", "wasl simulator")
        self.wait_for("simulator", self.port + 2)

    def open(self) -> None:
        """Our own processes run and answer; what dies from now on is started again."""
        commands = surroundings.programs()
        commands["deliver.2"] = commands["deliver"]
        for name in OURS:
            self._program(name, commands[name])
        self.wait_for("web", self.port)
        self.wait_for("live", self.port + 1)
        threading.Thread(target=self._tend, name="supervisor", daemon=True).start()

    def close(self) -> None:
        """Everything has been told to stop, and has."""
        self._ended.set()
        self.empty_disk()
        for name in [*OURS, "simulator", "valkey", "postgres"]:
            if child := self.children.get(name):
                self.resume(name)
                child.stop()
        if self.mailbox:
            self.mailbox.shutdown()
            self.mailbox.server_close()

    def wait_for(self, name: str, port: int) -> None:
        until = time.monotonic() + START_SECONDS
        while not surroundings.is_ready(port):
            if time.monotonic() > until:
                raise SystemExit(f"{name} did not get ready: see {self.log(name)}")
            time.sleep(0.1)

    def recover(self, seconds: float) -> bool:
        """True once the pages, and Meta, answer again; False after so many seconds."""
        until = time.monotonic() + seconds
        while not (surroundings.is_ready(self.port) and surroundings.is_ready(self.port + 2)):
            if time.monotonic() > until:
                return False
            time.sleep(0.2)
        return True

    def log(self, name: str) -> Path:
        return (self.meta if name == "simulator" else self.folder) / f"{name}.log"

    @property
    def ledger(self) -> Path:
        """What the simulator writes down: it alone knows what really happened at Meta."""
        return self.meta / "simulator" / "ledger.jsonl"

    def _program(self, name: str, command: str) -> None:
        shell = ["/bin/sh", "-c", f"exec {command} >>'{self.log(name)}' 2>&1"]
        env = self.env
        if name == "simulator":  # Meta's clock is never wrong
            env = {k: v for k, v in env.items() if k != "WASL_CLOCK"} | {"WASL_VAR": str(self.meta)}
        child = Child(name, shell, env=env, patience=20, logged=False)
        self.children[name] = child
        child.start()

    def _tend(self) -> None:
        while not self._ended.wait(PAUSE):
            for name in self.children:
                with self._lock:
                    self._revive(name)

    def _revive(self, name: str) -> None:
        child = self.children[name]
        if child.runs or name in self.down or self._ended.is_set():
            return
        self.deaths += 1
        child.stop()  # and whatever it left behind in its group
        child.start()

    # --- what befalls them ------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """The process and all it started are gone at once; started again by the supervisor."""
        self._signal(name, signal.SIGKILL)

    def kill_one_below(self, name: str, choose: Callable[[list[int]], int]) -> bool:
        """A child process of the process is gone: a web worker, a work-horse of rq."""
        below = _children_of(self.children[name].pid)
        if below:
            with suppress(ProcessLookupError):
                os.kill(choose(below), signal.SIGKILL)
        return bool(below)

    def pause(self, name: str) -> None:
        self._signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    def _signal(self, name: str, number: signal.Signals) -> None:
        pid = self.children[name].pid
        if pid:  # the group 0 would be ours
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)

    def deploy(self) -> None:
        """All of ours are told to stop (SIGTERM), waited for, and started again."""
        with self._lock:
            for name in OURS:
                self.children[name].stop()
            for name in OURS:
                self.children[name].start()

    def reborn(self, name: str, env: dict[str, str]) -> None:
        """Killed, and started in another environment, for this one life."""
        child = self.children[name]
        with self._lock:
            self.kill(name)
            child.stop()
            child.env = self.env | env
            child.start()
            child.env = self.env
            self.planned[name] = child.pid

    def end_of_that_life(self, name: str) -> None:
        """If it has not ended yet: the web's workers are born again into the same environment."""
        if self.children[name].pid == self.planned.pop(name, None):
            self.kill(name)

    def away(self, name: str, seconds: float) -> None:
        """A server is killed and stays away for so long."""
        self.down.add(name)
        self.kill(name)
        time.sleep(seconds)
        self.down.discard(name)

    def fill_disk(self) -> None:
        """Not a byte is left where the database, the queue and the logs lie."""
        ballast = self.folder / "ballast"
        with suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(b"\0" * (1 << 20))
                file.flush()

    def empty_disk(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)

    def jump(self, seconds: int) -> None:
        """From now on the clocks of our processes go so many seconds ahead (or behind)."""
        new = self.folder / "clock.new"
        with suppress(OSError):  # on a full disk it stays as it is
            new.write_text(str(seconds), encoding="ascii")
            new.replace(self.folder / "clock")

    # --- what they weigh --------------------------------------------------------------------------

    def weights(self) -> dict[tuple[str, int], int]:
        """KiB of memory of each life of our processes, what is below it included."""
        return {
            (name, child.pid): sum(map(_weight, [child.pid, *_children_of(child.pid)]))
            for name, child in list(self.children.items())
            if name in OURS and child.runs
        }


@contextmanager
def town(*, small_disk: bool, keep: bool = False) -> Iterator[Town]:
    """A town in a temporary folder on free ports; gone at the end, unless it is to be kept."""
    whole = Path(tempfile.mkdtemp(prefix="wasl-torture-"))
    whole.chmod(0o711)  # its PostgreSQL runs as another user when we are root
    folder, meta = whole / "wasl", whole / "meta"
    folder.mkdir(mode=0o711)
    meta.mkdir(mode=0o700)
    mounted = small_disk and _mount(folder)
    here = Town(folder, meta, ports.free(3), small_disk=mounted)
    try:
        here.up()
        yield here
    finally:
        here.close()
        if keep:
            print(f"kept: {whole}")
        else:
            if mounted:
                subprocess.run(["/bin/umount", "--lazy", str(folder)], check=False)
            shutil.rmtree(whole, ignore_errors=True)


def _environment(
    folder: Path, port: int, database: str, redis_url: str, smtp_url: str
) -> dict[str, str]:
    secret = {
        "WASL_SECRET_KEY": secrets.token_hex(32),
        "WASL_DATA_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "META_APP_SECRET": secrets.token_hex(16),
        "META_VERIFY_TOKEN": secrets.token_hex(16),
    }
    env = surroundings.environment(folder, port, secret)
    env |= {"DATABASE_URL": database, "REDIS_URL": redis_url, "WASL_CLOCK": str(folder / "clock")}
    env |= {"PYTHONPATH": str(ROOT)}  # this checkout, whatever else is installed
    env |= {"WASL_SMTP_URL": smtp_url, "WASL_MAIL_FROM": "wasl@fire.example"}
    return env


def _mount(folder: Path) -> bool:
    """A disk small enough to be filled, where we may make one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    options = f"size={TMPFS},mode=711"
    command = ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _children_of(pid: int) -> list[int]:
    """Everything below this process."""
    listed = subprocess.run(
        ["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False
    ).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found: list[int] = []
    level = {pid}
    while level:
        level = {child for child, parent in pairs if parent in level}
        found += sorted(level)
    return found


def _weight(pid: int) -> int:
    """Its share of memory in KiB: what it has alone, and its part of what it shares."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    with suppress(OSError, ValueError):
        listed = subprocess.run(
            ["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return int(listed.stdout or 0)
    return 0

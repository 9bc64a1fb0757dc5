"""PostgreSQL and Valkey of a benchmark's own, as lasting as in production, and our web server."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bin.lib import ports, postgres, valkey


@contextmanager
def own() -> Iterator[None]:
    """An empty, migrated database and an empty Valkey in the environment; gone at the end."""
    from models import db, schema

    with tempfile.TemporaryDirectory(prefix="wasl-bench-") as folder, ExitStack() as running:
        Path(folder).chmod(0o711)  # its PostgreSQL runs as another user when we are root
        database, address = postgres.start(Path(folder, "data"), secrets.token_hex(16))
        running.callback(database.stop)
        cache, redis_url = valkey.start(Path(folder, "valkey"), secrets.token_hex(16))
        running.callback(cache.stop)
        os.environ |= {
            "DATABASE_URL": address,
            "REDIS_URL": redis_url,
            "WASL_VAR": folder,
            "WASL_SECRET_KEY": secrets.token_hex(32),
            "WASL_DATA_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "META_APP_SECRET": secrets.token_hex(16),
            "META_VERIFY_TOKEN": secrets.token_hex(16),
        }
        schema.upgrade()
        running.callback(db.forget_connections)  # before the server goes
        yield


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    pid: int

    def mib(self) -> float:
        """What the largest of its processes has of memory now, itself apart."""
        return max(map(memory_mib, _children(self.pid)), default=memory_mib(self.pid))


@contextmanager
def granian(*, workers: int = 2, threads: int = 16) -> Iterator[int]:
    """The whole web process on a free port of loopback."""
    with web("wsgi:app", workers=workers, threads=threads) as server:
        yield server.port


@contextmanager
def web(
    app: str, *, workers: int = 2, threads: int = 32, factory: bool = False
) -> Iterator[Server]:
    """A WSGI application under the flags of the Procfile."""
    flags = ["--workers", str(workers), "--blocking-threads", str(threads), "--backlog", "1024"]
    with _granian("wsgi", app, [*flags, "--no-ws", *(["--factory"] if factory else [])]) as server:
        yield server


@contextmanager
def live() -> Iterator[Server]:
    """The live process under the flags of the Procfile."""
    flags = ["--workers", "1", "--http", "1", "--backpressure", "4000", "--no-ws"]
    with _granian("asgi", "inbox.stream:app", flags) as server:
        yield server


@contextmanager
def _granian(interface: str, app: str, flags: list[str]) -> Iterator[Server]:
    port = ports.free()
    program = [str(Path(sys.executable).with_name("granian")), "--interface", interface, *flags]
    where = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    with attended([*program, *where, app], port) as pid:
        yield Server(port, pid)


@contextmanager
def worker(queue: str) -> Iterator[int]:
    """A worker of this queue, as the Procfile starts it; its process id."""
    command = [sys.executable, "-c", "import cli; cli.main()", "worker", queue]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        _stop(process)


def memory_mib(pid: int, *, peak: bool = False) -> float:
    """What a process has of memory, or had at most."""
    wanted = "VmHWM:" if peak else "VmRSS:"
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(wanted)) / 1024


def burned() -> float:
    """Seconds of processor that all servers and workers started here have used."""
    return sum(map(_seconds, _descendants(os.getpid()))) / os.sysconf("SC_CLK_TCK")


def _seconds(pid: int) -> int:
    with suppress(OSError):  # it may have ended just now
        rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        return sum(map(int, rest.split()[11:13]))
    return 0


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


@contextmanager
def attended(command: list[str], port: int) -> Iterator[int]:
    """A server of the benchmark's own, answering on this loopback port; stopped at the end."""
    process = subprocess.Popen(command, start_new_session=True)
    try:
        _await(port, process)
        yield process.pid
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("granian did not start")

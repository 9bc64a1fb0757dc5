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
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bin.lib import postgres, valkey


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


@contextmanager
def granian(*, workers: int = 2, threads: int = 16) -> Iterator[int]:
    """The whole web process on a free port of loopback."""
    port = postgres.free_port()
    program = str(Path(sys.executable).with_name("granian"))
    command = [program, "--interface", "wsgi", "--workers", str(workers)]
    command += ["--blocking-threads", str(threads), "--host", "127.0.0.1", "--port", str(port)]
    with attended([*command, "--log-level", "error", "wsgi:app"], port):
        yield port


@contextmanager
def attended(command: list[str], port: int) -> Iterator[None]:
    """A server of the benchmark's own, answering on this loopback port; stopped at the end."""
    process = subprocess.Popen(command, start_new_session=True)
    try:
        _await(port, process)
        yield
    finally:
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

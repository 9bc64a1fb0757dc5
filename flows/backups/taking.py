"""A backup is taken: beside everybody at work, whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql

from config import settings
from flows.backups import archive, programs
from flows.backups.archive import DATABASE, FILES, Impossible, Manifest
from models.db import Base


def take(target: Path) -> Path:
    """The folder that holds the install as it was at one moment; only its owner may read it.

    `target` itself, or a folder named after the moment when `target` is one already. Written under
    another name and moved there whole. Refused where a backup lies. The files come after the
    database: one more is harmless, one less is a gap.
    """
    place = _place(target)
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    try:
        part.mkdir(mode=0o700, parents=True)
        _fill(part)
        for path in (*part.iterdir(), part):
            archive.settle(path)
        if place.exists():
            raise Impossible(f"{place} is there already: a backup is never overwritten.")
        part.rename(place)
        archive.settle(place.parent)
    except OSError as error:
        raise Impossible(f"{place} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def _place(target: Path) -> Path:
    target = target.resolve()
    if not target.exists():
        return target
    if not target.is_dir() or (target / archive.MANIFEST).exists():
        raise Impossible(f"{target} is there already: a backup is never overwritten.")
    return target / f"wasl-{datetime.now().astimezone():%Y-%m-%dT%H%M%S}"


def _fill(part: Path) -> None:
    address = settings().database_url.replace("+psycopg", "", 1)
    with psycopg.connect(address) as connection:
        # One picture for the count and the dump; whoever works meanwhile is not held up.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        known = connection.execute(
            "SELECT pg_export_snapshot(), now(), current_setting('server_version_num')::int,"
            " (SELECT version_num FROM alembic_version)"
        ).fetchone()
        assert known is not None  # noqa: S101 - an aggregate-free SELECT has one row
        snapshot, now, server, revision = known
        rows = {name: _count(connection, name) for name in sorted(Base.metadata.tables)}
        _dump(part, str(snapshot), server)
    files = _pack(part)
    parts = [path.name for path in part.iterdir()]
    Manifest(
        format=archive.FORMAT,
        taken_at=now.isoformat(),
        schema=revision,
        server=server,
        key=archive.key_names()[0],
        rows=rows,
        files=files,
        sha256={name: archive.digest(part / name) for name in sorted(parts)},
    ).write(part)


def _count(connection: psycopg.Connection, table: str) -> int:
    question = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    found = connection.execute(question).fetchone()
    return int(found[0]) if found else 0


def _dump(part: Path, snapshot: str, server: int) -> None:
    wanted = ("--format=custom", "--compress=1", f"--snapshot={snapshot}")
    with archive.private(part / DATABASE) as file:
        programs.run("pg_dump", *wanted, programs.address(), server=server, stdout=file)


def _pack(part: Path) -> int | None:
    """How many files were packed; None when they lie in a bucket."""
    if settings().files:
        return None
    root = settings().var / "media"
    packed = 0
    with archive.private(part / FILES) as file, tarfile.open(fileobj=file, mode="w") as tar:
        for path in _files(root):
            try:
                tar.add(path, arcname=str(path.relative_to(root)), recursive=False)
            except FileNotFoundError:
                continue  # deleted at this moment
            packed += 1
    return packed


def _files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names if not name.endswith(".part"))

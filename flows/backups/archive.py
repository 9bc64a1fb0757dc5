"""The folder of a backup: the database, the files, and a manifest that says what they are."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from config import settings

FORMAT = 1
MANIFEST, DATABASE, FILES = "manifest.json", "database.dump", "media.tar"


class Impossible(Exception):
    """A backup cannot be taken or restored; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `sha256` of each of its parts, `rows` of each table as it was dumped."""

    format: int
    taken_at: str
    schema: str
    server: int
    """PostgreSQL's number, such as 180000."""
    key: str
    """Which WASL_DATA_KEY opens its secrets: no more than a name for it."""
    rows: Mapping[str, int]
    files: int | None
    """How many files people sent; None when they lie in a bucket."""
    sha256: Mapping[str, str]

    def write(self, folder: Path) -> None:
        with private(folder / MANIFEST) as file:
            file.write(json.dumps(asdict(self), indent=2).encode() + b"\n")


def read(folder: Path) -> Manifest:
    """The manifest of a backup whose parts are as they were written; else Impossible."""
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError):
        raise Impossible(f"{folder} is not a backup of Wasl, or is not whole.") from None
    if manifest.format != FORMAT:
        raise Impossible(f"{folder} is of another Wasl: this one does not know its format.")
    for name, known in manifest.sha256.items():
        path = folder / name
        if not path.is_file() or digest(path) != known:
            raise Impossible(f"{path} is missing or was changed: this backup cannot be trusted.")
    return manifest


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def private(path: Path) -> IO[bytes]:
    """A new file that only we may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def settle(path: Path) -> None:
    """What was written there survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def key_names() -> list[str]:
    """A name for each key this process opens secrets with, the one that seals first."""
    return [hashlib.sha256(b"wasl backup\0" + key).hexdigest()[:12] for key in settings().data_keys]

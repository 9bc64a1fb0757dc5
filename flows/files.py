"""Where files lie: a folder of ours, or a bucket that speaks S3. Everything goes through here.

A file's key is made of identifiers only (`<merchant>/<media>.jpg`), never of what people typed.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from config import settings
from models.types import new_id

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_KEY = re.compile(r"[\w-]+(?:/[\w-]+)*(?:\.\w+)*")


class Store(Protocol):
    """What keeps files; a key that is not there is a FileNotFoundError."""

    def put(self, key: str, source: IO[bytes]) -> None: ...

    def open(self, key: str) -> tuple[BinaryIO, int]: ...

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None: ...


def put(key: str, source: IO[bytes]) -> None:
    """The whole of `source`, from its beginning, is kept under this key, or nothing is."""
    source.seek(0)
    store().put(_checked(key), source)


def open(key: str) -> tuple[BinaryIO, int]:
    """The file, which can be wound to any place, and its size; FileNotFoundError without one."""
    return store().open(_checked(key))


def read(key: str) -> bytes:
    """All of a file that fits into memory."""
    file, _ = open(key)
    with file:
        return file.read()


def exists(key: str) -> bool:
    return store().exists(_checked(key))


def delete(key: str) -> None:
    """The file is gone, if it was ever there."""
    store().delete(_checked(key))


def _checked(key: str) -> str:
    # Rows are ours and so are their keys; a wrong one must not reach the disk all the same.
    if not _KEY.fullmatch(key):
        raise FileNotFoundError(key)
    return key


@cache
def store() -> Store:
    """The store of this process, as WASL_FILES says; made on first use, so after any fork."""
    address = settings().files
    if not address:
        return Folder(settings().var / "media")
    from obstore.store import from_url

    # Key, secret, region and endpoint come from the usual AWS_… variables.
    return Bucket(from_url(address))


class Folder:
    """Files below a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, source: IO[bytes]) -> None:
        """Written beside its place and moved there whole."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{new_id()}.part")
        try:
            with part.open("xb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def open(self, key: str) -> tuple[BinaryIO, int]:
        path = self.root / key
        return path.open("rb"), path.stat().st_size

    def exists(self, key: str) -> bool:
        return (self.root / key).is_file()

    def delete(self, key: str) -> None:
        (self.root / key).unlink(missing_ok=True)


class Bucket:
    """Files of a store that obstore knows: S3 and what speaks like it."""

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects

    def put(self, key: str, source: IO[bytes]) -> None:
        with _in_pythons_words() as obstore:
            obstore.put(self.objects, key, source)

    def open(self, key: str) -> tuple[BinaryIO, int]:
        with _in_pythons_words() as obstore:
            reader = obstore.open_reader(self.objects, key)
            return cast(BinaryIO, io.BufferedReader(_Raw(reader), 1 << 20)), reader.size

    def exists(self, key: str) -> bool:
        try:
            with _in_pythons_words() as obstore:
                obstore.head(self.objects, key)
        except FileNotFoundError:
            return False
        return True

    def delete(self, key: str) -> None:
        with suppress(FileNotFoundError), _in_pythons_words() as obstore:
            obstore.delete(self.objects, key)


@contextmanager
def _in_pythons_words() -> Iterator[Any]:
    """obstore, loaded where it is used; its own errors become an OSError."""
    import obstore
    from obstore.exceptions import BaseError

    try:
        yield obstore
    except BaseError as error:
        raise OSError(f"the file store does not answer: {type(error).__name__}") from error


class _Raw(io.RawIOBase):
    """obstore's reader as Python's own files are: it gives bytes of its own kind."""

    def __init__(self, reader: Any) -> None:
        super().__init__()
        self.reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self.reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self.reader.tell())

    def readinto(self, buffer: Any) -> int:
        with _in_pythons_words():
            got = bytes(self.reader.read(len(buffer)))
        buffer[: len(got)] = got
        return len(got)

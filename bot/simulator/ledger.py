"""The append-only diary of the simulator: one JSON record a line, on the disk before it counts."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from bot.simulator.world import Json


class Ledger:
    """Records in the order they happened; without a path they live in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._lines: list[str] = []
        self._file: IO[str] | None = _opened(path) if path else None
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._written = self._synced = 0

    def append(self, record: Json) -> None:
        """The record is written, but safe from a kill or a power cut only after `flush`."""
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            self._written += 1
            if self._file:
                self._file.write(line + "\n")
            else:
                self._lines.append(line)

    def flush(self, *, disk: bool = True) -> None:
        """What was appended survives a kill of this process, and with `disk` a power cut.

        Callers that wait for the disk at the same time share one fsync.
        """
        mine = self._written
        if self._file and not disk:
            self._to_system(self._file)
        with self._syncing:
            if self._file and disk and self._synced < mine:
                upto = self._to_system(self._file)
                os.fsync(self._file.fileno())
                self._synced = upto

    def records(self, *kinds: str) -> list[Json]:
        """All records, or those of these kinds, oldest first."""
        every = (json.loads(line) for line in self.lines())
        return [record for record in every if not kinds or record["kind"] in kinds]

    def lines(self) -> Iterator[str]:
        if self.path is None:
            yield from list(self._lines)
            return
        self.flush(disk=False)
        with self.path.open(encoding="utf-8") as file:
            yield from file

    def close(self) -> None:
        self.flush()
        if self._file:
            self._file.close()
            self._file = None

    def _to_system(self, file: IO[str]) -> int:
        with self._lock:
            file.flush()
            return self._written


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        _cut_torn_line(path)
    return path.open("a", encoding="utf-8")


def _cut_torn_line(path: Path) -> None:
    # A kill in the middle of a write leaves half a line: nobody was told that it happened.
    with path.open("rb+") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)

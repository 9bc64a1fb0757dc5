"""The bytes of media, on disk beside the ledger or in memory."""

from __future__ import annotations

from pathlib import Path


class Files:
    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def put(self, media_id: str, data: bytes) -> None:
        if self._folder:
            (self._folder / media_id).write_bytes(data)
        else:
            self._memory[media_id] = data

    def get(self, media_id: str) -> bytes:
        """The bytes; KeyError or OSError when they are gone."""
        return (self._folder / media_id).read_bytes() if self._folder else self._memory[media_id]

    def drop(self, media_id: str) -> None:
        if self._folder:
            (self._folder / media_id).unlink(missing_ok=True)
        self._memory.pop(media_id, None)

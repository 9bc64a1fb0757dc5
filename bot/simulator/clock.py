"""The simulator's own time: the real one, moved when a test or a demo needs another date."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    def __init__(self) -> None:
        self.offset = 0.0

    def time(self) -> float:
        """Seconds since 1970, as this simulator sees them."""
        return time.time() + self.offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def set(self, instant: datetime | None) -> None:
        """From now on it is this instant, and time goes on from there; None is the real time."""
        self.offset = instant.timestamp() - time.time() if instant else 0.0

    def advance(self, seconds: float) -> None:
        self.offset += seconds

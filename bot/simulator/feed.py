"""Which customers' phones have something new to draw: open pages wait for it."""

from __future__ import annotations

import threading


class Feed:
    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0
        self._last: dict[str, int] = {}

    @property
    def count(self) -> int:
        return self._count

    def tell(self, customers: set[str]) -> None:
        if not customers:
            return
        with self._condition:
            self._count += 1
            self._last.update(dict.fromkeys(customers, self._count))
            self._condition.notify_all()

    def wait(self, since: int, timeout: float) -> tuple[int, list[str]]:
        """The new count and whose phones changed after `since`; an empty list after `timeout` s."""
        with self._condition:
            self._condition.wait_for(lambda: self._count > since, timeout)
            return self._count, sorted(c for c, n in self._last.items() if n > since)

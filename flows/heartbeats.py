"""Signs of life: a process in the background beats a row of its own, and says what it is at.

Over a connection of its own and without SQLAlchemy: the live process has room for neither more.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg

from config import settings

log = logging.getLogger(__name__)

KINDS = ("ingest", "deliver", "chores", "media", "clock", "live")
BEAT_SECONDS = 3.0

BEAT = """
    INSERT INTO heartbeats (id, kind, host, pid, started_at, beat_at, doing, since)
    VALUES (%(id)s, %(kind)s, %(host)s, %(pid)s, now(), now(), %(doing)s,
        now() - %(seconds)s * interval '1 second')
    ON CONFLICT (id) DO UPDATE
    SET beat_at = excluded.beat_at, doing = excluded.doing, since = excluded.since
"""
# Of the same kind and machine, and its process is gone: the one it is the successor of.
PREDECESSORS = "SELECT id, pid FROM heartbeats WHERE kind = %(kind)s AND host = %(host)s"
FORGET = "DELETE FROM heartbeats WHERE id = %(id)s"


class Life:
    """One process from start to end. `turn` is for its main loop: a thread of ours beats, so that
    a long job is no death, and says since when the loop has been where it is, so that a loop that
    hangs shows."""

    def __init__(self, kind: str) -> None:
        self.id, self.kind = uuid4(), kind
        self.doing, self._turned = "", time.monotonic()
        self._ended = threading.Event()
        self._connection: psycopg.Connection | None = None
        self._thread = threading.Thread(target=self._live, name="heartbeat", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def turn(self, doing: str = "") -> None:
        """The main loop comes by; from now on it does this, or waits."""
        self.doing, self._turned = doing, time.monotonic()

    def waits(self) -> None:
        """The main loop comes by: while it does nothing, it has been waiting since now."""
        if not self.doing:
            self.turn()

    def end(self) -> None:
        """It was told to stop: nobody misses it."""
        self._ended.set()
        self._thread.join(1.0)

    def _live(self) -> None:
        at_its_place = False
        while not self._ended.is_set():
            at_its_place = at_its_place or self._try(self._take_over)
            self._try(self._beat)
            self._ended.wait(BEAT_SECONDS)
        self._try(self._leave)

    def _try(self, say: Callable[[], None]) -> bool:
        try:
            say()
        except psycopg.Error as error:
            # Without its database nothing works anyway, and everybody says so.
            log.debug("no heartbeat: %s", type(error).__name__)
            if self._connection is not None:
                self._connection.close()
            return False
        return True

    def _take_over(self) -> None:
        """One that died here before, and whose place this one takes, is missed no longer."""
        for id_, pid in self._connected().execute(PREDECESSORS, self._facts()).fetchall():
            if pid == os.getpid() or _is_gone(pid):
                self._connected().execute(FORGET, {"id": id_})
                return

    def _beat(self) -> None:
        self._connected().execute(BEAT, self._facts())

    def _leave(self) -> None:
        self._connected().execute(FORGET, self._facts())
        self._connected().close()

    def _facts(self) -> dict[str, object]:
        return {
            "id": self.id,
            "kind": self.kind,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "doing": self.doing,
            # Counted by a clock that nobody sets.
            "seconds": time.monotonic() - self._turned,
        }

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                settings().database_url.replace("+psycopg", "", 1),
                autocommit=True,
                # A beat that a power cut takes back is no loss: nobody waits for the disk.
                options="-c role=wasl_house -c statement_timeout=2s -c synchronous_commit=off",
                connect_timeout=2,
                tcp_user_timeout=5_000,
                application_name=f"wasl {self.kind}",
            )
        return self._connection


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # somebody else's: it is there
    return False


@contextmanager
def beating(kind: str) -> Iterator[Life]:
    """This process is seen to live as long as this lasts."""
    life = Life(kind)
    life.begin()
    try:
        yield life
    finally:
        life.end()

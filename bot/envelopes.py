"""Bodies onto disk: many requests, one commit. Whoever finds nobody committing leads the rest."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Collection
from uuid import UUID

import psycopg

from flows import crashpoints, outbox

log = logging.getLogger(__name__)

KEEP = """
    INSERT INTO envelopes (body, sha256, signed_for)
    SELECT body, sha256, string_to_array(signed_for, ',')::uuid[]
    FROM unnest(%b::bytea[], %b::bytea[], %t::text[]) AS posted (body, sha256, signed_for)
    ON CONFLICT (sha256) DO NOTHING
"""
# The same body, signed by another app too (an account may send to several): it now speaks of more.
WIDEN = """
    UPDATE envelopes SET state = 'new', settled_at = NULL, signed_for = CASE
        WHEN theirs.signed_for IS NULL THEN NULL
        ELSE envelopes.signed_for || string_to_array(theirs.signed_for, ',')::uuid[] END
    FROM unnest(%b::bytea[], %t::text[]) AS theirs (sha256, signed_for)
    WHERE envelopes.sha256 = theirs.sha256 AND envelopes.signed_for IS NOT NULL
      AND (theirs.signed_for IS NULL
           OR NOT string_to_array(theirs.signed_for, ',')::uuid[] <@ envelopes.signed_for)
"""
ROWS = 512
BYTES = 16 << 20  # of one commit, so that 512 bodies of 4 MB are not one parameter of 2 GB


class NotKept(Exception):
    """The body is not on disk, or nobody knows: Meta must send it again."""


class _Letter:
    __slots__ = ("body", "kept", "leads", "sha256", "signed_for", "woken")

    def __init__(self, body: bytes, signed_for: Collection[UUID] | None) -> None:
        self.body = body
        # An array of arrays would come out flat.
        self.signed_for = None if signed_for is None else ",".join(map(str, signed_for))
        self.sha256 = hashlib.sha256(body).digest()
        self.woken = threading.Lock()
        self.woken.acquire()
        self.kept = False
        self.leads = False


class Envelopes:
    """The way into `envelopes` for all threads of one process, over one connection.

    `patience` is how many seconds a request waits for its commit, `waiting` how many may wait.
    """

    def __init__(self, conninfo: str, *, patience: float = 2.5, waiting: int = 1024) -> None:
        self._conninfo = conninfo
        self._patience = patience
        self._waiting = waiting
        self._connection: psycopg.Connection | None = None
        self._mutex = threading.Lock()
        self._queue: deque[_Letter] = deque()
        self._led = False

    def keep(self, body: bytes, signed_for: Collection[UUID] | None = None) -> None:
        """The body is committed, once however often it comes; or NotKept.

        `signed_for`: the merchants whose own app signed it; None when the install's did.
        """
        letter = _Letter(body, signed_for)
        if self._join(letter) or self._must_lead(letter):
            self._lead()
        if not letter.kept:
            raise NotKept

    def close(self) -> None:
        """Leave the database; the next body connects anew."""
        if self._connection is not None:
            self._connection.close()

    def _join(self, letter: _Letter) -> bool:
        with self._mutex:
            if len(self._queue) >= self._waiting:
                raise NotKept
            self._queue.append(letter)
            first, self._led = not self._led, True
            return first

    def _must_lead(self, letter: _Letter) -> bool:
        in_time = letter.woken.acquire(timeout=self._patience)
        with self._mutex:
            if not in_time and not letter.leads and letter in self._queue:
                self._queue.remove(letter)
            return letter.leads

    def _lead(self) -> None:
        letters = self._take()
        new = 0
        try:
            crashpoints.reached("body.before")
            new = self._store(letters)
            crashpoints.reached("body.kept")
        except psycopg.Error as error:
            log.error("%d webhooks not kept, Meta sends them again: %s", len(letters), error)
        finally:
            self._hand_over()
            for follower in letters[1:]:  # the first is the leader's own
                follower.woken.release()
        if new:
            outbox.nudge("ingest")

    def _take(self) -> list[_Letter]:
        letters: list[_Letter] = []
        size = 0
        with self._mutex:
            while self._queue and len(letters) < ROWS and size < BYTES:
                letters.append(self._queue.popleft())
                size += len(letters[-1].body)
        return letters

    def _hand_over(self) -> None:
        with self._mutex:
            if self._queue:
                self._queue[0].leads = True
                self._queue[0].woken.release()
            else:
                self._led = False

    def _store(self, letters: list[_Letter]) -> int:
        try:
            return self._insert(letters)
        except (psycopg.DataError, psycopg.IntegrityError):
            return sum(self._alone(letter) for letter in letters)
        except psycopg.OperationalError:
            if self._connection and not self._connection.closed:
                raise
            # The server restarted since the last commit: once more, over a new connection.
            return self._insert(letters)

    def _alone(self, letter: _Letter) -> int:
        try:
            return self._insert([letter])
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            log.error("webhook %s cannot be kept: %s", letter.sha256.hex(), error)
            return 0

    def _insert(self, letters: list[_Letter]) -> int:
        rows = (
            [letter.body for letter in letters],
            [letter.sha256 for letter in letters],
            [letter.signed_for for letter in letters],
        )
        # Autocommit: the statement is the transaction, and has returned once it is on disk.
        new = self._connected().execute(KEEP, rows, prepare=True).rowcount
        if new < len(letters):
            new += self._connected().execute(WIDEN, rows[1:], prepare=True).rowcount
        for letter in letters:
            letter.kept = True
        return new

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._conninfo,
                autocommit=True,
                options="-c role=wasl_house -c statement_timeout=2s -c client_encoding=UTF8",
                connect_timeout=2,
                tcp_user_timeout=5_000,
                application_name="wasl webhook",
            )
        return self._connection

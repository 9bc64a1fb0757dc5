"""Who signed a webhook: the install's own Meta app, or an app a merchant brought."""

from __future__ import annotations

import hmac
import logging
import threading
import time
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from config import settings
from models import db
from models.channel import Channel

log = logging.getLogger(__name__)

FRESH = 30.0
"""Seconds for which the list of secrets is believed."""
AT_ONCE = 2.0
"""A signature nobody knows is reason to read the list again, at most this often."""


@dataclass(frozen=True, slots=True)
class Signer:
    """`merchants`: whose numbers the body may speak of; None: everybody's."""

    merchants: frozenset[UUID] | None


def signer(body: bytes, signature: str) -> Signer | None:
    """Whose signature this is, over the raw bytes; None when it is nobody's."""
    found = _match(body, signature, _apps.known())
    if found is None and _apps.read_again():
        found = _match(body, signature, _apps.known())
    return found


def same(given: str, right: str) -> bool:
    # As bytes: compare_digest raises on text beyond ASCII, and a header can hold any.
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())


def _match(
    body: bytes, signature: str, apps: tuple[tuple[str, frozenset[UUID]], ...]
) -> Signer | None:
    # Every secret is tried, so that the time tells nothing; the install's previous one is valid
    # until Meta's change of the app secret has reached all its servers.
    ours = [same(signature, _signature(secret, body)) for secret in settings().app_secrets]
    theirs = [who for secret, who in apps if same(signature, _signature(secret, body))]
    if any(ours):
        return Signer(None)
    return Signer(theirs[0]) if theirs else None


def _signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


class _Apps:
    """The secrets of merchants' own apps, each with its merchants; read now and then."""

    def __init__(self) -> None:
        self._apps: tuple[tuple[str, frozenset[UUID]], ...] = ()
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def known(self) -> tuple[tuple[str, frozenset[UUID]], ...]:
        if time.monotonic() - self._read_at > FRESH:
            self._read()
        return self._apps

    def read_again(self) -> bool:
        """Whether the list was old enough to be read anew, and was."""
        if time.monotonic() - self._read_at < AT_ONCE:
            return False
        self._read()
        return True

    def forget(self) -> None:
        """The next webhook reads the list anew."""
        self._read_at = float("-inf")

    def _read(self) -> None:
        # One thread reads; the others go on with what is known.
        if not self._reading.acquire(blocking=self._read_at == float("-inf")):
            return
        try:
            if time.monotonic() - self._read_at >= AT_ONCE:
                self._apps = _from_database()
                self._read_at = time.monotonic()
        except SQLAlchemyError as error:
            log.warning("secrets of merchants' apps not read: %s", type(error).__name__)
            self._read_at = time.monotonic() - FRESH + AT_ONCE  # soon, not at every webhook
        finally:
            self._reading.release()


def _from_database() -> tuple[tuple[str, frozenset[UUID]], ...]:
    own = select(Channel).where(
        Channel.sealed_app_secret.is_not(None), Channel.proven_at.is_not(None)
    )
    found: dict[str, set[UUID]] = {}
    with db.house() as house:
        for channel in house.scalars(own):
            try:
                found.setdefault(channel.app_secret, set()).add(channel.merchant_id)
            except InvalidTag:
                log.error("the app secret of number %s cannot be opened", channel.id)
    return tuple((secret, frozenset(who)) for secret, who in found.items())


_apps = _Apps()
forget = _apps.forget

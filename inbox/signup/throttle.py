"""How often one address may try to open accounts."""

from __future__ import annotations

import logging
from datetime import timedelta

import redis

from flows import outbox
from flows.errors import N_, Refused

log = logging.getLogger(__name__)

TRIES = 20
SPAN = timedelta(hours=1)


class TooMany(Refused):
    """Too many forms came from one address; the door opens again by itself."""

    status = 429


def count(address: str) -> None:
    """One more try of this address; Refused when it was one too many.

    Without Redis nobody is refused: the account's rows are what counts.
    """
    key, counter = f"sign-ups:{address}", outbox.connection()
    try:
        tries = counter.incr(key)
        if tries == 1:
            counter.expire(key, SPAN)
        wait = counter.ttl(key)
    except redis.RedisError as error:
        log.warning("a sign-up was not counted: %s", error)
        return
    if tries > TRIES:
        raise TooMany(
            "too_many",
            N_("Too many accounts from here. Try again in {minutes} min."),
            minutes=max(1, -(-int(wait) // 60)),
        )

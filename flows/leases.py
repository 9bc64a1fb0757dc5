"""Work that lasts is leased for seconds and renewed: what a dead worker held is free soon after."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import InstrumentedAttribute

from models import db
from models.types import utcnow

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=25)
"""With a sweep and a worker's start on top, what a dead worker held goes on in half a minute."""
RENEWED_EVERY = 8.0


@contextmanager
def renewed(
    merchant_id: UUID, until: InstrumentedAttribute[Any], ids: Sequence[UUID]
) -> Iterator[None]:
    """While the block runs, `until` of these rows stays ahead of now; rows whose lease was given
    back or has run out are left alone. A process that dies or stands still renews nothing."""
    if not ids:
        yield
        return
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(over, merchant_id, until, ids), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _keep(
    over: threading.Event,
    merchant_id: UUID,
    until: InstrumentedAttribute[Any],
    ids: Sequence[UUID],
) -> None:
    while not over.wait(RENEWED_EVERY):
        now = utcnow()
        try:
            with db.merchant(merchant_id) as session:
                session.execute(_renewal(until, ids, now))
        except Exception:
            # The work itself goes on, and whoever takes it over meanwhile concludes first.
            log.exception("a lease was not renewed")


def _renewal(until: InstrumentedAttribute[Any], ids: Sequence[UUID], now: datetime) -> Any:
    table = until.class_
    held = update(table).where(table.id.in_(ids), until > now)
    return held.values({until: now + LEASE}).execution_options(synchronize_session=False)

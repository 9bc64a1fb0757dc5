"""Files that customers sent are fetched."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from bot import media
from bot.jobs.shifts import pool, work_off
from flows import crashpoints, leases, outbox
from flows import media as incoming
from models import db
from models.message import Media


def fetch_media(lane: str) -> None:
    """Every file that customers sent this merchant has been fetched, or says why not."""
    work_off(lane, partial(_fetch_some, outbox.merchant_of(lane)))


def _fetch_some(merchant_id: UUID) -> int:
    with db.merchant(merchant_id):
        errands = incoming.claim()
    if errands:
        crashpoints.reached("media.claimed")
    with leases.renewed(merchant_id, Media.lease_until, [errand.media_id for errand in errands]):
        for errand, ending in zip(errands, pool().map(media.fetch, errands), strict=True):
            crashpoints.reached("media.fetched")
            with db.merchant(merchant_id):
                incoming.conclude(errand, ending)
    return len(errands)

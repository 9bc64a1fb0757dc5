"""What merchants ask of Meta about their numbers."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from bot import desk, numbers
from bot.jobs.shifts import DELIVER, work_off
from flows import channels, crashpoints, leases, outbox
from models import db
from models.errand import Errand


def run_errands(lane: str) -> None:
    """Everything this merchant asks of Meta about its numbers has been asked, or says why not."""
    some = partial(_run_some, outbox.merchant_of(lane))
    desk.aside(DELIVER, partial(work_off, lane, some))


def _run_some(merchant_id: UUID) -> int:
    with db.merchant(merchant_id):
        taken = channels.claim()
    with leases.renewed(merchant_id, Errand.lease_until, [task.errand_id for task in taken]):
        for task in taken:
            done = numbers.carry_out(task)
            crashpoints.reached("errand.asked")
            with db.merchant(merchant_id):
                channels.conclude(task, done)
    return len(taken)

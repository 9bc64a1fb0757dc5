"""Templates: what Meta has is read, what people wrote is taken to Meta."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from bot import desk, submissions
from bot.jobs.shifts import DELIVER, work_off
from flows import crashpoints, leases, outbox, templates
from models import db
from models.template import MessageTemplate


def sync_templates(lane: str) -> None:
    """The templates of this channel's account are here as Meta has them now, if that was due."""
    desk.aside(DELIVER, partial(_sync, lane))


def _sync(lane: str) -> None:
    outbox.looking(lane)
    merchant_id, channel_id = outbox.lane_of(lane)
    with db.merchant(merchant_id):
        account = templates.take(channel_id)
    if account is None:
        return
    found = submissions.whole_list(account.waba_id, account.token)
    with db.merchant(merchant_id):
        templates.keep_listed(account, found)


def submit_templates(lane: str) -> None:
    """Every draft of this merchant that is due has been taken to Meta, or says why not."""
    some = partial(_submit_some, outbox.merchant_of(lane))
    desk.aside(DELIVER, partial(work_off, lane, some))


def _submit_some(merchant_id: UUID) -> int:
    with db.merchant(merchant_id):
        taken = templates.claim()
    ids = [submission.template_id for submission in taken]
    with leases.renewed(merchant_id, MessageTemplate.lease_until, ids):
        for submission in taken:
            outcome = submissions.submit(submission)
            crashpoints.reached("draft.taken")
            with db.merchant(merchant_id):
                templates.conclude(submission, outcome)
    return len(taken)

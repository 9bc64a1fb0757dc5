"""What could not leave at once is looked at anew before it does: it may no longer fit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.orm import aliased, joinedload

from flows import consents, hours, live, outbox, silence, templates
from models import db
from models.automation import Run
from models.conversation import Conversation
from models.customer import WhatsAppIdentity
from models.message import Message, Sending
from models.template import MessageTemplate
from models.timeline import Entry
from models.types import utcnow

_Found = TypeVar("_Found", Run, MessageTemplate)

FRESH = timedelta(minutes=1)
"""Until then a message leaves as it was meant; one that was tried before is always looked at."""
WENT = (Sending.CLAIMED, Sending.ACCEPTED, Sending.UNCERTAIN)


def is_late(message: Message | Row[Any], now: datetime) -> bool:
    """Whether it did not leave at once: the world may have changed."""
    return message.attempt > 0 or now - message.created_at > FRESH


def keep_back(ids: Sequence[UUID]) -> set[UUID]:
    """Those of these late messages, locked, that do not leave now.

    They wait for the end of the night, are held with their template or have failed with it, or are
    discarded and their runs Cancelled: the order has gone, the customer is blocked, took their
    consent back.
    """
    if not ids:
        return set()
    talk = joinedload(Message.conversation).joinedload(Conversation.identity)
    wanted = select(Message).where(Message.id.in_(ids)).order_by(Message.due_at, Message.seq)
    late = db.session().scalars(wanted.options(talk.joinedload(WhatsAppIdentity.customer))).all()
    runs = _by_id(Run, {message.run_id for message in late})
    templates_ = _by_id(MessageTemplate, {message.template_id for message in late})
    for template in templates_.values():
        if template.may_return:  # whoever approves it lets go what is held, and must see this
            db.session().refresh(template, with_for_update={"key_share": True})
    with silence.listening(late):
        return {
            message.id
            for message in late
            if _keep_back(message, runs.get(message.run_id), templates_.get(message.template_id))
        }


def _by_id(of: type[_Found], ids: set[UUID | None]) -> dict[UUID | None, _Found]:
    """In one query for all of them."""
    wanted = ids - {None}
    if not wanted:
        return {}
    return {row.id: row for row in db.session().scalars(select(of).where(of.id.in_(wanted)))}


def has_another_way(message: Message) -> bool:
    """Whether its automation has a plan of its own for a template that Meta has paused."""
    wanted = select(Run).where(Run.id == message.run_id)
    run = db.session().scalars(wanted).first() if message.run_id else None
    return _has_plan(run)


def _has_plan(run: Run | None) -> bool:
    deed = run.automation.on_failure.get("template_paused") if run else None
    return deed is not None and deed.get("do") not in (None, "nothing")


def put_off(message: Message, until: datetime) -> None:
    """It waits so long; the next ones of its conversation do not wait for it."""
    message.sending, message.due_at = Sending.WAITING, until


def _keep_back(message: Message, run: Run | None, template: MessageTemplate | None) -> bool:
    # Queued after an attempt: a person wants it to leave, wherever the order is, by day or night.
    asked_for = message.sending is Sending.QUEUED and message.attempt > 0
    its_own_wish = None if asked_for else run
    if why := _unwanted(message, template, run) or _outlived(its_own_wish):
        _discard(message, run, why)
    elif template is not None and template.may_return and not _has_plan(run):
        templates.hold(message)
    elif template is not None and not template.approved:
        message.sending, message.failed_at, message.due_at = Sending.FAILED, utcnow(), None
        message.error_code, message.error_detail = None, None
        message.reason = templates.why_not(template)
    elif its_own_wish and (by_day := hours.due_after(its_own_wish.automation, utcnow(), 0)) > (
        utcnow()
    ):
        put_off(message, by_day)
    else:
        return False
    live.changed(f"conversation:{message.conversation_id}", "runs", "troubles")
    return True


def _unwanted(message: Message, template: MessageTemplate | None, run: Run | None) -> str | None:
    """Why the customer is not to have it, whoever wrote it."""
    identity = message.conversation.identity
    customer = run.order.customer if run else identity.customer
    if any(card and card.blocked_at for card in (customer, identity.customer)):
        return "blocked"
    category = template.category if template else message.category
    if category == "marketing" and not consents.may_advertise(customer, identity):
        return "no_consent"
    return None


def _outlived(run: Run | None) -> str | None:
    """Why the automation does not want it any more."""
    if run is None:
        return None
    if _has_left(run):
        return "left_stage"
    return None if run.automation.active else "switched_off"


def _has_left(run: Run) -> bool:
    """Whether the order is on another stage, or has come to this one anew."""
    session, newer = db.session(), aliased(Run)
    came_back = select(newer.id).where(
        newer.order_id == run.order_id,
        newer.automation_id == run.automation_id,
        newer.created_at > run.created_at,
    )
    entry = session.get_one(Entry, (run.merchant_id, run.entry_id))
    gone = run.order.stage_id != entry.to_stage_id
    return gone or session.scalar(came_back.limit(1)) is not None


def _discard(message: Message, run: Run | None, why: str) -> None:
    message.sending, message.due_at, message.reason = Sending.DISCARDED, None, why
    if run is None:
        return
    db.session().refresh(run, with_for_update={"key_share": True, "of": Run})
    went = _last_that_went(run)
    if went is not None:
        _return_to(run, went)
    elif run.cancelled_at is None:
        run.cancelled_at, run.cancel_reason = utcnow(), why
        run.due_at = run.timeout_at = None


def _last_that_went(run: Run) -> Message | None:
    mine = select(Message).where(Message.run_id == run.id, Message.sending.in_(WENT))
    return db.session().scalars(mine.order_by(Message.seq.desc()).limit(1)).first()


def _return_to(run: Run, went: Message) -> None:
    """A re-send that never left: the question before it is the last, and its time is up."""
    run.message = went
    if run.replied_at is None and run.expired_at is None and run.automation.timeout is not None:
        run.timeout_at = utcnow()
        outbox.wake("timers")

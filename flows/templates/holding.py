"""Messages of a template that Meta has paused or looks at: held as long as it may come back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, cast, exists, func, update

from flows import live, outbox
from models import db
from models.automation import Automation, Run
from models.message import Message, Sending
from models.template import MessageTemplate
from models.types import Instant, utcnow

REASON = "template_paused"


def settle(template: MessageTemplate) -> None:
    """Called after every change of its state: what waits is held, or what was held is let go."""
    if template.may_return:
        _hold_all(template)
    else:
        _release(template)


def hold(message: Message) -> None:
    """It leaves when its template comes back, and fails when that never does."""
    message.sending, message.reason, message.due_at = Sending.HELD, REASON, None


def why_not(template: MessageTemplate | None) -> str:
    """The reason, in flows.verdicts, of a message whose template cannot be sent."""
    if template is not None and template.may_return:
        return REASON
    disabled = template is not None and template.state == "disabled"
    return "template_disabled" if disabled else "template_missing"


def _hold_all(template: MessageTemplate) -> None:
    """What waits to leave with it is held, but for what an automation has another plan for."""
    plan = Automation.on_failure[REASON]["do"].astext
    planned = exists().where(
        Run.merchant_id == Message.merchant_id,
        Run.id == Message.run_id,
        Automation.merchant_id == Run.merchant_id,
        Automation.id == Run.automation_id,
        plan != "nothing",
    )
    waiting = Message.sending.in_((Sending.QUEUED, Sending.WAITING))
    _move(template, waiting & ~planned, sending=Sending.HELD, reason=REASON)


def _release(template: MessageTemplate) -> None:
    """What was held with it is looked at anew: it leaves, or fails with what became of it."""
    now = cast(utcnow(), Instant)
    due_at = func.greatest(Message.due_at, now)
    held = Message.sending == Sending.HELD
    told = {"tries": 0, "tried_since": None}
    for channel_id in _move(template, held, sending=Sending.WAITING, due_at=due_at, **told):
        outbox.deliver(channel_id)


def _move(template: MessageTemplate, which: ColumnElement[bool], **values: Any) -> set[UUID]:
    """The numbers whose messages were changed."""
    moved = (
        update(Message)
        .where(Message.template_id == template.id, which)
        .values(**values)
        .returning(Message.channel_id, Message.conversation_id)
        .execution_options(synchronize_session=False)
    )
    rows = db.session().execute(moved).all()
    if rows:
        live.changed("inbox", "runs", *{f"conversation:{row.conversation_id}" for row in rows})
    return {row.channel_id for row in rows}

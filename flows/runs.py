"""One automation for one order: started when the order enters the stage, then looked back at."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload, selectinload

from flows import live, messages, templates
from flows.errors import N_, Refused
from models import db
from models.automation import Automation, Run, RunState
from models.conversation import Conversation
from models.message import RANKS, Message, Origin, Sending
from models.order import Order
from models.template import MessageTemplate
from models.timeline import AUTOMATION, Entry
from models.types import new_id, utcnow

log = logging.getLogger(__name__)

PAGE = 50
LONGEST = 300
"""How many rows a screen may ask again at once, however far somebody has scrolled."""

Place = tuple[datetime, UUID]
"""Where a run stands in the list: (created_at, id)."""

# Why nothing was queued, for people; what Meta refused afterwards is told by flows.verdicts.
FAILURES: dict[str, str] = {
    "no_conversation": N_("The order comes from no conversation: there is nobody to write to."),
    "missing_variable": N_("The order does not say: {missing}."),
    "template_state": N_("WhatsApp has not approved this template, or took it back."),
    "template_account": N_("This template belongs to another WhatsApp account."),
    "template_unsupported": N_("This template needs a picture, a file or a special button."),
    "internal": N_("Something went wrong on our side. The order moved on; the message did not."),
}


# --- starting -------------------------------------------------------------------------------------


def start(order: Order, entry: Entry) -> None:
    """Every active automation of the stage that `entry` entered has run once for the order.

    One that cannot send is a failed Run that people see: the order moves on all the same.
    """
    wanted = (
        select(Automation)
        .where(Automation.stage_id == entry.to_stage_id, Automation.active)
        .options(selectinload(Automation.buttons), joinedload(Automation.template))
        .order_by(Automation.created_at, Automation.id)
    )
    for automation in db.session().scalars(wanted).all():
        run = _begin(automation, order, entry)
        if run is not None:
            _try(run, order)


def _begin(automation: Automation, order: Order, entry: Entry) -> Run | None:
    """The Run, or None when the unique key says that this automation has already had its turn."""
    session = db.session()
    run_id = session.scalar(
        insert(Run)
        .values(
            merchant_id=session.merchant_id,
            id=new_id(),
            automation_id=automation.id,
            order_id=order.id,
            entry_id=entry.id,
            trigger=entry.id if automation.retrigger else order.id,
            created_at=utcnow(),
        )
        .on_conflict_do_nothing()
        .returning(Run.id)
    )
    return session.get(Run, (session.merchant_id, run_id)) if run_id else None


def _try(run: Run, order: Order) -> None:
    try:
        with db.savepoint():
            run.message = _queue(run, order)
    except Refused as no:
        _fail(run, no.code, ", ".join(no.facts.get("missing", ())))
    except OperationalError:
        raise  # a lost connection or a deadlock: nothing of this transaction stands
    except Exception:
        # The order must move on, whatever is wrong with a message.
        log.exception("automation %s failed for order %s", run.automation_id, order.number)
        _fail(run, "internal", "")
    live.changed("runs")


def _queue(run: Run, order: Order) -> Message:
    automation = run.automation
    conversation = order.conversation
    if conversation is None:
        raise Refused("no_conversation", FAILURES["no_conversation"])
    template = _of_account(automation.template, conversation)
    templates.check_sendable(template)
    values = templates.fill(template, automation.variables, order)
    return messages.queue_template(
        conversation,
        template,
        values,
        origin=Origin.AUTOMATION,
        order=order,
        payloads={tap.index: payload(run, tap.index) for tap in templates.taps(template)},
    )


def _of_account(template: MessageTemplate, conversation: Conversation) -> MessageTemplate:
    """The same template in the account of the number the customer writes to."""
    account = conversation.channel.waba_id
    if template.waba_id == account:
        return template
    twin = select(MessageTemplate).where(
        MessageTemplate.waba_id == account,
        MessageTemplate.name == template.name,
        MessageTemplate.language == template.language,
    )
    return db.session().scalar(twin) or template


def _fail(run: Run, code: str, detail: str) -> None:
    run.failure, run.detail = code, detail or None
    db.session().add(
        Entry(
            order_id=run.order_id,
            kind="automation_failed",
            actor=AUTOMATION.actor,
            facts={"automation": run.automation.name, "code": code, "detail": detail},
        )
    )


# --- what a button carries ------------------------------------------------------------------------

_PAYLOAD = re.compile(r"w1\.([0-9a-f]{32})\.(\d{1,2})")


def payload(run: Run, index: int) -> str:
    """What Meta hands back when the customer taps the n-th button of this run's message."""
    return f"w1.{run.id.hex}.{index}"


def read_payload(text: str | None) -> tuple[UUID, int] | None:
    """The run and the button of a payload we wrote; None for anybody else's."""
    found = _PAYLOAD.fullmatch(text or "")
    return (UUID(found[1]), int(found[2])) if found else None


# --- looking back ---------------------------------------------------------------------------------


def listed(
    *,
    state: RunState | None = None,
    automation_id: UUID | None = None,
    before: Place | None = None,
    until: Place | None = None,
    limit: int = PAGE,
) -> Sequence[Run]:
    """Runs newest first, with all a page shows of them.

    `before`: those below this place; `until`: all down to it, as far as one answer may go.
    """
    wanted = (
        select(Run)
        .outerjoin(Run.message)
        .options(
            joinedload(Run.automation),
            joinedload(Run.order).joinedload(Order.customer),
            joinedload(Run.message),
        )
        .order_by(Run.created_at.desc(), Run.id.desc())
        .limit(limit if until is None else LONGEST)
    )
    if state is not None:
        wanted = wanted.where(seen_as() == state.value)
    if automation_id is not None:
        wanted = wanted.where(Run.automation_id == automation_id)
    if before is not None:
        wanted = wanted.where(tuple_(Run.created_at, Run.id) < before)
    if until is not None:
        wanted = wanted.where(tuple_(Run.created_at, Run.id) >= until)
    return db.session().scalars(wanted).all()


def of_order(order: Order) -> Sequence[Run]:
    """What automations did for one order, oldest first."""
    wanted = select(Run).where(Run.order_id == order.id).order_by(Run.created_at, Run.id)
    loaded = wanted.options(joinedload(Run.automation), joinedload(Run.message))
    return db.session().scalars(loaded).all()


def counts() -> dict[UUID, int]:
    """How often each automation has run."""
    counted = select(Run.automation_id, func.count()).group_by(Run.automation_id)
    return {row[0]: row[1] for row in db.session().execute(counted)}


def seen_as() -> ColumnElement[str]:
    """Run.state in SQL; a test holds the two together."""
    return case(
        (Run.failure.is_not(None), RunState.FAILED.value),
        (Run.replied_at.is_not(None), RunState.REPLIED.value),
        (Message.rank >= RANKS["delivered"], RunState.DELIVERED.value),
        (Message.failed_at.is_not(None), RunState.FAILED.value),
        (Message.sending == Sending.FAILED, RunState.FAILED.value),
        (
            or_(Run.message_id.is_(None), Message.sending == Sending.DISCARDED),
            RunState.CANCELLED.value,
        ),
        (
            or_(
                Message.sending == Sending.ACCEPTED,
                and_(Message.id.is_not(None), Message.sending.is_(None)),
            ),
            RunState.SENT.value,
        ),
        else_=RunState.SCHEDULED.value,
    )

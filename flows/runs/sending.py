"""A run's message: whether it still makes sense, then its template filled, with our buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from flows import consents, counters, messages, templates
from flows.errors import Refused
from flows.runs.payloads import leads, payload
from flows.runs.words import CANCELLATIONS
from models import db
from models.automation import Run
from models.conversation import Conversation
from models.message import Origin
from models.template import MessageTemplate
from models.timeline import Entry


def send(
    run: Run,
    talk: Conversation,
    *,
    template: MessageTemplate | None = None,
    variables: Mapping[str, Any] | None = None,
) -> None:
    """The run's message, with its template or another, is on its way in `talk`.

    Refused with a code of CANCELLATIONS when it makes no sense any more, with one of FAILURES when
    it cannot be written. Hold the order before.
    """
    automation, order = run.automation, run.order
    template = _of_account(template or automation.template, talk)
    check_wanted(run)
    _check_welcome(run, talk, template)
    templates.check_sendable(template, by_itself=True)
    mapping = automation.variables if variables is None else variables
    before = run.message
    run.message = messages.queue_template(
        talk,
        template,
        templates.fill(template, mapping, order),
        origin=Origin.AUTOMATION,
        order=order,
        payloads={tap.index: payload(run, tap.index) for tap in templates.taps(template)},
        run_id=run.id,
    )
    if before is not None and before.troubled:
        before.settle()  # this one stands in its place
    # What a button means is settled now, whatever the merchant changes before it is tapped.
    run.message.payload = run.message.payload | {"leads": leads(automation, template)}
    run.sent_count = (run.sent_count or 0) + 1
    counters.count_when_true("stage_automations_total", "queued")
    run.due_at = run.timeout_at = None
    order.conversation = order.conversation or talk


def check_wanted(run: Run) -> None:
    """Refused when the order has gone, the automation is off or the customer is blocked."""
    for code, holds in _UNWANTED.items():
        if holds(run):
            raise Refused(code, CANCELLATIONS[code])


def has_left(run: Run) -> bool:
    """Whether the order has gone from the stage the run is about, or has come to it anew."""
    if run.order.stage_id != trigger_of(run).to_stage_id:
        return True
    newer = aliased(Run)
    came_back = select(newer.id).where(
        newer.order_id == run.order_id,
        newer.automation_id == run.automation_id,
        newer.created_at > run.created_at,
    )
    return db.session().scalar(came_back.limit(1)) is not None


def trigger_of(run: Run) -> Entry:
    """How the order came to the stage: who brought it, from where, when."""
    return db.session().get_one(Entry, (run.merchant_id, run.entry_id))


_UNWANTED: dict[str, Callable[[Run], bool]] = {
    "left_stage": has_left,
    "switched_off": lambda run: not run.automation.active,
    "blocked": lambda run: run.order.customer.blocked_at is not None,
}


def _check_welcome(run: Run, talk: Conversation, template: MessageTemplate) -> None:
    card = talk.identity.customer
    if card is not None and card.blocked_at is not None:
        raise Refused("blocked", CANCELLATIONS["blocked"])
    if template.category != "marketing":
        return
    if not consents.may_advertise(run.order.customer, talk.identity):
        raise Refused("no_consent", CANCELLATIONS["no_consent"])


def _of_account(template: MessageTemplate, talk: Conversation) -> MessageTemplate:
    """The same template in the account of the number the customer is written from."""
    account = talk.channel.waba_id
    if template.waba_id == account:
        return template
    twin = select(MessageTemplate).where(
        MessageTemplate.waba_id == account,
        MessageTemplate.name == template.name,
        MessageTemplate.language == template.language,
    )
    return db.session().scalar(twin) or template

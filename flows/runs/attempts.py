"""One try to send: on its way, given up, or failed, and then what the merchant chose for that."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from rq.timeouts import BaseTimeoutException
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from flows import counters, hours, live, messages, notifications
from flows.errors import Refused
from flows.runs.addressing import reach
from flows.runs.sending import has_left, send
from flows.runs.words import CANCELLATIONS
from models import db
from models.automation import Run
from models.message import Message
from models.template import MessageTemplate
from models.timeline import AUTOMATION, Entry
from models.types import utcnow

log = logging.getLogger(__name__)

# What a merchant decides by: Meta's codes, and ours where nothing reached Meta. The rest: other.
CAUSES: dict[int | str | None, str] = {
    131026: "not_on_whatsapp",
    "no_phone": "not_on_whatsapp",
    131049: "marketing_limit",
    130472: "marketing_limit",
    132015: "template_paused",
    132016: "template_paused",
    "template_state": "template_paused",
    "template_paused": "template_paused",
    "template_disabled": "template_paused",
    "template_missing": "template_paused",
}
EXPERIMENT = 130472
MOST_WAITS = 3
"""How often a run waits and tries anew before a person has to look."""
LEAST_HOURS = 24
"""Meta's rule for advertising it holds back: tried once more, after a day; never in its experiment
(its page "Per-user marketing template message limits")."""


def attempt(run: Run) -> None:
    """The run's message is on its way, or the run says why not; the order moves on all the same."""
    try:
        with db.savepoint():
            send(run, reach(run.automation, run.order))
    except Refused as no:
        if no.code in CANCELLATIONS:
            give_up(run, no.code)
        else:
            fail(run, no.code, ", ".join(no.facts.get("missing", ())))
    except (OperationalError, BaseTimeoutException):
        raise  # a lost connection, a deadlock, no time left: nothing of this transaction stands
    except Exception:
        # The order must move on, whatever is wrong with a message.
        log.exception("automation %s failed for order %s", run.automation_id, run.order.number)
        fail(run, "internal", "")
    live.changed("runs", f"order:{run.order.number}")


def give_up(run: Run, reason: str) -> None:
    """Nothing (more) is sent; `reason` is a key of CANCELLATIONS."""
    run.cancelled_at, run.cancel_reason = utcnow(), reason
    run.due_at = run.timeout_at = None
    if reason == "left_stage" and not run.sent_count:
        run.trigger = run.id  # frees the unique key: it has not had its turn
    live.changed("runs")


# --- failing --------------------------------------------------------------------------------------


def fail(run: Run, code: str, detail: str) -> None:
    """Nothing could be queued, and what the merchant chose for that is done."""
    run.failure, run.detail = code, detail or None
    counters.count_when_true("stage_automations_total", "failed")
    run.due_at = run.timeout_at = None
    run.unsettle()
    live.changed("troubles")
    _face(run, CAUSES.get(code, "other"), {"code": code, "detail": detail})


def fail_with(run: Run, message: Message) -> None:
    """Meta refused the run's message for good, and what the merchant chose for that is done, once.

    Meta may tell of one failure several times.
    """
    run.timeout_at = None
    if run.due_at is not None or _is_faced(run, message):
        return
    counters.count_when_true("stage_automations_total", "failed")
    said = {"code": message.reason or "unknown_error", "detail": message.error_detail or ""}
    cause = CAUSES.get(message.error_code or message.reason, "other")
    _face(run, cause, said | {"message": str(message.id), "error": message.error_code})


def doubt(run: Run, message: Message) -> None:
    """Nobody knows whether the run's message left; it never goes again by itself: people look."""
    run.timeout_at = None
    facts = {"automation": run.automation.name}
    _write(run, "automation_uncertain", facts | {"run": str(run.id), "message": str(message.id)})
    if not has_left(run):
        run.order.raise_flag("review")
        told = facts | {"what": "uncertain"}
        notifications.tell("failed_action", order=run.order, run=run, facts=told)
    live.changed("runs", f"order:{run.order.number}", f"stage:{run.order.stage_id}")


def _is_faced(run: Run, message: Message) -> bool:
    faced = _failures(run).where(Entry.facts["message"].astext == str(message.id))
    return bool(db.session().scalar(faced))


def _failures(run: Run) -> Any:
    return select(func.count()).where(
        Entry.order_id == run.order_id,
        Entry.kind == "automation_failed",
        Entry.facts["run"].astext == str(run.id),
    )


def _face(run: Run, cause: str, said: Mapping[str, Any]) -> None:
    """The deed for this cause, a line on the timeline; where nothing more is tried, the bell."""
    gone = has_left(run)
    deed = {} if gone else run.automation.on_failure.get(cause) or {}
    done = DEEDS.get(str(deed.get("do")), _do_nothing)(run, deed)
    facts = {"automation": run.automation.name, "run": str(run.id), "cause": cause}
    _write(run, "automation_failed", facts | dict(said) | done)
    if not gone and done["deed"] in ("call", "nothing"):
        run.order.raise_flag("action_failed")
        told = {"automation": run.automation.name, "code": said["code"]}
        notifications.tell("failed_action", order=run.order, run=run, facts=told)
    live.changed("runs", f"order:{run.order.number}", f"stage:{run.order.stage_id}")


def _write(run: Run, kind: str, facts: Mapping[str, Any]) -> None:
    entry = Entry(order_id=run.order_id, kind=kind, actor=AUTOMATION.actor, facts=dict(facts))
    db.session().add(entry)


# --- what the merchant chose ----------------------------------------------------------------------

Done = dict[str, Any]
"""What was done in the end ("deed"), for the timeline: a deed that cannot be done is nothing."""


def _do_nothing(run: Run, deed: Mapping[str, Any]) -> Done:
    return {"deed": "nothing"}


def _wait(run: Run, deed: Mapping[str, Any]) -> Done:
    """Try the same message once more in so many hours."""
    held_back = CAUSES.get(_code(run)) == "marketing_limit"
    if not _may_try_anew(run, held_back=held_back):
        return {"deed": "nothing"}
    span = max(float(deed.get("hours") or 24), LEAST_HOURS if held_back else 0)
    run.due_at = hours.due_after(run.automation, utcnow(), 3600 * span)
    run.failure = run.detail = None
    if run.message is not None and run.message.troubled:
        run.message.settle()  # nobody has to look: it is written anew by itself
    return {"deed": "wait", "until": run.due_at.isoformat()}


def _may_try_anew(run: Run, *, held_back: bool) -> bool:
    waited = db.session().scalar(_failures(run).where(Entry.facts["deed"].astext == "wait")) or 0
    if not held_back or run.message is None:
        return waited < MOST_WAITS
    # Refused twice, the message itself has waited its day already.
    return waited == 0 and run.message.attempt < 2 and _code(run) != EXPERIMENT


def _code(run: Run) -> int | None:
    return run.message.error_code if run.message else None


def _send_other(run: Run, deed: Mapping[str, Any]) -> Done:
    """Say it with another template, once."""
    template = template_of(deed)
    if template is None or _was_sent(run, template):
        return {"deed": "nothing"}
    try:
        with db.savepoint():
            talk = run.message.conversation if run.message else reach(run.automation, run.order)
            send(run, talk, template=template, variables=deed.get("variables") or {})
    except Refused as no:
        return {"deed": "nothing", "template": template.name, "refused": no.code}
    except (OperationalError, BaseTimeoutException):
        raise
    except Exception:
        # Or its timer would be found, and fail, every two seconds for ever.
        log.exception("automation %s could not send its other template", run.automation_id)
        return {"deed": "nothing", "template": template.name, "refused": "internal"}
    _wait_for_day(run)
    run.failure = run.detail = None
    return {"deed": "template", "template": template.name}


def _wait_for_day(run: Run) -> None:
    by_day = hours.due_after(run.automation, utcnow(), 0)
    if run.message is not None and by_day > utcnow():
        messages.put_off(run.message, by_day)


def template_of(deed: Mapping[str, Any]) -> MessageTemplate | None:
    """The other template a deed sends; None for other deeds, and when it is gone."""
    template_id = deed.get("template_id")
    if template_id is None:
        return None
    wanted = select(MessageTemplate).where(MessageTemplate.id == UUID(str(template_id)))
    return db.session().scalars(wanted).first()


def _was_sent(run: Run, template: MessageTemplate) -> bool:
    same = select(MessageTemplate.id).where(
        MessageTemplate.name == template.name, MessageTemplate.language == template.language
    )
    sent = select(Message.id).where(Message.run_id == run.id, Message.template_id.in_(same))
    return db.session().scalar(sent.limit(1)) is not None


def _ask_to_call(run: Run, deed: Mapping[str, Any]) -> Done:
    """The call centre has the order in its queue from now on."""
    run.order.call_due_at = utcnow()
    _write(run, "call_asked", {"automation": run.automation.name, "run": str(run.id)})
    live.changed("calls")
    return {"deed": "call"}


DEEDS: dict[str, Callable[[Run, Mapping[str, Any]], Done]] = {
    "wait": _wait,
    "template": _send_other,
    "call": _ask_to_call,
    "nothing": _do_nothing,
}

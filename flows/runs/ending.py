"""Nobody answered in time: ask again as often as the automation says, then the order falls back."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from rq.timeouts import BaseTimeoutException
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from flows import conversations, counters, live, notifications, pipeline
from flows.errors import Refused
from flows.runs.attempts import fail, template_of
from flows.runs.sending import has_left, send
from models import db
from models.automation import Run
from models.message import Message, Sending
from models.pipeline import Stage
from models.template import MessageTemplate
from models.timeline import AUTOMATION, Actor, Entry
from models.types import utcnow

log = logging.getLogger(__name__)

MOST_MOVES = 5
WITHIN = timedelta(hours=1)
"""The loop guard (R70): automations move one order so often in so long, and then people look."""


def resends_left(run: Run) -> bool:
    """Whether the automation asks once more; what never left does not count."""
    asked = select(func.count()).where(
        Message.run_id == run.id, Message.sending == Sending.ACCEPTED, Message.failed_at.is_(None)
    )
    return (db.session().scalar(asked) or 0) <= run.automation.resends


def ask_again(run: Run, now: datetime) -> None:
    """The same question once more; where it may not be asked any more, its time is up."""
    if has_left(run) or run.message is None or not run.automation.active:
        run.due_at = run.timeout_at = None
        return
    try:
        with db.savepoint():
            send(run, run.message.conversation, **_same_words(run))
    except Refused:
        expire(run, now)
    except (OperationalError, BaseTimeoutException):
        raise  # a lost connection, a deadlock, no time left: a later round finds this timer again
    except Exception:
        log.exception("automation %s could not ask again", run.automation_id)
        fail(run, "internal", "")


def _same_words(run: Run) -> dict[str, Any]:
    """The other template when that was sent last, with its variables; else the automation's."""
    for deed in run.automation.on_failure.values():
        other = template_of(deed)
        if other is not None and run.message is not None and _says(run.message, other):
            return {"template": other, "variables": deed.get("variables") or {}}
    return {}


def _says(message: Message, template: MessageTemplate) -> bool:
    sent = (message.payload.get("name"), message.payload.get("language"))
    return sent == (template.name, template.language)


def expire(run: Run, now: datetime) -> None:
    """The run is Expired since its time was up, and the order on the fallback stage.

    A move that is refused, or that would be one too many, is for people to look at.
    """
    run.expired_at = run.timeout_at or now
    counters.count_when_true("stage_automations_total", "expired")
    run.due_at = run.timeout_at = None
    db.session().flush()  # what the move starts must see that this run has ended
    fallback = run.automation.fallback_stage
    if fallback is None:
        _note(run, "unanswered", {})
    elif _turns_in_circles(run):
        _leave_to_people(run, "loop_stopped", {"to": fallback.name, "moves": MOST_MOVES})
    else:
        _fall_back(run, fallback)


def _fall_back(run: Run, stage: Stage) -> None:
    because = {"run": str(run.id), "automation": run.automation.name, "expired": True}
    try:
        with db.savepoint():
            pipeline.move(run.order, stage, by=AUTOMATION, because=because)
    except Refused as no:
        _leave_to_people(run, "fallback_refused", {"to": stage.name, "code": no.code})
    except (OperationalError, BaseTimeoutException):
        raise  # a lost connection, a deadlock, no time left: a later round finds this timer again
    except Exception:
        # Or it would be found, and fail, every two seconds for ever.
        log.exception("order %s could not fall back", run.order.number)
        _leave_to_people(run, "fallback_refused", {"to": stage.name, "code": "internal"})


def _turns_in_circles(run: Run) -> bool:
    moves = select(func.count()).where(
        Entry.order_id == run.order_id,
        Entry.actor == Actor.AUTOMATION,
        Entry.kind == "moved",
        Entry.at > utcnow() - WITHIN,
    )
    return (db.session().scalar(moves) or 0) >= MOST_MOVES


def _leave_to_people(run: Run, kind: str, facts: dict[str, Any]) -> None:
    order = run.order
    _note(run, kind, facts)
    if order.conversation is not None:
        told = {"number": order.number, "stage": order.stage.name} | facts
        conversations.note_activity(order.conversation, kind, told)
    order.raise_flag("review")
    told = {"automation": run.automation.name, "why": kind} | facts
    notifications.tell("review", order=order, run=run, facts=told)
    live.changed(f"order:{order.number}", f"stage:{order.stage_id}")


def _note(run: Run, kind: str, facts: dict[str, Any]) -> None:
    about = {"automation": run.automation.name, "run": str(run.id), "stage": run.order.stage.name}
    db.session().add(
        Entry(order_id=run.order_id, kind=kind, actor=AUTOMATION.actor, facts=about | facts)
    )

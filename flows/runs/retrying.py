"""A person has a failed action done once more."""

from __future__ import annotations

from flows import live, outbox, pipeline
from flows.errors import N_, Refused
from flows.runs.addressing import at_hand
from flows.runs.cancelling import hold_message
from flows.runs.history import failed_of
from flows.runs.sending import check_wanted, send
from models import db
from models.automation import Run, RunState
from models.timeline import By, Entry
from models.types import utcnow


def again(run: Run, *, by: By) -> None:
    """The failed run's message is on its way once more; the flag falls when no other has failed.

    Refused, and nothing changed: one that has not failed or was run again meanwhile, and whatever
    stops it still (left_stage, missing_variable, template_state, …).
    """
    order = run.order
    pipeline.hold(order)
    hold_message(run)  # a status may have told meanwhile that it came through
    db.session().refresh(run, with_for_update={"key_share": True, "of": Run})
    if run.state is not RunState.FAILED:
        raise Refused("not_failed", N_("This has not failed, or somebody ran it again already."))
    check_wanted(run)
    run.failure = run.detail = None
    run.unsettle()
    talk = at_hand(run.automation, order)
    if talk is not None:
        send(run, talk)
    else:
        run.due_at = utcnow()  # another conversation is opened by the timers, at once
        outbox.wake("timers")
    _note(run, by)
    db.session().flush()  # the others are looked for by SQL
    if not failed_of(order):
        order.lower_flag("action_failed")
    live.changed("runs", "troubles", f"order:{order.number}", f"stage:{order.stage_id}")


def _note(run: Run, by: By) -> None:
    db.session().add(
        Entry(
            order_id=run.order_id,
            kind="run_again",
            actor=by.actor,
            actor_id=by.member.id if by.member else None,
            facts={"automation": run.automation.name, "run": str(run.id)},
        )
    )

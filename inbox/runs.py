"""Sent messages: what automations sent, to whom, about which order, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template, request

from flows import automations, runs, templates
from flows.verdicts import REASONS
from inbox.auth import needs
from inbox.conversations.asked import read_id, read_place, write_place
from inbox.current import current
from inbox.languages import N_, gettext
from models.automation import Run, RunState
from models.message import Sending

pages = Blueprint("runs", __name__)

# state → icon, colour, word
LOOKS: dict[RunState, tuple[str, str, str]] = {
    RunState.SCHEDULED: ("clock", "gray", N_("Scheduled")),
    RunState.SENT: ("check", "blue", N_("Sent")),
    RunState.DELIVERED: ("checks", "blue", N_("Delivered")),
    RunState.REPLIED: ("reply", "green", N_("Replied")),
    RunState.EXPIRED: ("history", "orange", N_("Expired")),
    RunState.CANCELLED: ("x", "gray", N_("Cancelled")),
    RunState.FAILED: ("alert", "red", N_("Failed")),
}


@pages.get("/runs")
@needs("automations.read")
def index() -> str:
    """The newest runs, of one state, of one automation; the same down to `until`, for a screen
    that refreshes itself; those below `before`."""
    state = request.args.get("state", type=RunState)
    automation_id = read_id(request.args.get("automation"))
    before, until = (read_place(request.args.get(name)) for name in ("before", "until"))
    listed = runs.listed(state=state, automation_id=automation_id, before=before, until=until)
    facts = {
        "runs": listed,
        "asked": {"state": state, "automation": automation_id} if state or automation_id else {},
        "more": len(listed) >= runs.PAGE,
    }
    if before is not None:
        return render_template("runs/_older.html", **facts)
    if current.wants_fragment:
        return render_template("runs/_list.html" if until is None else "runs/_newest.html", **facts)
    words = {state: gettext(word) for state, (_icon, _color, word) in LOOKS.items()}
    return render_template(
        "runs/index.html", automations=automations.listed(), states=words, **facts
    )


@dataclass(frozen=True, slots=True)
class Look:
    icon: str
    color: str
    text: str
    uncertain: bool


@pages.app_template_filter("run_look")
def look(run: Run) -> Look:
    """How the run is shown; uncertain: scheduled, but Meta may have got it."""
    icon, color, word = LOOKS[run.state]
    message = run.message
    lost = message is not None and message.sending is Sending.UNCERTAIN
    uncertain = lost and run.state is RunState.SCHEDULED
    return Look("question" if uncertain else icon, color, gettext(word), uncertain)


@pages.app_template_filter("run_trouble")
def trouble(run: Run) -> tuple[str, str] | None:
    """What went wrong or keeps it waiting, and what to do about it; None when nothing did."""
    if run.failure is not None:
        missing = [gettext(templates.FACTS.get(f, f)) for f in (run.detail or "").split(", ")]
        sentence = gettext(runs.FAILURES.get(run.failure, runs.FAILURES["internal"]))
        return sentence.format(missing=", ".join(missing)), ""
    ended_well = run.state not in (RunState.FAILED, RunState.SCHEDULED)
    if ended_well or run.message is None or run.message.reason not in REASONS:
        return None
    reason = REASONS[run.message.reason]
    return gettext(reason.what), gettext(reason.advice)


@pages.app_template_filter("run_place")
def _place(run: Run) -> str:
    return write_place((run.created_at, run.id))

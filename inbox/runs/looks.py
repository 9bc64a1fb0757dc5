"""How a run is shown wherever it is shown: icon, colour, word; what went wrong and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from flows import runs, templates
from flows.verdicts import REASONS
from inbox.languages import N_, gettext
from models.automation import Run, RunState
from models.message import Sending

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


@dataclass(frozen=True, slots=True)
class Look:
    icon: str
    color: str
    text: str
    uncertain: bool


def look(run: Run) -> Look:
    """How the run is shown; uncertain: scheduled, but Meta may have got it."""
    icon, color, word = LOOKS[run.state]
    message = run.message
    lost = message is not None and message.sending is Sending.UNCERTAIN
    uncertain = lost and run.state is RunState.SCHEDULED
    return Look("question" if uncertain else icon, color, gettext(word), uncertain)


def trouble(run: Run) -> tuple[str, str] | None:
    """What went wrong or keeps it waiting, and what to do about it; None when nothing did."""
    if run.failure is not None:
        missing = [gettext(templates.FACTS.get(f, f)) for f in (run.detail or "").split(", ")]
        sentence = gettext(runs.FAILURES.get(run.failure, runs.FAILURES["internal"]))
        return sentence.format(missing=", ".join(missing)), ""
    if run.state is RunState.CANCELLED and run.cancel_reason is not None:
        return gettext(runs.CANCELLATIONS.get(run.cancel_reason, run.cancel_reason)), ""
    if run.message is not None and run.message.sending is Sending.DISCARDED:
        if run.message.settled_at is not None:
            return gettext(N_("Somebody put it aside.")), run.message.settled_note or ""
        return None
    ended_well = run.state not in (RunState.FAILED, RunState.SCHEDULED)
    if ended_well or run.message is None or run.message.reason not in REASONS:
        return None
    reason = REASONS[run.message.reason]
    failed = run.state is RunState.FAILED
    return gettext(reason.what), gettext(reason.to_do(failed=failed))

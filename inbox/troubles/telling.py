"""Causes in plain words, and which number, template, stage or automation they touch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import url_for

from flows import runs, troubles
from flows.troubles import Group, RunGroup
from flows.verdicts import REASONS
from inbox.languages import N_, gettext
from inbox.troubles.asked import PLAIN, Asked, AskedRuns
from models.message import Message, Sending
from models.types import Json, clean

FEW = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """A group as a line of the page."""

    what: str
    advice: str
    icon: str
    color: str
    count: int
    oldest: datetime | None
    newest: datetime | None
    url: str
    touches: list[tuple[str, str]]
    """(icon, name) of the templates, numbers and automations, the most frequent first."""
    more: int
    """How many of those are not named."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter within a cause: one number, template, stage or automation."""

    name: str
    count: int
    url: str
    current: bool


Names = Mapping[UUID, str]


# --- lines of the page ----------------------------------------------------------------------------


def causes(groups: Sequence[Group]) -> list[Cause]:
    channels = troubles.channel_names()
    templates = troubles.template_names({id_ for g in groups for id_ in g.templates if id_})
    return [_cause(group, channels, templates) for group in groups]


def causes_of_runs(groups: Sequence[RunGroup]) -> list[Cause]:
    automations = troubles.automation_names({id_ for g in groups for id_ in g.automations})
    return [_cause_of_runs(group, automations) for group in groups]


def _cause(group: Group, channels: Names, templates: Names) -> Cause:
    uncertain = group.sending is Sending.UNCERTAIN
    what, advice = words(group.cause, group.sending)
    touched = [("template", _template(id_, templates)) for id_, _ in group.templates.most_common()]
    if len(channels) > 1:
        touched += [("phone", channels.get(id_, "?")) for id_, _ in group.channels.most_common()]
    return Cause(
        what,
        advice,
        "question" if uncertain else "alert",
        "orange" if uncertain else "red",
        group.count,
        group.oldest,
        group.newest,
        url_for("troubles.messages", **Asked(group.sending, group.cause).query()),
        touched[:FEW],
        max(len(touched) - FEW, 0),
    )


def _cause_of_runs(group: RunGroup, automations: Names) -> Cause:
    touched = [("bolt", automations.get(id_, "?")) for id_, _ in group.automations.most_common()]
    return Cause(
        run_words(group.cause),
        "",
        "bolt",
        "red",
        group.count,
        group.oldest,
        group.newest,
        url_for("troubles.runs", **AskedRuns(group.cause).query()),
        touched[:FEW],
        max(len(touched) - FEW, 0),
    )


def words(cause: str, sending: Sending) -> tuple[str, str]:
    """What happened, and what to do."""
    reason = REASONS.get(cause, REASONS["unknown_error"])
    return gettext(reason.what), gettext(reason.to_do(failed=sending is Sending.FAILED))


def run_words(cause: str) -> str:
    """The same of a run; what exactly its order lacks stands on its own line."""
    if cause == "missing_variable":
        return gettext(N_("The order does not say all that the message needs."))
    return gettext(runs.FAILURES.get(cause, runs.FAILURES["internal"]))


# --- filters --------------------------------------------------------------------------------------


def choices(asked: Asked, group: Group) -> dict[str, list[Choice]]:
    """By number, template and stage, where there is a choice."""
    channels, stages = troubles.channel_names(), troubles.stage_names()
    templates = troubles.template_names({id_ for id_ in group.templates if id_})

    def url(name: str, value: str, *, on: bool) -> str:
        return url_for("troubles.messages", **asked.query(**{name: None if on else value}))

    found: dict[str, list[Choice]] = {"number": [], "template": [], "stage": []}
    for channel, many in group.channels.most_common():
        on = asked.channel == channel
        there = url("number", str(channel), on=on)
        found["number"].append(Choice(channels.get(channel, "?"), many, there, on))
    for template, many in group.templates.most_common():
        on = asked.plain if template is None else asked.template == template
        there = url("template", PLAIN if template is None else str(template), on=on)
        found["template"].append(Choice(_template(template, templates), many, there, on))
    counted: dict[UUID, int] = troubles.stages_of(asked.whole.narrow)
    for stage, name in stages.items():
        if stage in counted:
            on = asked.stage == stage
            there = url("stage", str(stage), on=on)
            found["stage"].append(Choice(name, counted[stage], there, on))
    return _real(found)


def run_choices(asked: AskedRuns, group: RunGroup) -> dict[str, list[Choice]]:
    automations = troubles.automation_names(group.automations)
    found: list[Choice] = []
    for automation, many in group.automations.most_common():
        on = asked.automation == automation
        there = url_for("troubles.runs", **asked.query(automation=None if on else str(automation)))
        found.append(Choice(automations.get(automation, "?"), many, there, on))
    return _real({"automation": found})


def _real(found: dict[str, list[Choice]]) -> dict[str, list[Choice]]:
    return {
        name: some
        for name, some in found.items()
        if len(some) > 1 or any(choice.current for choice in some)
    }


def _template(template_id: UUID | None, templates: Names) -> str:
    if template_id is None:
        return gettext(N_("Texts and files"))
    return templates.get(template_id, "?")


# --- one message ----------------------------------------------------------------------------------


def said(message: Message) -> str:
    """What WhatsApp said of it, in its own words; ours for what has no words."""
    detail = message.error_detail or ""
    return "" if detail in ("worker_lost", "no_answer") else detail


def pretty(body: Json) -> str:
    """JSON as people read it; Jinja escapes it like any text."""
    return clean(json.dumps(body, indent=2, ensure_ascii=False))

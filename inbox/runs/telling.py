"""One run for people: why it was sent, what the customer read, what came of it, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from flows import costs, runs
from flows.runs import Step, Story
from inbox.conversations import prices
from inbox.current import current
from inbox.languages import N_, gettext
from inbox.orders import words
from inbox.orders.words import Told
from inbox.runs import looks
from models.automation import Run, RunState
from models.message import Message


@dataclass(frozen=True, slots=True)
class Line:
    """A step of the run: its icon, colour, words, and when."""

    icon: str
    color: str
    text: str
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message of the run as the customer's phone showed it."""

    message: Message
    price: tuple[Markup, str] | None
    """Amount and why; None for who may not see it."""
    direction: str

    @property
    def header(self) -> str:
        return str(self.message.payload.get("header") or "")

    @property
    def body(self) -> str:
        return str(self.message.payload.get("body") or self.message.text)

    @property
    def footer(self) -> str:
        return str(self.message.payload.get("footer") or "")

    @property
    def buttons(self) -> Sequence[str]:
        return self.message.payload.get("buttons") or ()


@dataclass(frozen=True, slots=True)
class Telling:
    run: Run
    trigger: Told
    steps: list[Line]
    bubbles: list[Bubble]
    moved: Told | None
    notes: list[Told]
    trouble: tuple[str, str] | None
    error: tuple[int | None, str]
    """Meta's code and Meta's own words."""
    attempts: int
    can_run_again: bool
    can_cancel: bool


def tell(run: Run) -> Telling:
    story = runs.story(run)
    currency = run.order.currency
    message = run.message
    may_act = current.may("orders.move")
    return Telling(
        run=run,
        trigger=words.told(story.trigger, currency),
        steps=[_line(step) for step in story.steps],
        bubbles=_bubbles(story),
        moved=words.told(story.moved, currency) if story.moved else None,
        notes=[words.told(entry, currency) for entry in story.notes],
        trouble=looks.trouble(run),
        error=(message.error_code, message.error_detail or "") if message else (None, ""),
        attempts=story.attempts,
        can_run_again=may_act and run.state is RunState.FAILED and run.trigger != run.id,
        can_cancel=may_act and runs.cancellable(run),
    )


def _bubbles(story: Story) -> list[Bubble]:
    messages = [sent.message for sent in story.sent]
    settled = costs.of_messages([m.id for m in messages]) if current.sees_money else {}
    return [
        Bubble(
            message,
            prices.of(message, settled.get(message.id)) if current.sees_money else None,
            _direction(str(message.payload.get("language") or "")),
        )
        for message in messages
    ]


def _direction(language: str) -> str:
    return "rtl" if language[:2] in ("ar", "fa", "he", "ur") else "ltr"


def _line(step: Step) -> Line:
    icon, color, word = looks.LOOKS[step.state]
    return Line(icon, color, gettext(word), _detail(step.facts), step.at)


def _detail(facts: dict[str, Any]) -> str:
    if facts.get("reply"):
        return gettext(N_("“%(text)s”"), text=facts["reply"])
    if facts.get("code"):
        what, _advice = runs.explain(str(facts["code"]))
        # What the order lacks is told in full above the steps.
        return gettext(what) if what and "{" not in what else ""
    if facts.get("read_at"):
        return gettext(N_("Read"))
    return ""

"""Automations: which stage sends which template, what fills it, where its buttons lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from flows import automations, board, costs, runs, templates
from flows.errors import Invalid, Refused
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.conversations import composer, prices
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.languages import gettext as _
from models.automation import Automation
from models.db import Row
from models.order import Order
from models.pipeline import Stage
from models.template import Button, MessageTemplate

pages = Blueprint("automations", __name__)

AnyRow = TypeVar("AnyRow", bound=Row)


# --- the list -------------------------------------------------------------------------------------


@pages.get("/automations")
@needs("automations.read")
def index() -> str:
    return render_template(
        "automations/index.html", automations=automations.listed(), counts=runs.counts()
    )


@pages.post("/automations/<uuid:automation_id>/active")
@needs("automations.edit")
def switch(automation_id: UUID) -> str | Response:
    """On or off, as the form says; the row anew."""
    automation = automations.find(automation_id)
    automations.switch(automation, on="on" in request.form)
    if not htmx.asked():
        return redirect(url_for("automations.index"))
    return render_template("automations/_row.html", automation=automation, counts=runs.counts())


@pages.app_template_filter("template_dir")
def _direction(template: MessageTemplate) -> str:
    """How the customer's phone sets the template: by its own language, not by the reader's."""
    return "rtl" if template.language[:2] in ("ar", "fa", "he", "ur") else "ltr"


# --- the form -------------------------------------------------------------------------------------


@pages.get("/automations/new")
@needs("automations.edit")
def new() -> str:
    return _page(Filled(Choices()))


@pages.get("/automations/<uuid:automation_id>")
@needs("automations.edit")
def edit(automation_id: UUID) -> str:
    automation = automations.find(automation_id)
    return _page(Filled(Choices(automation), posted=_as_posted(automation), automation=automation))


@pages.get("/automations/parts")
@needs("automations.edit")
def parts() -> str:
    """What depends on the template that is chosen, and what the customer would read."""
    automation_id = read_id(request.args.get("automation"))
    automation = automations.find(automation_id) if automation_id else None
    filled = Filled(Choices(automation), posted=request.args, automation=automation)
    return render_template("automations/_parts.html", f=filled)


@pages.post("/automations")
@needs("automations.edit")
def create() -> Response | tuple[str, int]:
    return _save(None)


@pages.post("/automations/<uuid:automation_id>")
@needs("automations.edit")
def change(automation_id: UUID) -> Response | tuple[str, int]:
    return _save(automation_id)


def _save(automation_id: UUID | None) -> Response | tuple[str, int]:
    automation = automations.find(automation_id) if automation_id else None
    try:
        saved = automations.save(
            Filled(Choices(automation), posted=request.form).form(), automation
        )
    except Invalid as refusal:
        life.undo()
        automation = automations.find(automation_id) if automation_id else None
        wrong = {name: languages.told(why) for name, why in refusal.fields.items()}
        filled = Filled(
            Choices(automation), posted=request.form, automation=automation, wrong=wrong
        )
        return _page(filled), 422
    htmx.toast(_("“%(name)s” is saved.", name=saved.name))
    return redirect(url_for("automations.index"), 303)


def _page(filled: Filled) -> str:
    return render_template("automations/edit.html", f=filled)


def _as_posted(automation: Automation) -> dict[str, str]:
    """The automation as the form would post it."""
    posted = {
        "name": automation.name,
        "description": automation.description,
        "stage": str(automation.stage_id),
        "template": str(automation.template_id),
    }
    posted |= {f"variables.{key}": str(fact) for key, fact in automation.variables.items()}
    posted |= {f"buttons.{b.index}": str(b.stage_id or "") for b in automation.buttons}
    posted |= {"retrigger": "1"} if automation.retrigger else {}
    return posted | ({"active": "1"} if automation.active else {})


class Choices:
    """What the form lets a person choose from."""

    def __init__(self, automation: Automation | None = None) -> None:
        self.stages = [s for p in board.pipelines() for s in p.stages if s.active]
        self.templates = list(templates.sendable())
        self.orders = list(automations.samples())
        if automation is not None and automation.template not in self.templates:
            # Meta took it back since: it stays chosen, and saving says what is wrong.
            self.templates.append(automation.template)


@dataclass(frozen=True)
class Filled:
    """The form with what stands in it."""

    choices: Choices
    posted: Mapping[str, str] = field(default_factory=lambda: {"active": "1"})
    automation: Automation | None = None
    wrong: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.posted.get(name, "")

    @property
    def stage(self) -> Stage | None:
        return self._chosen("stage", self.choices.stages)

    @property
    def template(self) -> MessageTemplate | None:
        return self._chosen("template", self.choices.templates)

    @property
    def sample(self) -> Order | None:
        """The order the preview is made of: the one chosen, else the newest."""
        newest = next(iter(self.choices.orders), None)
        return self._chosen("sample", self.choices.orders) or newest

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What may fill a blank, and what people call it."""
        return [(fact, _(label)) for fact, label in templates.FACTS.items()]

    @property
    def labels(self) -> dict[str, str]:
        return composer.labels(self.template) if self.template else {}

    @property
    def examples(self) -> dict[str, str]:
        return composer.examples(self.template) if self.template else {}

    @property
    def taps(self) -> list[Button]:
        return templates.taps(self.template) if self.template else []

    @property
    def targets(self) -> list[Stage]:
        """Where a tap may lead: the other stages of the pipeline."""
        stage = self.stage
        if stage is None:
            return []
        return [s for s in self.choices.stages if s.pipeline_id == stage.pipeline_id and s != stage]

    def form(self) -> automations.Form:
        return automations.Form(
            name=self.text("name"),
            description=self.text("description"),
            stage=self.stage,
            template=self.template,
            variables={key: self.text(f"variables.{key}") for key in self.labels},
            buttons={
                tap.index: self._chosen(f"buttons.{tap.index}", self.choices.stages)
                for tap in self.taps
            },
            active="active" in self.posted,
            retrigger="retrigger" in self.posted,
        )

    def _chosen(self, name: str, rows: list[AnyRow]) -> AnyRow | None:
        wished = read_id(self.posted.get(name))
        return next((row for row in rows if row.id == wished), None)

    # --- what the customer would read -------------------------------------------------------------

    @property
    def preview(self) -> templates.Rendered | None:
        template, order = self.template, self.sample
        if template is None:
            return None
        mapping = self.form().variables
        if order is None:
            return templates.render(template, {})
        return templates.preview(template, mapping, order)

    @property
    def missing(self) -> list[str]:
        """The facts that the order of the preview does not have."""
        mapped = {key: fact for key, fact in self.form().variables.items() if fact}
        if self.template is None or self.sample is None or len(mapped) < len(self.labels):
            return []
        try:
            templates.fill(self.template, mapped, self.sample)
        except Refused as refusal:
            return [_(templates.FACTS.get(fact, fact)) for fact in refusal.facts["missing"]]
        return []

    @property
    def price(self) -> Markup | None:
        """What Meta would charge for it; None for who may not see it, or without a customer."""
        order, template = self.sample, self.template
        if not current.sees_money or template is None or order is None:
            return None
        talk = order.conversation
        if talk is None:
            return None
        guess = costs.estimate(
            talk.channel,
            phone=talk.identity.phone,
            user_id=talk.identity.user_id,
            category=template.category,
            window_open=talk.window_open,
        )
        return prices.expected(guess)

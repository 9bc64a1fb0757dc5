"""The form of an automation with what stands in it, right or wrong, and what would come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, TypeVar

from markupsafe import Markup

from flows import automations, board, channels, costs, templates
from flows.automations import check
from flows.errors import Refused
from inbox.automations import guessing, words
from inbox.automations.estimated import Estimated
from inbox.automations.reading import DELAYS, clock, seconds
from inbox.conversations import composer
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from models.automation import Automation
from models.channel import Channel
from models.db import Row
from models.message import Media
from models.order import Order
from models.pipeline import Stage
from models.template import Button, MessageTemplate
from models.timeline import AUTOMATION, CUSTOMER

AnyRow = TypeVar("AnyRow", bound=Row)


class Choices:
    """What the form lets a person choose from."""

    def __init__(self, automation: Automation | None = None) -> None:
        self.stages = [s for p in board.pipelines() for s in p.stages if s.active]
        self.templates = list(templates.sendable())
        self.orders = list(automations.samples())
        self.channels = channels.all_of_merchant()
        if automation is not None and automation.template not in self.templates:
            # Meta took it back since: it stays chosen, and saving says what is wrong.
            self.templates.append(automation.template)
        self._names = {channel.waba_id: channel.name for channel in reversed(self.channels)}

    def account_of(self, template: MessageTemplate) -> str:
        """What to add to its name: " · Shop" where two accounts may hold the same name."""
        name = self._names.get(template.waba_id)
        return f" · {name}" if name and len(self._names) > 1 else ""


@dataclass(frozen=True)
class Filled:
    """The form with what stands in it."""

    fresh: ClassVar[dict[str, str]] = {
        "active": "1",
        "delay": "0",
        "respects_quiet": "1",
        "timeout_number": "24",
        "timeout_unit": "hours",
        "timeout_from": "delivered",
    }
    delays: ClassVar[Sequence[int]] = DELAYS
    causes: ClassVar[Mapping[str, str]] = automations.CAUSES
    deeds: ClassVar[Mapping[str, str]] = automations.DEEDS
    starts: ClassVar[Mapping[str, str]] = automations.TIMEOUT_FROM
    most_resends: ClassVar[int] = automations.MOST_RESENDS

    choices: Choices
    posted: Mapping[str, str] = field(default_factory=lambda: dict(Filled.fresh))
    automation: Automation | None = None
    wrong: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.posted.get(name, "")

    def ticked(self, name: str) -> bool:
        return name in self.posted

    # --- what is chosen ---------------------------------------------------------------------------

    @property
    def stage(self) -> Stage | None:
        return self._chosen("stage", self.choices.stages)

    @property
    def template(self) -> MessageTemplate | None:
        return self._chosen("template", self.choices.templates)

    @property
    def channel(self) -> Channel | None:
        return self._chosen("channel", self.choices.channels)

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
    def mapping(self) -> dict[str, str]:
        """Blank → fact: as chosen; as it most likely is, where nobody was asked for this template
        yet."""
        template = self.template
        if template is None:
            return {}
        guesses = guessing.guessed(template)
        return {
            key: self.text(name) if self._was_asked(name) else guesses.get(key, "")
            for key, name in ((key, f"variables.{key}") for key in self.labels)
        }

    @property
    def leads(self) -> dict[int, Stage | None]:
        """Button → stage, likewise."""
        guesses = guessing.leading(self.template, self.targets) if self.template else {}
        return {
            tap.index: self._chosen(name, self.choices.stages)
            if self._was_asked(name)
            else guesses.get(tap.index)
            for tap, name in ((tap, f"buttons.{tap.index}") for tap in self.taps)
        }

    def _was_asked(self, name: str) -> bool:
        """Whether somebody saw this field for the template that is chosen now."""
        chosen = self.text("template")
        return name in self.posted and self.posted.get("mapped", chosen) == chosen

    @property
    def examples(self) -> dict[str, str]:
        return composer.examples(self.template) if self.template else {}

    @property
    def taps(self) -> list[Button]:
        return templates.taps(self.template) if self.template else []

    @property
    def targets(self) -> list[Stage]:
        """Where a customer's tap may lead."""
        return check.reachable(self.stage, CUSTOMER) if self.stage else []

    @property
    def fallbacks(self) -> list[Stage]:
        """Where silence may lead."""
        return check.reachable(self.stage, AUTOMATION) if self.stage else []

    def deed(self, cause: str) -> automations.Deed:
        """What is to be done about this cause; its template may not be chosen yet."""
        name = f"failure.{cause}"
        template = self._chosen(f"{name}.template", self.choices.templates)
        blanks = composer.labels(template) if template else {}
        return automations.Deed(
            do=self.text(f"{name}.do") or "nothing",
            hours=Fields(self.posted).whole(f"{name}.hours"),
            template=template,
            variables={key: self.text(f"{name}.variables.{key}") for key in blanks},
        )

    def blanks(self, template: MessageTemplate) -> dict[str, str]:
        return composer.labels(template)

    # --- as a form --------------------------------------------------------------------------------

    def form(self) -> automations.Form:
        fields = Fields(self.posted)
        form = automations.Form(
            name=fields.text("name"),
            description=fields.text("description"),
            stage=self.stage,
            template=self.template,
            channel=self.channel,
            delay=self._delay(fields),
            at_time=clock(fields),
            respects_quiet=self.ticked("respects_quiet"),
            variables=self.mapping,
            buttons=self.leads,
            timeout=self._timeout(fields),
            timeout_from=self.text("timeout_from") or "sent",
            fallback=self._chosen("fallback", self.choices.stages),
            resends=fields.whole("resends") or 0,
            failure={cause: self.deed(cause) for cause in self.causes},
            active=self.ticked("active"),
            retrigger=self.ticked("retrigger"),
        )
        return replace(form, unread=fields.wrong)

    def _delay(self, fields: Fields) -> int:
        if self.text("delay") != "own":
            return fields.whole("delay") or 0
        return seconds(fields, "delay")

    def _timeout(self, fields: Fields) -> int | None:
        return seconds(fields, "timeout") if self.ticked("silence") else None

    def _chosen(self, name: str, rows: Sequence[AnyRow]) -> AnyRow | None:
        wished = read_id(self.posted.get(name))
        return next((row for row in rows if row.id == wished), None)

    # --- what would come of it --------------------------------------------------------------------

    @property
    def summary(self) -> list[Markup]:
        return words.summary(self.form())

    @property
    def preview(self) -> templates.Rendered | None:
        template, order = self.template, self.sample
        if template is None:
            return None
        if order is None:
            return templates.render(template, {})
        return templates.preview(template, self.mapping, order)

    @property
    def file(self) -> Media | None:
        """The picture, film or document above the text."""
        return templates.file_of(self.template) if self.template else None

    @property
    def missing(self) -> list[str]:
        """The facts that the order of the preview does not have."""
        mapped = {key: fact for key, fact in self.mapping.items() if fact}
        if self.template is None or self.sample is None or len(mapped) < len(self.labels):
            return []
        try:
            templates.fill(self.template, mapped, self.sample)
        except Refused as refusal:
            return [_(templates.FACTS.get(fact, fact)) for fact in refusal.facts["missing"]]
        return []

    @property
    def estimate(self) -> Estimated | None:
        """What Meta would charge; None for who may not see it, and before a template is chosen."""
        template, channel = self.template, self._sender()
        if not current.sees_money or template is None or channel is None:
            return None
        order = self.sample
        talk = order.conversation if order else None
        guess = costs.estimate(
            channel,
            # Without an order to go by, a customer of the number's own country.
            phone=order.ship_phone if order else channel.display_phone_number,
            user_id=talk.identity.user_id if talk else None,
            category=template.category,
            window_open=talk.window_open if talk else False,
        )
        return Estimated(guess, automations.entered(self.stage) if self.stage else 0)

    def _sender(self) -> Channel | None:
        order = self.sample
        talk = order.conversation if order else None
        first = next(iter(self.choices.channels), None)
        return self.channel or (talk.channel if talk else first)

"""What time does to templates: reviews fall due, pauses end, announced categories come true."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.simulator.reviews import Reviews
from bot.simulator.verdicts import verdict
from bot.simulator.world import Template

HOUR = 3600.0
PAUSES = (3 * HOUR, 6 * HOUR)
"""How long the first and the second pause take; the third time a template is disabled."""


class TemplateFates(Reviews):
    reviewer: str = "rules"
    """Who judges when a review falls due: "rules" (see `verdicts`), or "yes" to everything."""

    def decide(self) -> int:
        """Every template that waits is judged, by the rules or with a yes; how many."""
        if self.reviewer == "yes":
            return self.judge()
        waiting = self.waiting_templates()
        for template in waiting:
            said = verdict(template)
            facts = {"category": said.category, "reason": said.reason, **said.info}
            self.review(template, said.event, **facts)
        return len(waiting)

    def complain(self, template: Template) -> str:
        """Customers complained: quality is red, and the template paused or, the third time, over.

        Returns the new status.
        """
        self.grade(template, "RED")
        spent = self.world.templates[template.id].pauses
        if spent >= len(PAUSES):
            date = datetime.fromtimestamp(self.clock.time(), UTC).strftime("%Y-%m-%d")
            facts = {"disable_info": {"disable_date": date}}
            self.review(self.world.templates[template.id], "DISABLED", **facts)
            return "DISABLED"
        title = ("FIRST_PAUSE", "SECOND_PAUSE")[spent]
        hours = int(PAUSES[spent] // HOUR)
        description = f"Your message template has been paused for {hours} hours because of issues."
        info = {"title": title, "description": description}
        self.review(self.world.templates[template.id], "PAUSED", other_info=info)
        self._remember_pause(template.id, spent + 1, self.clock.time() + PAUSES[spent])
        return "PAUSED"

    def unpause(self, template: Template) -> None:
        """The template may be sent again."""
        self.review(template, "APPROVED")
        self._remember_pause(template.id, template.pauses, None)

    def settle_templates(self) -> None:
        """What was due by now has happened: pauses are over, announced categories hold."""
        now = self.clock.time()
        for template in list(self.world.templates.values()):
            if template.paused_until is not None and template.paused_until <= now:
                self.unpause(template)
            if template.category_due is not None and template.category_due <= now:
                self.recategorise(template, template.correct_category or template.category)

    def _remember_pause(self, template_id: str, pauses: int, until: float | None) -> None:
        with self.turn():
            facts = {"pauses": pauses, "paused_until": until}
            self.note("template", **vars(self.world.templates[template_id]) | facts)

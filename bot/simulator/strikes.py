"""Faults that change the world: a send is held, its template or its file is taken away."""

from __future__ import annotations

from typing import Any

from bot.simulator.compose import FILES
from bot.simulator.errors import details_of
from bot.simulator.faults import Fault
from bot.simulator.statuses import Statuses
from bot.simulator.template_fates import TemplateFates
from bot.simulator.world import Bubble, Json, Number, Template

VERDICTS = {"template_paused": "PAUSED", "template_disabled": "DISABLED"}


class Strikes(Statuses, TemplateFates):
    def strike(
        self,
        fault: Fault,
        *,
        number: Number | None = None,
        body: Any = None,
        media_id: str | None = None,
    ) -> None:
        """What this send or this file leans on is gone; the call itself then fails by itself."""
        if fault.what == "media_expired":
            self._expire(media_id or _file_of(body))
            return
        template = self._template_of(number, body)
        if template and fault.what in VERDICTS and template.status == "APPROVED":
            self.review(template, VERDICTS[fault.what])
        elif template and fault.what == "template_recategorised":
            self.recategorise(template, "MARKETING")

    def held(self) -> list[Bubble]:
        """What was accepted and waits for Meta's judgement on its quality."""
        bubbles = list(self.world.bubbles.values())
        return [b for b in bubbles if not b.from_customer and b.status == "accepted"]

    def release(self, *, drop: bool = False) -> int:
        """What was held goes on its way, or (dropped) fails with 132015; how many."""
        with self.turn():
            waiting = self.held()
            for bubble in waiting:
                if drop:
                    self.give_up(bubble, 132015, details_of(132015))
                else:
                    self.set_out(bubble)
        return len(waiting)

    def release_due(self) -> None:
        """What was held long enough goes on its way."""
        now = self.clock.time()
        with self.turn():
            for bubble in self.held():
                if bubble.held_until is not None and bubble.held_until <= now:
                    self.set_out(bubble)

    def set_out(self, bubble: Bubble) -> None:
        """The message has left Meta, and is delivered when it can be."""
        self.climb(bubble, "sent")
        customer = self.world.customers.get(bubble.customer or "")
        if customer and customer.reachable(bubble.number):
            self.climb(bubble, "delivered")

    def _expire(self, media_id: str | None) -> None:
        if media_id in self.world.media:
            with self.turn():
                self.note("media_gone", media=media_id)
            self.files.drop(media_id)

    def _template_of(self, number: Number | None, body: Any) -> Template | None:
        asked = body.get("template") if isinstance(body, dict) else None
        if number is None or not isinstance(asked, dict):
            return None
        code = (asked.get("language") or {}).get("code")
        return self.world.template(number.account, str(asked.get("name")), str(code))


def _file_of(body: Any) -> str | None:
    facts: Json = body if isinstance(body, dict) else {}
    found = (facts.get(kind) for kind in FILES)
    return next(
        (str(file["id"]) for file in found if isinstance(file, dict) and "id" in file), None
    )

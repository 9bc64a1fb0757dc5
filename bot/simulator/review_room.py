"""The control API's verbs for templates: what Meta decides about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, jsonify

from bot.simulator.asking import done, json_body
from bot.simulator.chatview import template_view
from bot.simulator.line import asked

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator


class ReviewRoom:
    @property
    def sim(self) -> Simulator:
        return asked()

    def templates(self) -> Response:
        with self.sim.still():
            world = self.sim.world
            told = [template_view(world, template) for template in world.templates.values()]
        # What waits for a review comes first.
        return jsonify(sorted(told, key=lambda t: (t["status"] != "PENDING", t["name"], t["id"])))

    def review(self, template_id: str) -> Response:
        self.sim.review(self.sim.world.templates[template_id], **json_body())
        return done()

    def recategorise(self, template_id: str) -> Response:
        self.sim.recategorise(self.sim.world.templates[template_id], **json_body())
        return done()

    def grade(self, template_id: str) -> Response:
        self.sim.grade(self.sim.world.templates[template_id], **json_body())
        return done()

    def reviews(self) -> Response:
        after = json_body()["after"]
        self.sim.review_after = None if after is None else float(after)
        return done()

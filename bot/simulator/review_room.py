"""The control API's verbs for templates: what Meta decides about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request

from bot.simulator.asking import done, json_body
from bot.simulator.chatview import template_view
from bot.simulator.line import asked
from bot.simulator.world import Json

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator


class ReviewRoom:
    @property
    def sim(self) -> Simulator:
        return asked()

    def review_routes(self) -> list[tuple[str, str, Any]]:
        return [
            ("GET", "templates", self.templates),
            ("POST", "templates/<template_id>/review", self.review),
            ("POST", "templates/<template_id>/category", self.recategorise),
            ("POST", "templates/<template_id>/quality", self.grade),
            ("POST", "templates/<template_id>/complaint", self.complain),
            ("GET PUT POST", "reviews", self.reviews),
        ]

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

    def complain(self, template_id: str) -> Response:
        return jsonify({"status": self.sim.complain(self.sim.world.templates[template_id])})

    def reviews(self) -> Response:
        if request.method == "POST":
            return jsonify({"judged": self.sim.decide()})
        if request.method == "PUT":
            self._change_reviews(json_body())
        return jsonify({"after": self.sim.review_after, "reviewer": self.sim.reviewer})

    def _change_reviews(self, body: Json) -> None:
        if body.get("reviewer", "rules") not in ("rules", "yes"):
            raise ValueError("reviewer is rules or yes")
        if "after" in body:
            after = body["after"]
            self.sim.review_after = None if after is None else float(after)
        self.sim.reviewer = body.get("reviewer", self.sim.reviewer)

"""The control API's verbs for faults and scenarios, and for looking at what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request

from bot.simulator.asking import done, json_body
from bot.simulator.errors import PROBLEMS
from bot.simulator.faults import BREAKS, CALLS, STRIKES
from bot.simulator.line import asked
from bot.simulator.manner import PRICED, SHAPES, SIGNATURES
from bot.simulator.scenarios import SCENARIOS, Scenario
from bot.simulator.webhook_samples import kinds

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator

PROXIES = (429, 500, 502, 503, 504)
LATEST = 50


class FaultRoom:
    @property
    def sim(self) -> Simulator:
        return asked()

    def fault_routes(self) -> list[tuple[str, str, Any]]:
        return [
            ("GET POST DELETE", "faults", self.faults),
            ("GET", "faults/kinds", self.fault_kinds),
            ("DELETE", "faults/<int:place>", self.remove_fault),
            ("GET POST DELETE", "scenarios", self.scenarios),
            ("POST", "held", self.release),
            ("GET", "requests", self.requests),
            ("GET POST", "webhooks/kinds", self.webhook_kinds),
            ("PUT", "accounts/<account>/products", self.set_products),
        ]

    def faults(self) -> Response:
        if request.method == "POST":
            self.sim.fail(**json_body())
        elif request.method == "DELETE":
            self.sim.faults.clear()
        return jsonify(self.sim.faults.listed())

    def fault_kinds(self) -> Response:
        codes = [
            {"code": code, "http": problem.http, "title": problem.title}
            for code, problem in sorted(PROBLEMS.items())
        ]
        return jsonify(
            {
                "breaks": BREAKS,
                "strikes": STRIKES,
                "statuses": PROXIES,
                "codes": codes,
                "calls": CALLS,
                "shapes": SHAPES,
                "priced": PRICED,
                "signatures": SIGNATURES,
            }
        )

    def remove_fault(self, place: int) -> Response:
        self.sim.faults.remove(place)
        return jsonify(self.sim.faults.listed())

    def scenarios(self) -> Response:
        if request.method == "POST":
            body = json_body()
            named, seed = body["name"], int(body.get("seed", 0))
            if "rules" in body or "manner" in body:
                named = Scenario.of(named, body.get("rules", ()), body.get("manner"))
            self.sim.run(named, seed)
        elif request.method == "DELETE":
            self.sim.end_scenario()
        told = [{"name": s.name, "rules": s.rules, "manner": s.manner} for s in SCENARIOS.values()]
        return jsonify({"scenarios": told, "running": self.sim.running})

    def release(self) -> Response:
        return jsonify({"released": self.sim.release(**json_body())})

    def requests(self) -> Response:
        last = request.args.get("last", default=LATEST, type=int)
        latest = list(self.sim.requests)[-last:] if last > 0 else []
        return jsonify({"requests": latest[::-1], "held": len(self.sim.held())})

    def webhook_kinds(self) -> Response:
        if request.method == "POST":
            body = json_body()
            return jsonify(self.sim.send_webhook(body.pop("kind"), **body))
        return jsonify([{"kind": k, "field": line["field"]} for k, line in kinds().items()])

    def set_products(self, account: str) -> Response:
        with self.sim.turn():
            account = self.sim.world.accounts[account].id
            self.sim.note("products", account=account, products=json_body()["products"])
        return done()

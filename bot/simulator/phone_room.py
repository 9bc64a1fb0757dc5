"""The control API's verbs for what customers do besides writing, and for the merchant's phone."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Response, jsonify

from bot.simulator.asking import done, json_body
from bot.simulator.line import asked

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator


class PhoneRoom:
    @property
    def sim(self) -> Simulator:
        return asked()

    def phone_routes(self) -> list[tuple[str, str, Any]]:
        return [
            ("POST", "customers/<who>/samples", self.send_sample),
            ("POST", "customers/<who>/forwards", self.forward),
            ("POST", "customers/<who>/edits", self.edit),
            ("POST", "customers/<who>/revokes", self.revoke),
            ("POST", "customers/<who>/orders", self.order),
            ("POST", "customers/<who>/calls", self.call),
            ("POST", "customers/<who>/forms", self.open_form),
            ("POST", "forms/<form>", self.fill_form),
            ("POST", "forms/<form>/back", self.go_back),
            ("POST", "flows/<flow>/status", self.judge_flow),
            ("PUT", "customers/<who>/blocks", self.block),
            ("PUT", "customers/<who>/receipts", self.receipts),
            ("PUT", "customers/<who>/identity", self.identity),
            ("GET", "numbers/<number>/products", self.products),
            ("POST", "echoes", self.echo),
            ("POST", "echoes/<wamid>/edit", self.edit_echo),
            ("POST", "echoes/<wamid>/revoke", self.revoke_echo),
            ("POST", "numbers/<number>/history", self.history),
            ("POST", "numbers/<number>/contacts", self.contacts),
        ]

    def send_sample(self, who: str) -> Response:
        return jsonify({"wamid": self.sim.send_sample(who, **json_body())})

    def forward(self, who: str) -> Response:
        return jsonify({"wamid": self.sim.forward(who, **json_body())})

    def edit(self, who: str) -> Response:
        self.sim.edit(who, **json_body())
        return done()

    def revoke(self, who: str) -> Response:
        self.sim.revoke(who, **json_body())
        return done()

    def order(self, who: str) -> Response:
        return jsonify({"wamid": self.sim.order(who, **json_body())})

    def call(self, who: str) -> Response:
        return jsonify({"call": self.sim.call(who, **json_body())})

    def open_form(self, who: str) -> Response:
        return jsonify(self.sim.open_form(who, **json_body()))

    def fill_form(self, form: str) -> Response:
        return jsonify(self.sim.fill_form(form, json_body()))

    def go_back(self, form: str) -> Response:
        return jsonify(self.sim.go_back(form))

    def judge_flow(self, flow: str) -> Response:
        """{status: PUBLISHED | THROTTLED | BLOCKED | DEPRECATED}"""
        self.sim.judge_flow(flow, json_body()["status"])
        return done()

    def block(self, who: str) -> Response:
        self.sim.block(who, **json_body())
        return done()

    def receipts(self, who: str) -> Response:
        self.sim.keep_receipts(who, **json_body())
        return done()

    def identity(self, who: str) -> Response:
        """{phone} | {username: text | null} | {user_id: "new"} | {reinstalled: true}"""
        body, customer = json_body(), self.sim.customer(who)
        if "phone" in body:
            self.sim.change_number(customer, body["phone"])
        elif "username" in body:
            self.sim.adopt_username(customer, body["username"])
        elif "user_id" in body:
            self.sim.change_user_id(customer)
        else:
            self.sim.reinstall(customer)
        return jsonify(asdict(customer))

    def products(self, number: str) -> Response:
        return jsonify(self.sim.world.products_of(self.sim.number(number).account))

    def echo(self) -> Response:
        body = json_body()
        return jsonify({"wamid": self.sim.echo(body.pop("to"), **body)})

    def edit_echo(self, wamid: str) -> Response:
        self.sim.edit_echo(wamid, json_body()["text"])
        return done()

    def revoke_echo(self, wamid: str) -> Response:
        self.sim.revoke_echo(wamid)
        return done()

    def history(self, number: str) -> Response:
        return jsonify({"messages": self.sim.sync_history(number, **json_body())})

    def contacts(self, number: str) -> Response:
        return jsonify({"contacts": self.sim.sync_contacts(number)})

"""Graph's side of templates: listed, made, changed, deleted; and samples of header files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, jsonify, request

from bot.simulator import demo
from bot.simulator.answers import failing, spoilt
from bot.simulator.errors import GraphError, bad_token, missing, unknown_object
from bot.simulator.line import asked
from bot.simulator.listing import page, picked
from bot.simulator.world import Account, Template

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator

APP = "1"
"""The id of the app that every token of the demo belongs to."""


class TemplateDesk:
    @property
    def sim(self) -> Simulator:
        return asked()

    def templates(self, object_id: str) -> Response:
        account = self.account(object_id)
        fault = self.sim.faults.take("templates", None, None)
        if fault:
            return failing(fault)
        mine = [t for t in list(self.sim.world.templates.values()) if t.account == account.id]
        return jsonify(page(mine))

    def create_template(self, object_id: str) -> Response:
        account = self.account(object_id)
        fault = self.sim.faults.take("submit", None, None)
        if fault and not fault.accepts:
            return failing(fault)
        template = self.sim.take_template(account, request.get_json(silent=True))
        answer = {"id": template.id, "status": template.status, "category": template.category}
        return spoilt(fault, answer) if fault else jsonify(answer)

    def edit_template(self, object_id: str) -> Response:
        account, template = self.account(), self.sim.world.templates.get(object_id)
        if template is None or template.account != account.id:
            raise unknown_object(object_id, "post")
        fault = self.sim.faults.take("submit", None, None)
        if fault and not fault.accepts:
            return failing(fault)
        self.sim.change_template(template, request.get_json(silent=True))
        answer = {"success": True}
        return spoilt(fault, answer) if fault else jsonify(answer)

    def delete_template(self, object_id: str) -> Response:
        account = self.account(object_id)
        name, only = request.args.get("name"), request.args.get("hsm_id")
        if not name:
            raise missing("name")
        doomed = [
            template
            for template in list(self.sim.world.templates.values())
            if (template.account, template.name) == (account.id, name)
            and only in (None, template.id)
        ]
        fault = self.sim.faults.take("submit", None, None)
        if fault and not fault.accepts:
            return failing(fault)
        if not doomed:
            raise GraphError(100, f"message template {name} was not found", subcode=2593002)
        if any(template.status == "DISABLED" for template in doomed):
            raise GraphError(100, "A disabled template can't be deleted.", subcode=2388039)
        self._forget(doomed)
        answer = {"success": True}
        return spoilt(fault, answer) if fault else jsonify(answer)

    def own_app(self) -> Response:
        self.account()
        return jsonify(picked({"id": APP, "name": "Wasl", "link": "https://wasl.example"}))

    def open_upload(self, object_id: str) -> Response:
        self.account()
        if object_id != APP:
            raise unknown_object(object_id, "post")
        length = request.args.get("file_length", "0")
        kind = request.args.get("file_type", "")
        return jsonify({"id": self.sim.open_upload(kind, int(length) if length.isdigit() else 0)})

    def add_to_upload(self, session: str) -> Response:
        self.account()
        offset = request.headers.get("file_offset", request.headers.get("File-Offset", "0"))
        handle = self.sim.add_to_upload(session, int(offset), request.get_data())
        return jsonify({"h": handle})

    def account(self, object_id: str | None = None) -> Account:
        """The account the token speaks for, which must be this one if one is named."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        token = bearer or request.args.get("access_token", "")
        account = self.sim.world.accounts.get(token.removeprefix(demo.TOKEN).split("-")[0])
        if not token.startswith(demo.TOKEN) or account is None or token in account.revoked:
            raise bad_token()
        if object_id not in (None, account.id):
            raise unknown_object(object_id or "", request.method)
        return account

    def _forget(self, templates: list[Template]) -> None:
        with self.sim.turn():
            for template in templates:
                self.sim.note("template_gone", template=template.id)

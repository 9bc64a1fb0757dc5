"""Graph's side of Flows: keys of numbers; forms made, filled with screens, published, given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Response, jsonify, request

from bot.simulator import flow_checks
from bot.simulator.asking import json_body
from bot.simulator.errors import GraphError, missing, unknown_object
from bot.simulator.listing import picked
from bot.simulator.names import new_object_id
from bot.simulator.world import Account, Flow, Json, Number

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator

CATEGORIES = {
    *("SIGN_UP", "SIGN_IN", "APPOINTMENT_BOOKING", "LEAD_GENERATION", "CONTACT_US"),
    *("CUSTOMER_SUPPORT", "SURVEY", "SHOPPING", "OTHER"),
}
NAME_TAKEN = 4016019
LISTED = ("id", "name", "status", "categories", "validation_errors")


def flow_facts(flow: Flow) -> Json:
    screens = flow.screens or {}
    facts: Json = {
        "id": flow.id,
        "name": flow.name,
        "status": flow.status,
        "categories": flow.categories,
        "validation_errors": flow.errors,
        "json_version": screens.get("version"),
        "data_api_version": screens.get("data_api_version"),
        "endpoint_uri": flow.endpoint,
    }
    return {key: value for key, value in facts.items() if value is not None}


class FlowDesk:
    sim: Simulator
    account: Any

    def encryption(self, object_id: str) -> Response:
        number = self._keeper(object_id)
        if request.method == "GET":
            facts = {
                "business_public_key": number.public_key,
                "business_public_key_signature_status": "VALID",
            }
            return jsonify({"data": [facts] if number.public_key else []})
        key = json_body().get("business_public_key") or request.form.get("business_public_key")
        if not str(key or "").startswith("-----BEGIN PUBLIC KEY-----"):
            raise GraphError(100, "business_public_key must be a 2048-bit RSA key in PEM")
        with self.sim.turn():
            self.sim.note("number_changed", number=number.id, facts={"public_key": str(key)})
        return jsonify({"success": True})

    def flows(self, object_id: str) -> Response:
        account: Account = self.account(object_id)
        mine = [f for f in list(self.sim.world.flows.values()) if f.account == account.id]
        cursors = {"before": "MAZDZD", "after": "MjQZD"}
        listed = [picked(flow_facts(flow), LISTED) for flow in mine]
        return jsonify({"data": listed, "paging": {"cursors": cursors}})

    def create_flow(self, object_id: str) -> Response:
        account, body = self.account(object_id), json_body()
        name, categories = str(body.get("name") or ""), list(body.get("categories") or [])
        taken = {f.name for f in list(self.sim.world.flows.values()) if f.account == account.id}
        if not name:
            raise missing("name")
        if not categories or not CATEGORIES.issuperset(categories):
            raise GraphError(100, "categories must name Flow categories")
        if name in taken:
            raise GraphError(100, "Flow name is not unique", subcode=NAME_TAKEN)
        flow = Flow(new_object_id(), account.id, name, categories, endpoint=_endpoint(body))
        self.sim.keep_flow(flow)
        return jsonify({"id": flow.id, "success": True, "validation_errors": []})

    def flow_assets(self, object_id: str) -> Response:
        flow = self._flow(object_id)
        if request.method == "GET":
            asset = {"name": "flow.json", "asset_type": "FLOW_JSON", "download_url": ""}
            return jsonify({"data": [asset] if flow.screens else []})
        file = request.files.get("file")
        if file is None or request.form.get("asset_type") != "FLOW_JSON":
            raise missing("file")
        if flow.status != "DRAFT":
            raise GraphError(139001, "A published Flow can't be updated.")
        screens, errors = flow_checks.read(file.read())
        self.sim.keep_flow(flow, screens=screens, errors=errors)
        return jsonify({"success": True, "validation_errors": errors})

    def publish_flow(self, object_id: str) -> Response:
        flow = self._flow(object_id)
        if trouble := self.sim.unpublishable(flow):
            raise GraphError(139002, trouble)
        self.sim.judge_flow(flow, "PUBLISHED")
        return jsonify({"success": True})

    def deprecate_flow(self, object_id: str) -> Response:
        flow = self._flow(object_id)
        if flow.status in ("DRAFT", "DEPRECATED"):
            raise GraphError(139003, "Only a published Flow can be deprecated.")
        self.sim.judge_flow(flow, "DEPRECATED")
        return jsonify({"success": True})

    def change_flow(self, flow: Flow) -> Response:
        flow, body = self._flow(flow.id), json_body()
        endpoint = _endpoint(body) or flow.endpoint
        self.sim.keep_flow(flow, endpoint=endpoint, name=body.get("name") or flow.name)
        return jsonify({"success": True})

    def delete_flow(self, flow: Flow) -> Response:
        flow = self._flow(flow.id)
        if flow.status != "DRAFT":
            raise GraphError(139004, "Only a draft can be deleted.")
        with self.sim.turn():
            self.sim.note("flow_gone", flow=flow.id)
        return jsonify({"success": True})

    def _flow(self, object_id: str) -> Flow:
        account: Account = self.account()
        flow = self.sim.world.flows.get(object_id)
        if flow is None or flow.account != account.id:
            raise unknown_object(object_id, request.method)
        return flow

    def _keeper(self, object_id: str) -> Number:
        account: Account = self.account()
        number = self.sim.world.numbers.get(object_id)
        if number is None or number.account != account.id:
            raise unknown_object(object_id, request.method)
        return number


def _endpoint(body: Json) -> str | None:
    """Meta asks for https; what stands on this machine may do without."""
    address = body.get("endpoint_uri")
    if address is None:
        return None
    parts = urlsplit(str(address))
    local = parts.hostname in ("127.0.0.1", "localhost", "wasl.test")
    if parts.scheme != "https" and not local:
        raise GraphError(100, "endpoint_uri must be an https:// address")
    return str(address)

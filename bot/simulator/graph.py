"""graph.facebook.com: messages, media, templates, numbers, subscriptions, and Graph's errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from bot.simulator import pricing_analytics
from bot.simulator.accounts import AccountDesk, account_facts
from bot.simulator.answers import failing, refused, spoilt
from bot.simulator.errors import GraphError, missing, unknown_object
from bot.simulator.faults import STRIKES, Fault
from bot.simulator.flow_desk import FlowDesk, flow_facts
from bot.simulator.line import ABOUT, CALL, CODE, FAULT, asked
from bot.simulator.listing import number_facts, picked, template_facts
from bot.simulator.pricing_analytics import NAME
from bot.simulator.template_desk import APP, TemplateDesk
from bot.simulator.uploads import check_upload
from bot.simulator.world import Account, Customer, Json, Number


def blueprint() -> Blueprint:
    """The Graph API; the line has already taken the version off the path."""
    graph = Blueprint("graph", __name__)
    desk = _Desk()

    def route(rule: str, view: Callable[..., Any], *methods: str) -> None:
        graph.add_url_rule(rule, view.__name__, view, methods=list(methods))

    route("/<digits:object_id>/messages", desk.messages, "POST")
    route("/<digits:object_id>/media", desk.upload, "POST")
    route("/<digits:object_id>/message_templates", desk.templates, "GET")
    route("/<digits:object_id>/message_templates", desk.create_template, "POST")
    route("/<digits:object_id>/message_templates", desk.delete_template, "DELETE")
    route("/<digits:object_id>/uploads", desk.open_upload, "POST")
    route("/upload:<session>", desk.add_to_upload, "POST")
    route("/app", desk.own_app, "GET")
    route("/<digits:object_id>/subscribed_apps", desk.subscriptions, "GET", "POST", "DELETE")
    route("/<digits:object_id>/phone_numbers", desk.phone_numbers, "GET")
    route("/debug_token", desk.debug_token, "GET")
    route("/me/permissions", desk.permissions, "GET")
    route("/<digits:object_id>/whatsapp_business_profile", desk.profile, "GET")
    route("/<digits:object_id>/whatsapp_business_profile", desk.change_profile, "POST")
    route("/<digits:object_id>/whatsapp_business_encryption", desk.encryption, "GET", "POST")
    route("/<digits:object_id>/flows", desk.flows, "GET")
    route("/<digits:object_id>/flows", desk.create_flow, "POST")
    route("/<digits:object_id>/assets", desk.flow_assets, "GET", "POST")
    route("/<digits:object_id>/publish", desk.publish_flow, "POST")
    route("/<digits:object_id>/deprecate", desk.deprecate_flow, "POST")
    route("/<digits:object_id>/pricing_analytics", desk.pricing_analytics, "GET")
    route("/<digits:object_id>/unpause", desk.unpause_template, "POST")
    route("/<digits:object_id>", desk.look_up, "GET")
    route("/<digits:object_id>", desk.edit, "POST")
    route("/<digits:object_id>", desk.delete, "DELETE")
    graph.add_url_rule("/whatsapp_business/attachments/", view_func=desk.attachment)
    graph.register_error_handler(GraphError, refused)
    graph.before_request(_fail_the_rest)
    graph.after_request(_spoil_the_rest)
    return graph


def _fail_the_rest() -> Response | None:
    # Sends, uploads and templates ask for their faults themselves, once they know for whom.
    call = request.environ[CALL]
    if call not in ("look_up", "download", "other"):
        return None
    object_id = str((request.view_args or {}).get("object_id") or "")
    number = object_id if object_id in asked().world.numbers else None
    fault = asked().faults.take(call, number, None)
    if fault and fault.what in STRIKES:
        asked().strike(fault, media_id=request.args.get("mid") or object_id)
    elif fault and not fault.accepts:
        return failing(fault)
    g.fault = fault
    return None


def _spoil_the_rest(response: Response) -> Response:
    fault: Fault | None = g.pop("fault", None)
    if fault is None or response.status_code != 200:
        return response
    if fault.what == "garbage" or isinstance(fault.what, int):
        return spoilt(fault, {})
    request.environ[FAULT] = fault
    return response


class _Desk(AccountDesk, FlowDesk, TemplateDesk):
    def messages(self, object_id: str) -> Response:
        number = self._number(object_id)
        body: Any = request.get_json(silent=True)
        reading = isinstance(body, dict) and body.get("status") == "read"
        customer = None if reading else self.sim.addressed(number, body)
        request.environ[ABOUT] = about = _about(body, customer)
        fault = self.sim.faults.take("read" if reading else "send", number.id, customer)
        if fault and not fault.accepts:
            return failing(fault)
        if fault and fault.what in STRIKES:
            self.sim.strike(fault, number=number, body=body)
        if reading:
            answer = self.sim.mark_read(number, body)
        else:
            answer = self.sim.accept(number, body, fault)
            about["wamid"] = answer["messages"][0]["id"]
        return spoilt(fault, answer) if fault else jsonify(answer)

    def upload(self, object_id: str) -> Response:
        number = self._number(object_id)
        fault = self.sim.faults.take("media", number.id, None)
        if fault and not fault.accepts:
            return failing(fault)
        if request.form.get("messaging_product") != "whatsapp":
            raise missing("messaging_product")
        file = request.files.get("file")
        if file is None:
            raise missing("file")
        data = file.read()
        mime_type = check_upload(request.form.get("type") or file.mimetype, len(data))
        media = self.sim.keep_media(data, mime_type, file.filename or "file", number.id)
        answer = {"id": media.id}
        return spoilt(fault, answer) if fault else jsonify(answer)

    def look_up(self, object_id: str) -> Response:
        account, world = self.account(), self.sim.world
        number = world.numbers.get(object_id)
        template = world.templates.get(object_id)
        analytics = pricing_analytics.asked_in(request.args.get("fields", ""))
        if object_id == account.id and analytics is not None:
            return jsonify({NAME: self._analytics(account, analytics), "id": account.id})
        if object_id == account.id:
            return jsonify(picked(account_facts(account)))
        if number and number.account == account.id:
            return jsonify(picked(number_facts(number)))
        if template and template.account == account.id:
            return jsonify(picked(template_facts(template)))
        flow = world.flows.get(object_id)
        if flow and flow.account == account.id:
            return jsonify(picked(flow_facts(flow)))
        if object_id in world.media:
            return jsonify(self._media_facts(object_id))
        raise unknown_object(object_id)

    def edit(self, object_id: str) -> Response:
        flow = self.sim.world.flows.get(object_id)
        return self.change_flow(flow) if flow else self.edit_template(object_id)

    def delete(self, object_id: str) -> Response:
        flow = self.sim.world.flows.get(object_id)
        return self.delete_flow(flow) if flow else self.delete_media(object_id)

    def delete_media(self, object_id: str) -> Response:
        self.account()
        if object_id not in self.sim.world.media:
            raise unknown_object(object_id, "delete")
        with self.sim.turn():
            self.sim.note("media_gone", media=object_id)
        self.sim.files.drop(object_id)
        return jsonify({"success": True})

    def attachment(self) -> Response:
        self.account()
        media_id = request.args.get("mid", "")
        media = self.sim.world.media.get(media_id)
        until, seal = request.args.get("ext", ""), request.args.get("hash", "")
        if media is None or not self.sim.media_link_holds(media_id, until, seal):
            return Response("Not found", status=404, mimetype="text/plain")
        return Response(self.sim.files.get(media_id), mimetype=media.mime_type)

    def pricing_analytics(self, object_id: str) -> Response:
        return jsonify(self._analytics(self.account(object_id), dict(request.args)))

    def _analytics(self, account: Account, asked: dict[str, str]) -> Json:
        with self.sim.still():
            question = pricing_analytics.question(asked)
            return pricing_analytics.answer(self.sim.world, account, question)

    def unpause_template(self, object_id: str) -> Response:
        account, template = self.account(), self.sim.world.templates.get(object_id)
        if template is None or template.account != account.id:
            raise unknown_object(object_id, "post")
        if template.status != "PAUSED":
            raise GraphError(100, "Only a paused template can be unpaused.")
        self.sim.unpause(template)
        return jsonify({"success": True})

    def subscriptions(self, object_id: str) -> Response:
        account = self.account(object_id)
        if request.method == "GET":
            app = {"name": "Wasl", "link": "https://www.facebook.com/games/?app_id=1", "id": APP}
            apps = [{"whatsapp_business_api_data": app}] if account.subscribed else []
            return jsonify({"data": apps})
        with self.sim.turn():
            self.sim.note("subscribed", account=account.id, subscribed=request.method == "POST")
        return jsonify({"success": True})

    def phone_numbers(self, object_id: str) -> Response:
        account = self.account(object_id)
        mine = [n for n in list(self.sim.world.numbers.values()) if n.account == account.id]
        cursors = {"before": "MAZDZD", "after": "MjQZD"}
        facts = [picked(number_facts(number)) for number in mine]
        return jsonify({"data": facts, "paging": {"cursors": cursors}})

    def _number(self, object_id: str) -> Number:
        account = self.account()
        number = self.sim.world.numbers.get(object_id)
        if number is None or number.account != account.id:
            raise unknown_object(object_id, request.method)
        return number

    def _media_facts(self, media_id: str) -> Json:
        media = self.sim.world.media[media_id]
        return {
            "url": self.sim.media_link(media_id),
            "mime_type": media.mime_type,
            "sha256": media.sha256,
            "file_size": media.file_size,
            "id": media_id,
            "messaging_product": "whatsapp",
        }


def _about(body: Any, customer: Customer | None) -> Json:
    """What the ledger keeps of a call to /messages: for whom, and the business's own id of it."""
    facts = body if isinstance(body, dict) else {}
    to = customer.id if customer else facts.get("to") or facts.get("recipient")
    return {"to": to, "callback": facts.get("biz_opaque_callback_data")}


def unknown_path(error: HTTPException) -> tuple[Response, int]:
    """Graph's answer to an address it does not have."""
    request.environ[CODE] = 2500
    message = f"Unknown path components: {request.path}"
    return jsonify(GraphError(2500, message=message).body()), 400

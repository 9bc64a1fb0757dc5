"""graph.facebook.com: messages, media, templates, numbers, subscriptions, and Graph's errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from bot.simulator import demo
from bot.simulator.errors import GraphError, bad_token, missing, unknown_object
from bot.simulator.faults import Fault
from bot.simulator.line import FAULT, asked
from bot.simulator.listing import number_facts, page, picked, template_facts
from bot.simulator.uploads import check_upload
from bot.simulator.world import Account, Json, Number, Template

if TYPE_CHECKING:
    from bot.simulator.simulator import Simulator


APP = "1"
"""The id of the app that every token of the demo belongs to."""


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
    route("/<digits:object_id>", desk.look_up, "GET")
    route("/<digits:object_id>", desk.edit_template, "POST")
    route("/<digits:object_id>", desk.delete_media, "DELETE")
    graph.add_url_rule("/whatsapp_business/attachments/", view_func=desk.attachment)
    graph.register_error_handler(GraphError, _refused)
    return graph


class _Desk:
    @property
    def sim(self) -> Simulator:
        return asked()

    def messages(self, object_id: str) -> Response:
        number = self._number(object_id)
        body: Any = request.get_json(silent=True)
        reading = isinstance(body, dict) and body.get("status") == "read"
        customer = None if reading else self.sim.addressed(number, body)
        fault = self.sim.faults.take("read" if reading else "send", number.id, customer)
        if fault and not fault.accepts:
            return _failing(fault)
        if reading:
            answer = self.sim.mark_read(number, body)
        else:
            answer = self.sim.accept(number, body, fault)
        return _spoilt(fault, answer) if fault else jsonify(answer)

    def upload(self, object_id: str) -> Response:
        number = self._number(object_id)
        fault = self.sim.faults.take("media", number.id, None)
        if fault and not fault.accepts:
            return _failing(fault)
        if request.form.get("messaging_product") != "whatsapp":
            raise missing("messaging_product")
        file = request.files.get("file")
        if file is None:
            raise missing("file")
        data = file.read()
        mime_type = check_upload(request.form.get("type") or file.mimetype, len(data))
        media = self.sim.keep_media(data, mime_type, file.filename or "file", number.id)
        answer = {"id": media.id}
        return _spoilt(fault, answer) if fault else jsonify(answer)

    def look_up(self, object_id: str) -> Response:
        account, world = self._account(), self.sim.world
        number = world.numbers.get(object_id)
        template = world.templates.get(object_id)
        if object_id == account.id:
            facts = {"id": account.id, "name": account.name, "currency": account.currency}
            return jsonify(picked(facts | {"country": account.country, "status": "ACTIVE"}))
        if number and number.account == account.id:
            return jsonify(picked(number_facts(number)))
        if template and template.account == account.id:
            return jsonify(picked(template_facts(template)))
        if object_id in world.media:
            return jsonify(self._media_facts(object_id))
        raise unknown_object(object_id)

    def delete_media(self, object_id: str) -> Response:
        self._account()
        if object_id not in self.sim.world.media:
            raise unknown_object(object_id, "delete")
        with self.sim.turn():
            self.sim.note("media_gone", media=object_id)
        self.sim.files.drop(object_id)
        return jsonify({"success": True})

    def attachment(self) -> Response:
        self._account()
        media_id = request.args.get("mid", "")
        media = self.sim.world.media.get(media_id)
        until, seal = request.args.get("ext", ""), request.args.get("hash", "")
        if media is None or not self.sim.media_link_holds(media_id, until, seal):
            return Response("Not found", status=404, mimetype="text/plain")
        return Response(self.sim.files.get(media_id), mimetype=media.mime_type)

    def templates(self, object_id: str) -> Response:
        account = self._account(object_id)
        fault = self.sim.faults.take("templates", None, None)
        if fault:
            return _failing(fault)
        mine = [t for t in list(self.sim.world.templates.values()) if t.account == account.id]
        return jsonify(page(mine))

    def create_template(self, object_id: str) -> Response:
        account = self._account(object_id)
        fault = self.sim.faults.take("submit", None, None)
        if fault and not fault.accepts:
            return _failing(fault)
        template = self.sim.take_template(account, request.get_json(silent=True))
        answer = {"id": template.id, "status": template.status, "category": template.category}
        return _spoilt(fault, answer) if fault else jsonify(answer)

    def edit_template(self, object_id: str) -> Response:
        account, template = self._account(), self.sim.world.templates.get(object_id)
        if template is None or template.account != account.id:
            raise unknown_object(object_id, "post")
        fault = self.sim.faults.take("submit", None, None)
        if fault and not fault.accepts:
            return _failing(fault)
        self.sim.change_template(template, request.get_json(silent=True))
        answer = {"success": True}
        return _spoilt(fault, answer) if fault else jsonify(answer)

    def own_app(self) -> Response:
        self._account()
        return jsonify(picked({"id": APP, "name": "Wasl", "link": "https://wasl.example"}))

    def open_upload(self, object_id: str) -> Response:
        self._account()
        if object_id != APP:
            raise unknown_object(object_id, "post")
        length = request.args.get("file_length", "0")
        kind = request.args.get("file_type", "")
        return jsonify({"id": self.sim.open_upload(kind, int(length) if length.isdigit() else 0)})

    def add_to_upload(self, session: str) -> Response:
        self._account()
        offset = request.headers.get("file_offset", request.headers.get("File-Offset", "0"))
        handle = self.sim.add_to_upload(session, int(offset), request.get_data())
        return jsonify({"h": handle})

    def delete_template(self, object_id: str) -> Response:
        account = self._account(object_id)
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
            return _failing(fault)
        if not doomed:
            raise GraphError(100, f"message template {name} was not found", subcode=2593002)
        if any(template.status == "DISABLED" for template in doomed):
            raise GraphError(100, "A disabled template can't be deleted.", subcode=2388039)
        self._forget(doomed)
        answer = {"success": True}
        return _spoilt(fault, answer) if fault else jsonify(answer)

    def subscriptions(self, object_id: str) -> Response:
        account = self._account(object_id)
        if request.method == "GET":
            app = {"name": "Wasl", "link": "https://www.facebook.com/games/?app_id=1", "id": APP}
            apps = [{"whatsapp_business_api_data": app}] if account.subscribed else []
            return jsonify({"data": apps})
        with self.sim.turn():
            self.sim.note("subscribed", account=account.id, subscribed=request.method == "POST")
        return jsonify({"success": True})

    def phone_numbers(self, object_id: str) -> Response:
        account = self._account(object_id)
        mine = [n for n in list(self.sim.world.numbers.values()) if n.account == account.id]
        cursors = {"before": "MAZDZD", "after": "MjQZD"}
        facts = [picked(number_facts(number)) for number in mine]
        return jsonify({"data": facts, "paging": {"cursors": cursors}})

    def _account(self, object_id: str | None = None) -> Account:
        """The account the token speaks for, which must be this one if one is named."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        token = bearer or request.args.get("access_token", "")
        account = self.sim.world.accounts.get(token.removeprefix(demo.TOKEN).split("-")[0])
        if not token.startswith(demo.TOKEN) or account is None:
            raise bad_token()
        if object_id not in (None, account.id):
            raise unknown_object(object_id or "", request.method)
        return account

    def _number(self, object_id: str) -> Number:
        account = self._account()
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

    def _forget(self, templates: list[Template]) -> None:
        with self.sim.turn():
            for template in templates:
                self.sim.note("template_gone", template=template.id)


def unknown_path(error: HTTPException) -> tuple[Response, int]:
    """Graph's answer to an address it does not have."""
    message = f"Unknown path components: {request.path}"
    return jsonify(GraphError(2500, message=message).body()), 400


def _refused(error: GraphError) -> Response:
    response = jsonify(error.body())
    response.status_code = error.status
    if error.code == 190:
        response.headers["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token"'
    if error.retry_after is not None:
        response.headers["Retry-After"] = f"{error.retry_after:g}"
    return response


def _failing(fault: Fault) -> Response:
    """The answer of a fault that accepts nothing."""
    if isinstance(fault.what, str):
        request.environ[FAULT] = fault
        return Response()
    if fault.plain:
        return _proxy_error(fault)
    return _refused(fault.refusal())


def _spoilt(fault: Fault, answer: Json) -> Response:
    """The answer of a fault that comes after Meta has accepted."""
    request.environ[FAULT] = fault
    if fault.what == "garbage":
        return Response("<!doctype html><title>One moment, please...</title>", mimetype="text/html")
    if fault.plain:
        return _proxy_error(fault)
    if isinstance(fault.what, int) and not fault.late:
        return _refused(fault.refusal())
    return Response(json.dumps(answer), mimetype="application/json")


def _proxy_error(fault: Fault) -> Response:
    response = Response("<html><body>Sorry, something went wrong.</body></html>", fault.code)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    return response

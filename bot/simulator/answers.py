"""Graph's answers when something goes wrong: refusals, and the faults that were asked for."""

from __future__ import annotations

import json

from flask import Response, jsonify, request

from bot.simulator.errors import GraphError
from bot.simulator.faults import Fault
from bot.simulator.line import CODE, FAULT
from bot.simulator.world import Json


def refused(error: GraphError) -> Response:
    request.environ[CODE] = error.code
    response = jsonify(error.body())
    response.status_code = error.status
    if error.code == 190:
        response.headers["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token"'
    if error.retry_after is not None:
        response.headers["Retry-After"] = f"{error.retry_after:g}"
    return response


def failing(fault: Fault) -> Response:
    """The answer of a fault that accepts nothing."""
    if isinstance(fault.what, str):
        request.environ[FAULT] = fault
        return Response()
    if fault.plain:
        return _proxy_error(fault)
    return refused(fault.refusal())


def spoilt(fault: Fault, answer: Json) -> Response:
    """The answer of a fault that comes after Meta has accepted."""
    request.environ[FAULT] = fault
    if fault.what == "garbage":
        return Response("<!doctype html><title>One moment, please...</title>", mimetype="text/html")
    if fault.plain:
        return _proxy_error(fault)
    if isinstance(fault.what, int) and not fault.late:
        return refused(fault.refusal())
    return Response(json.dumps(answer), mimetype="application/json")


def _proxy_error(fault: Fault) -> Response:
    page = "" if fault.empty else "<html><body>Sorry, something went wrong.</body></html>"
    response = Response(page, fault.code)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    return response

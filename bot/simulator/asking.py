"""What the control API is asked with, and its plain yes."""

from __future__ import annotations

from flask import Response, jsonify, request
from werkzeug.exceptions import BadRequest

from bot.simulator.world import Json


def json_body() -> Json:
    """The JSON object of this request; 400 for anything else."""
    body = request.get_json(silent=True) if request.data else {}
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object with Content-Type application/json.")
    return body


def done() -> Response:
    return jsonify({"success": True})

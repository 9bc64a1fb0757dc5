"""The Flask app: Graph, the control API and the phone page on one address.

One app serves every simulator of a process: the request says whose it is.
"""

from __future__ import annotations

from functools import cache

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from bot.simulator import control, graph, page


class _Digits(BaseConverter):
    regex = r"\d+"


@cache
def flask_app() -> Flask:
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 101 * 1024 * 1024
    app.url_map.converters |= {"digits": _Digits}
    app.register_blueprint(graph.blueprint())
    app.register_blueprint(control.blueprint(), url_prefix="/_control")
    app.register_blueprint(page.blueprint())
    app.register_error_handler(404, graph.unknown_path)
    app.register_error_handler(HTTPException, _http_error)
    app.add_url_rule("/readyz", "readyz", lambda: Response("ready\n", mimetype="text/plain"))
    return app


def _http_error(error: HTTPException) -> tuple[Response, int]:
    status = error.code or 500
    return jsonify({"error": {"message": error.description, "code": status}}), status

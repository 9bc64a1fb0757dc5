"""Meta's door: GET answers its challenge, POST keeps the body before it answers 200."""

from __future__ import annotations

import os

from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import HTTPException

from bot import forms, posts, signatures
from bot.envelopes import Envelopes, NotKept
from config import settings
from flows import counters

blueprint = Blueprint("webhook", __name__)
blueprint.register_blueprint(forms.blueprint)

# Meta sends up to 3 MB.
LARGEST = 4 << 20
REFUSALS = {403: "forbidden", 413: "too_large", 503: "not_kept"}


@blueprint.get("/webhooks/whatsapp")
def challenge() -> Response:
    """Meta asks once, when the address is typed into its form."""
    token = request.args.get("hub.verify_token", "")
    if request.args.get("hub.mode") != "subscribe" or not signatures.same(
        token, settings().verify_token
    ):
        abort(403)
    return _plain(request.args.get("hub.challenge", ""))


@blueprint.post("/webhooks/whatsapp")
def receive() -> Response:
    """200 once the body is on disk. 403: not from Meta; 413: too large; 503: send it again."""
    with counters.timing("wa_webhook_ack_seconds"):
        body, signer = posts.signed(LARGEST)
        try:
            _envelopes().keep(body, signer.merchants)
        except NotKept:
            abort(503)
    counters.count("wa_webhook_requests_total", "kept")
    return _plain("kept")


@blueprint.errorhandler(HTTPException)
def refuse(error: HTTPException) -> Response:
    """Meta reads the status only; the pages' error pages are for people."""
    if request.method == "POST":
        counters.count("wa_webhook_requests_total", REFUSALS.get(error.code or 0, "other"))
    return _plain(error.name, error.code or 500)


def _plain(text: str, status: int = 200) -> Response:
    headers = {"X-Content-Type-Options": "nosniff"}
    return Response(text, status, headers, mimetype="text/plain")


_of_process: dict[tuple[int, str], Envelopes] = {}


def _envelopes() -> Envelopes:
    # One for each process: a forked child must not write into its parent's connection.
    key = os.getpid(), settings().database_url
    address = settings().database_url.replace("+psycopg", "", 1)
    return _of_process.get(key) or _of_process.setdefault(key, Envelopes(address))

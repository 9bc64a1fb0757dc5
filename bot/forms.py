"""Where WhatsApp asks what a form shows next: signed, then encrypted for the number's own key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from flask import Blueprint, Response, abort
from pywa.utils import default_flow_request_decryptor, default_flow_response_encryptor
from werkzeug.exceptions import HTTPException

from bot import posts
from flows import counters, forms
from models import db
from models.types import Json

blueprint = Blueprint("forms", __name__)

LARGEST = 64 << 10
"""A form without pictures: some thousand letters at most, encrypted and in base64."""
PARTS = ("encrypted_flow_data", "encrypted_aes_key", "initial_vector")
OTHER_KEY = 421
"""The phone fetches the number's key again and asks once more (Meta's page "Error codes")."""
NOT_VALID = 427
"""The phone says why, and closes the form for good."""
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a phone asked, and what its answer is encrypted with."""

    asked: Mapping[str, Any]
    key: bytes
    vector: bytes

    def reply(self, told: Json, status: int = 200) -> Response:
        sealed = default_flow_response_encryptor(told, self.key, self.vector)
        return Response(sealed, status, HEADERS, mimetype="text/plain")


@blueprint.post("/flows/<phone_number_id>")
def exchange(phone_number_id: str) -> Response:
    """The next screen of a form. 403: not from Meta; 404: no form of ours; 413: too large; 400: no
    request of a form; 421: another key; 427: its token opens nothing (any more)."""
    with counters.timing("wa_form_seconds"):
        door, opened = _open(phone_number_id)
        if opened.asked.get("action") == "ping":
            return opened.reply({"data": {"status": "active"}})
        try:
            with db.merchant(door.merchant_id):
                told = forms.answer(door.channel_id, opened.asked)
        except forms.Expired as expired:
            return opened.reply({"error_msg": expired.words}, NOT_VALID)
        return opened.reply(told)


@blueprint.errorhandler(HTTPException)
def refuse(error: HTTPException) -> Response:
    """WhatsApp reads the status only."""
    return Response(error.name, error.code, HEADERS, mimetype="text/plain")


def _open(phone_number_id: str) -> tuple[forms.Door, _Opened]:
    body, signer = posts.signed(LARGEST)
    door = forms.door(phone_number_id)
    if door is None:
        abort(404)
    if signer.merchants is not None and door.merchant_id not in signer.merchants:
        abort(403)
    parts = _parts(body)
    try:
        data, key, vector = (parts[name] for name in PARTS)
        asked, aes, initial = default_flow_request_decryptor(data, key, vector, door.private_key)
    except (ValueError, InvalidTag, RecursionError):
        abort(Response("Another key", OTHER_KEY, HEADERS, mimetype="text/plain"))
    if not isinstance(asked, dict):
        abort(400)
    return door, _Opened(asked, aes, initial)


def _parts(body: bytes) -> dict[str, str]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        abort(400)
    told = told if isinstance(told, dict) else {}
    parts = {name: part for name in PARTS if isinstance(part := told.get(name), str)}
    if len(parts) < len(PARTS):
        abort(400)
    return parts

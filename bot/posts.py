"""What Meta posts to a door of ours: not too large, and signed by an app that we know."""

from __future__ import annotations

from flask import abort, request

from bot import signatures
from bot.signatures import Signer


def signed(largest: int) -> tuple[bytes, Signer]:
    """The request's body and who signed it. 413: more than `largest` bytes; 403: nobody we know."""
    body = _body(largest)
    signer = signatures.signer(body, request.headers.get("X-Hub-Signature-256", ""))
    if signer is None:
        abort(403)
    return body, signer


def _body(largest: int) -> bytes:
    if (request.content_length or 0) > largest:
        abort(413)
    # A chunked body names no length, and is cut at the limit in silence: one byte more tells.
    request.max_content_length = largest + 1
    body = request.get_data(cache=False)
    if len(body) > largest:
        abort(413)
    return body

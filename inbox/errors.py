"""What people see when the shop says no, when something is not there, and when we are broken."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from flask import Flask, g, jsonify, redirect, render_template, request, url_for
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError, Unauthorized
from werkzeug.wrappers import Response

from flows.errors import Invalid, Refused
from inbox import htmx, languages, life
from inbox.current import current
from inbox.languages import N_, gettext

log = logging.getLogger(__name__)

WORDS = {
    400: (N_("This request cannot be read"), N_("Go back, check what you sent and try again.")),
    403: (N_("Not for you"), N_("Your role does not allow this. Ask a manager of your team.")),
    404: (N_("Not found"), N_("This page does not exist, or it is not yours to see.")),
    405: (N_("Not possible here"), N_("Go back and try again.")),
    413: (N_("Too large"), N_("What you sent is too large.")),
    500: (N_("Something broke on our side"), N_("Nothing you did was saved. Try again.")),
    503: (N_("Not available just now"), N_("Nothing you did was saved. Try again in a moment.")),
}


def attach(app: Flask) -> None:
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(OperationalError, _unreachable)
    app.register_error_handler(HTTPException, _http)


def _refused(refusal: Refused) -> Response:
    life.undo()
    facts: dict[str, Any] = {"code": refusal.code}
    if isinstance(refusal, Invalid):
        facts["fields"] = languages.told_each(refusal)
    if "allowed_ids" in refusal.facts:
        pairs = zip(refusal.facts["allowed_ids"], refusal.facts["allowed"], strict=True)
        facts["allowed"] = [{"id": id_, "name": name} for id_, name in pairs]
    title = gettext(N_("This cannot be done"))
    return _say(refusal.status, title, languages.told(refusal), **facts)


def _unreachable(error: OperationalError) -> Response:
    log.error("the database cannot be reached: %s", error)
    life.undo()
    response = _say(503, *_words(503), code="unavailable")
    response.headers["Retry-After"] = "5"
    return response


def _http(error: HTTPException) -> Response:
    life.undo()
    if error.response is not None:
        return error.get_response()  # a redirect, or an answer somebody made on purpose
    if isinstance(error, Unauthorized):
        return _sign_in_first()
    status = error.code or 500
    reference = _reference() if isinstance(error, InternalServerError) else ""
    return _say(
        status, *_words(status), code=error.name.lower().replace(" ", "_"), reference=reference
    )


def _sign_in_first() -> Response:
    if current.in_background:
        # Never tear a page away from under somebody's hands: it may hold an unsent answer.
        htmx.trigger("signed-out")
        return Response(status=401, headers={"HX-Reswap": "none"})
    if htmx.asked():
        return Response(status=401, headers={"HX-Redirect": url_for("auth.sign_in_form")})
    if _wants_json():
        return _say(401, "", gettext(N_("Sign in first.")), code="unauthorized")
    onward = request.full_path.removesuffix("?") if request.method == "GET" else None
    return redirect(url_for("auth.sign_in_form", next=onward))


def _say(status: int, title: str, text: str, *, reference: str = "", **facts: Any) -> Response:
    """The same refusal for a page, a fragment and a program."""
    if _wants_json():
        answer: Response = jsonify(error={"message": text, **facts})
    elif htmx.asked():
        htmx.toast(f"{text} ({reference})" if reference else text, kind="bad")
        answer = Response(headers={"HX-Reswap": "none"})
    else:
        page = render_template(
            "errors/page.html", status=status, title=title, text=text, reference=reference
        )
        answer = Response(page, mimetype="text/html")
    answer.status_code = status
    return answer


def _words(status: int) -> tuple[str, str]:
    title, text = WORDS.get(status) or WORDS[400 if status < 500 else 500]
    return gettext(title), gettext(text)


def _reference() -> str:
    """The request's name, which the person can tell and we can find in the log."""
    reference: str = g.get("request_id") or secrets.token_hex(6)
    log.error("reference %s: %s %s", reference, request.method, request.endpoint)
    return reference


def _wants_json() -> bool:
    return (
        request.accept_mimetypes.best_match(("text/html", "application/json")) == "application/json"
    )

"""The life of a request: who asks, one transaction for one merchant, committed once at the end."""

from __future__ import annotations

from flask import Flask, current_app, g, request
from werkzeug.wrappers import Response

from flows import permissions
from inbox import auth, htmx, security, sessions
from models import db

# These have no person behind them, or need none: no cookie is read, no merchant opened.
QUIET = ("webhook.", "static", "vendor.", "health.")


def attach(app: Flask) -> None:
    app.before_request(begin)
    app.after_request(finish)
    app.teardown_request(forget)


def begin() -> None:
    """The person is known and may be here; their merchant's session is open."""
    if _quiet():
        return
    security.refuse_foreign_forms()
    g.login = sessions.recognise()
    if request.endpoint is None:
        return  # a 404 or 405, on a page that knows who reads it
    required = auth.needs_of(current_app, request.endpoint)
    if required is not None:
        auth.admit(required)
        g.merchant_open = True
        member = g.login.member
        only = None if permissions.sees_all(member) else member.id
        db.begin(g.login.merchant.id, only=only)


def finish(response: Response) -> Response:
    """Below 400 what was done is true and what waited for that has left; else it never was."""
    if request.endpoint is not None and request.endpoint.startswith("webhook."):
        return response
    if "merchant_open" in g:
        (db.commit if response.status_code < 400 else db.rollback)()
    if not _quiet():
        htmx.announce(response)
    return security.protect(response)


def undo() -> None:
    """Nothing of this request stays; error pages call it before they say so."""
    if "merchant_open" in g:
        db.rollback()


def forget(_: BaseException | None) -> None:
    if g.pop("merchant_open", False):
        db.close()


def _quiet() -> bool:
    return request.endpoint is not None and request.endpoint.startswith(QUIET)

"""The life of a request: who asks, one transaction for one merchant, committed once at the end."""

from __future__ import annotations

import secrets
from dataclasses import replace

from flask import Flask, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from flows import audit, logs, permissions
from inbox import auth, htmx, security, sessions
from inbox.current import current
from models import db

# These have no person behind them, or need none: no cookie is read, no merchant opened.
QUIET = ("webhook.", "static", "vendor.", "health.")
# What opens to somebody who must set up a second step first: setting it up.
ENROLLING = {"account.second_step", "account.start_second_step", "account.confirm_second_step"}


def attach(app: Flask) -> None:
    app.before_request(name)
    app.before_request(begin)
    app.after_request(finish)
    app.teardown_request(forget)


def name() -> None:
    """The request has a name: in every line of the log, and in the answer's head."""
    if not _quiet():
        g.request_id = secrets.token_hex(6)
        logs.note(request=g.request_id)


def begin() -> Response | None:
    """The person is known and may be here; their merchant's session is open."""
    if _quiet():
        return None
    security.refuse_foreign_forms()
    g.login = sessions.recognise()
    audit.arrive(_origin())
    if request.endpoint is None:
        return None  # a 404 or 405, on a page that knows who reads it
    required = auth.needs_of(current_app, request.endpoint)
    if required is not None:
        auth.admit(required)
        if g.login.must_enrol and request.endpoint not in ENROLLING:
            return _enrol_first()
        g.merchant_open = True
        member = g.login.member
        only = None if permissions.sees_all(member) else member.id
        db.begin(g.login.merchant.id, only=only)
    return None


def _origin() -> audit.Origin:
    origin = audit.Origin(ip=request.remote_addr or "", agent=request.user_agent.string)
    if g.login is None:
        return origin
    return replace(origin, member_id=g.login.member.id, name=g.login.member.name)


def _enrol_first() -> Response:
    """Their role must have a second step: nothing else opens before it is set up."""
    page = url_for("account.second_step")
    if current.in_background:
        return Response(status=403, headers={"HX-Reswap": "none"})
    if htmx.asked():
        return Response(status=403, headers={"HX-Redirect": page})
    return redirect(page)


def finish(response: Response) -> Response:
    """Below 400 what was done is true and what waited for that has left; else it never was."""
    if request.endpoint is not None and request.endpoint.startswith("webhook."):
        return response
    if "merchant_open" in g:
        (db.commit if response.status_code < 400 else db.rollback)()
    if not _quiet():
        htmx.announce(response)
        response.headers["X-Request-Id"] = g.request_id
    return security.protect(response)


def undo() -> None:
    """Nothing of this request stays; error pages call it before they say so."""
    if "merchant_open" in g:
        db.rollback()


def forget(_: BaseException | None) -> None:
    logs.forget()
    audit.leave()
    if g.pop("merchant_open", False):
        db.close()


def _quiet() -> bool:
    return request.endpoint is not None and request.endpoint.startswith(QUIET)

"""Settings, Security: which roles must have a second step, and the doors of the team."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import security, team
from inbox import htmx
from inbox.account import pages
from inbox.auth import needs
from inbox.current import ROLE_NAMES, current
from inbox.languages import gettext as _
from inbox.languages import ngettext


@pages.get("/security", endpoint="security")
@needs("team.edit")
def index() -> str:
    return render_template(
        "account/security.html",
        roles=[(role.value, _(name)) for role, name in ROLE_NAMES.items()],
        required=security.required(),
        guards=security.guards(),
        role_names={role: _(name) for role, name in ROLE_NAMES.items()},
    )


@pages.post("/security")
@needs("team.edit")
def require() -> Response:
    """The ticked roles must have a second step, on their next request."""
    known = {role.value for role in ROLE_NAMES}
    security.require(known & set(request.form.getlist("role")), by=current.member)
    htmx.toast(_("Saved."))
    return _back()


@pages.post("/security/<uuid:member_id>/browsers")
@needs("team.edit")
def end_sessions(member_id: UUID) -> Response:
    """That member is signed out everywhere."""
    member = team.find(member_id)
    count = security.end_sessions(member)
    htmx.toast(
        ngettext(
            "%(name)s is signed out of %(num)s browser.",
            "%(name)s is signed out of %(num)s browsers.",
            count,
            name=member.name,
        )
    )
    return _back()


@pages.post("/security/<uuid:member_id>/second-step")
@needs("team.edit")
def reset_second_step(member_id: UUID) -> Response:
    """That member signs in by password again, and is signed out."""
    member = team.find(member_id)
    security.reset(member)
    htmx.toast(_("%(name)s signs in without a second step now.", name=member.name))
    return _back()


def _back() -> Response:
    url = url_for("account.security")
    if htmx.asked():
        return Response("", headers={"HX-Redirect": url})
    return redirect(url, 303)

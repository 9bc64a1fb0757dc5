"""Inviting somebody, once more, or not after all."""

from __future__ import annotations

from uuid import UUID

from flask import render_template, request

from flows import team
from flows.errors import Invalid, Refused
from flows.team import invitations
from inbox import languages, life
from inbox.auth import needs
from inbox.current import current
from inbox.languages import gettext as _
from inbox.team import links, page
from inbox.team.people import read_role
from inbox.team.routes import pages
from models.user import Role

Answer = str | tuple[str, int]


@pages.get("/team/invitations/new")
@needs("team.edit")
def new_invitation() -> str:
    return _form()


@pages.post("/team/invitations")
@needs("team.edit")
def invite() -> Answer:
    """The link, to copy; by mail too where there is a mail server."""
    email = request.form.get("email", "").strip()
    try:
        role, own = read_role(request.form.get("role", ""))
        invited, token = team.invite(email, role, by=current.member, custom_role=own)
    except Invalid as wrong:
        life.undo()
        errors = languages.told_each(wrong)
        return _form(errors=errors), wrong.status
    except Refused as refusal:
        life.undo()
        return _form(problem=languages.told(refusal)), refusal.status
    shown = links.invitation(invited, token)
    return render_template("team/_link.html", **shown) + page.lists()


@pages.post("/team/invitations/<uuid:invitation_id>/again")
@needs("team.edit")
def resend(invitation_id: UUID) -> str:
    invited = invitations.find(invitation_id)
    shown = links.invitation(invited, team.resend(invited))
    return render_template("team/_link.html", **shown) + page.lists()


@pages.post("/team/invitations/<uuid:invitation_id>/withdraw")
@needs("team.edit")
def withdraw(invitation_id: UUID) -> str:
    invited = invitations.find(invitation_id)
    team.withdraw(invited)
    return page.changed(_("The invitation for %(email)s is withdrawn.", email=invited.email))


def _form(*, errors: dict[str, str] | None = None, problem: str = "") -> str:
    return render_template(
        "team/invite.html",
        typed=request.form,
        choices=page.choices(invited=True),
        chosen=request.form.get("role") or Role.AGENT.value,
        errors=errors or {},
        problem=problem,
    )

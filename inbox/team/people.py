"""One of the team: their role, a link for a new password, the way out and back in."""

from __future__ import annotations

from uuid import UUID

from flask import render_template, request

from flows import security, team
from flows.errors import Invalid, Refused
from flows.team import roles
from inbox import languages, life
from inbox.auth import needs
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.languages import N_, ngettext
from inbox.languages import gettext as _
from inbox.team import links, page
from inbox.team.routes import pages
from models.team import CustomRole
from models.user import Membership, Role

Answer = str | tuple[str, int]
KEEP = "keep"
"""Who goes keeps their work for now."""


@pages.get("/team/people/<uuid:member_id>")
@needs("team.edit")
def member(member_id: UUID) -> str:
    return _form(team.find(member_id))


@pages.post("/team/people/<uuid:member_id>")
@needs("team.edit")
def change_role(member_id: UUID) -> Answer:
    """What they may do, from their next request on."""
    who = team.find(member_id)
    try:
        role, own = read_role(request.form.get("role", ""))
        team.change_role(who, role, by=current.member, custom_role=own)
    except Refused as refusal:
        life.undo()
        return _form(team.find(member_id), problem=languages.told(refusal)), refusal.status
    says = _(
        "%(name)s: %(role)s.", name=who.name, role=page.role_name(role, own.name if own else None)
    )
    return page.changed(says)


def read_role(text: str) -> tuple[Role, CustomRole | None]:
    """A built-in role by its name, an own one by its identifier; Invalid for neither."""
    if text in {role.value for role in Role if role is not Role.CUSTOM}:
        return Role(text), None
    id_ = read_id(text)
    if id_ is None:
        refusal = Refused("role", N_("Choose one of the list."))
        raise Invalid({"role": refusal})
    return Role.CUSTOM, roles.find(id_)


def _form(who: Membership, *, problem: str = "") -> str:
    listed = next(one for one in team.listed() if one.member.id == who.id)
    return render_template(
        "team/member.html",
        member=who,
        email=listed.email,
        second_step=listed.second_step,
        chosen=str(who.custom_role_id) if who.role is Role.CUSTOM else who.role.value,
        choices=page.choices(),
        teams=team.teams_of().get(who.id, []),
        holdings=team.holdings(who),
        problem=problem,
    )


# --- a new password -------------------------------------------------------------------------------


@pages.post("/team/people/<uuid:member_id>/password")
@needs("team.edit")
def reset(member_id: UUID) -> str:
    """A link for them, once and within the hour; copied, never mailed: they may share a mailbox."""
    who = team.find(member_id)
    token = team.make_reset(who, by=current.member)
    return render_template("team/_link.html", **links.password(who, token))


@pages.post("/team/people/<uuid:member_id>/browsers")
@needs("team.edit")
def sign_out(member_id: UUID) -> str:
    """Signed out of this merchant on every device; in again with their password."""
    who = team.find(member_id)
    count = security.end_sessions(who)
    return page.changed(
        ngettext(
            "%(name)s is signed out of %(num)s browser.",
            "%(name)s is signed out of %(num)s browsers.",
            count,
            name=who.name,
        )
    )


# --- out and in -----------------------------------------------------------------------------------


@pages.get("/team/people/<uuid:member_id>/leave")
@needs("team.edit")
def ask_disable(member_id: UUID) -> str:
    """What they look after, and who could have it."""
    return _leaving(team.find(member_id))


@pages.post("/team/people/<uuid:member_id>/leave")
@needs("team.edit")
def disable(member_id: UUID) -> Answer:
    """Out at once; their open orders and conversations go where the form says (`to`)."""
    who = team.find(member_id)
    try:
        if who.active:
            team.disable(who, by=current.member)
        handed = _hand_over(who, request.form.get("to", KEEP))
    except Refused as refusal:
        life.undo()
        return _leaving(team.find(member_id), problem=languages.told(refusal)), refusal.status
    return page.changed(" ".join([_("%(name)s is signed out.", name=who.name), *handed]))


@pages.post("/team/people/<uuid:member_id>/return")
@needs("team.edit")
def enable(member_id: UUID) -> str:
    who = team.find(member_id)
    team.enable(who, by=current.member)
    return page.changed(_("%(name)s can sign in again.", name=who.name))


def _hand_over(who: Membership, to: str) -> list[str]:
    if to == KEEP:
        return []
    id_ = read_id(to)
    handed = team.hand_over(who, team.find(id_) if id_ else None, by=current.member)
    return [
        ngettext("%(num)s order handed over.", "%(num)s orders handed over.", handed.orders),
        ngettext(
            "%(num)s conversation handed over.",
            "%(num)s conversations handed over.",
            handed.conversations,
        ),
    ]


def _leaving(who: Membership, *, problem: str = "") -> str:
    return render_template(
        "team/leave.html",
        member=who,
        holdings=team.holdings(who),
        colleagues=[one for one in team.members() if one.id != who.id],
        problem=problem,
    )

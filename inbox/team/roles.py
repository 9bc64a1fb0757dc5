"""Own roles: a name and a matrix of what it lets people do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from flask import render_template, request

from flows import permissions, team
from flows.errors import Invalid
from flows.team import roles
from inbox import languages, life
from inbox.auth import needs
from inbox.current import ROLE_NAMES
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.team import page
from inbox.team.routes import pages
from models.team import CustomRole
from models.user import Role

Answer = str | tuple[str, int]
# Whose columns stand beside the boxes, to compare with.
BESIDE = (Role.MANAGER, Role.AGENT, Role.COURIER, Role.VIEWER)


@pages.get("/team/roles/new")
@needs("team.edit")
def new_role() -> str:
    return _form(None, "", permissions.PERMISSIONS[Role.VIEWER])


@pages.post("/team/roles")
@needs("team.edit")
def add_role() -> Answer:
    return _kept(None)


@pages.get("/team/roles/<uuid:role_id>")
@needs("team.edit")
def edit_role(role_id: UUID) -> str:
    found = roles.find(role_id)
    return _form(found, found.name, found.permissions)


@pages.post("/team/roles/<uuid:role_id>")
@needs("team.edit")
def change_role_of_ours(role_id: UUID) -> Answer:
    return _kept(roles.find(role_id))


@pages.post("/team/roles/<uuid:role_id>/delete")
@needs("team.edit")
def delete_role(role_id: UUID) -> str:
    found = roles.find(role_id)
    roles.delete(found)
    return page.changed(_("Role %(name)s deleted.", name=found.name))


def _kept(found: CustomRole | None) -> Answer:
    name = Fields(request.form).text("name")
    ticked = frozenset(request.form.getlist("permission"))
    try:
        kept = roles.keep(team.NewRole(name, ticked), found)
    except Invalid as wrong:
        life.undo()
        errors = languages.told_each(wrong)
        return _form(found, name, ticked, errors), wrong.status
    return page.changed(_("Role %(name)s kept.", name=kept.name))


def _form(
    found: CustomRole | None,
    name: str,
    ticked: Collection[str],
    errors: Mapping[str, str] | None = None,
) -> str:
    return render_template(
        "team/role.html",
        role=found,
        name=name,
        ticked=ticked,
        errors=errors or {},
        groups=permissions.GROUPS,
        grantable=permissions.GRANTABLE,
        beside=[(_(ROLE_NAMES[role]), permissions.PERMISSIONS[role]) for role in BESIDE],
    )

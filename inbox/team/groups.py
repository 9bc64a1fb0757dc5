"""Teams: their people, languages and cities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import render_template, request

from flows import team
from flows.errors import Invalid
from flows.team import groups
from inbox import languages, life
from inbox.auth import needs
from inbox.conversations.asked import read_id
from inbox.forms import Fields
from inbox.languages import gettext as _
from inbox.team import page
from inbox.team.routes import pages
from models.team import Team

Answer = str | tuple[str, int]


@pages.get("/team/teams/new")
@needs("team.edit")
def new_team() -> str:
    return _form(None, {"name": "", "cities": "", "languages": [], "members": []})


@pages.post("/team/teams")
@needs("team.edit")
def add_team() -> Answer:
    return _kept(None)


@pages.get("/team/teams/<uuid:team_id>")
@needs("team.edit")
def edit_team(team_id: UUID) -> str:
    found = groups.find(team_id)
    typed: dict[str, Any] = {"name": found.name, "cities": "\n".join(found.cities)}
    typed["languages"] = found.languages
    typed["members"] = [str(id_) for id_ in groups.members_of(found)]
    return _form(found, typed)


@pages.post("/team/teams/<uuid:team_id>")
@needs("team.edit")
def change_team(team_id: UUID) -> Answer:
    return _kept(groups.find(team_id))


@pages.post("/team/teams/<uuid:team_id>/delete")
@needs("team.edit")
def delete_team(team_id: UUID) -> str:
    found = groups.find(team_id)
    groups.remove(found)
    return page.changed(_("Team %(name)s deleted.", name=found.name))


def _kept(found: Team | None) -> Answer:
    fields = Fields(request.form)
    form = team.NewTeam(
        name=fields.text("name"),
        languages=[code for code in request.form.getlist("languages") if code in languages.NAMES],
        cities=[city.strip()[:80] for city in fields.lines("cities").splitlines()],
        members=frozenset(id_ for id_ in map(read_id, request.form.getlist("members")) if id_),
    )
    try:
        kept = groups.keep(form, found)
    except Invalid as wrong:
        life.undo()
        errors = languages.told_each(wrong)
        typed: dict[str, Any] = {"name": form.name, "cities": fields.lines("cities")}
        typed |= {name: request.form.getlist(name) for name in ("languages", "members")}
        return _form(found, typed, errors), wrong.status
    return page.changed(_("Team %(name)s kept.", name=kept.name))


def _form(
    found: Team | None, typed: Mapping[str, Any], errors: Mapping[str, str] | None = None
) -> str:
    return render_template(
        "team/team.html", team=found, typed=typed, errors=errors or {}, members=team.members()
    )

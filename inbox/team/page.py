"""The page itself, and the pieces of it that change."""

from __future__ import annotations

from typing import Any

from flask import render_template

from flows import mail, plans, team
from inbox import htmx, languages
from inbox.auth import needs
from inbox.current import ROLE_NAMES, current
from inbox.languages import N_, gettext
from inbox.team.routes import pages
from models.team import Invitation
from models.types import utcnow
from models.user import Role

# What each role is for, as the dialogs say it.
ROLE_WORDS = {
    Role.OWNER: N_("Everything, the team and the WhatsApp numbers too."),
    Role.MANAGER: N_("Runs the shop and sees the money; not the team."),
    Role.AGENT: N_("Answers, takes and confirms orders; sees no revenue."),
    Role.COURIER: N_("Sees and moves only the orders given to them."),
    Role.VIEWER: N_("Looks at everything but money, changes nothing."),
    Role.CUSTOM: N_("What you tick in a role of your own."),
}


@pages.get("/team")
@needs("team.edit")
def index() -> str:
    return render_template("team/index.html", **facts())


def facts() -> dict[str, Any]:
    plan = plans.of(current.merchant)
    return {
        "people": team.listed(),
        "invitations": team.invited(),
        "teams": team.teams(),
        "teams_of": team.teams_of(),
        "custom_roles": team.custom_roles(),
        "role_name": role_name,
        "plan": plan,
        "places": plans.places_taken(),
        "by_mail": mail.possible(),
        "expired": expired,
    }


def role_name(role: Role, custom: str | None = None) -> str:
    """What the role is called: a role of the merchant's own by its own name."""
    return custom or gettext(ROLE_NAMES[role])


def expired(invitation: Invitation) -> bool:
    return not invitation.open(utcnow())


def changed(note: str) -> str:
    """The lists anew, the dialog closed, and what was done in a small note."""
    htmx.toast(note)
    htmx.close_dialog()
    return lists()


def lists() -> str:
    return render_template("team/_changed.html", **facts())


def choices(*, invited: bool = False) -> list[tuple[str, str, str]]:
    """(value, name, what it is for) of every role somebody can be given."""
    none = (Role.CUSTOM, Role.OWNER) if invited else (Role.CUSTOM,)
    fixed = [role for role in Role if role not in none]
    said = [(role.value, role_name(role), gettext(ROLE_WORDS[role])) for role in fixed]
    own = [(str(role.id), role.name, _few(role.permissions)) for role in team.custom_roles()]
    return said + own


def _few(names: list[str]) -> str:
    return languages.ngettext("%(num)s permission", "%(num)s permissions", len(names))

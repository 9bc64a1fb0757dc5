"""Links that open a door, as they are shown to copy and as they are mailed."""

from __future__ import annotations

from typing import Any

from flask import url_for

from config import settings
from flows import mail
from inbox.current import current
from inbox.languages import gettext as _
from models.team import Invitation
from models.user import Membership, User


def _link(endpoint: str, token: str) -> str:
    """Never the name a request was made by: that one is whatever the browser says."""
    return settings().base_url + url_for(endpoint, token=token)


def invitation(invited: Invitation, token: str) -> dict[str, Any]:
    """The link for somebody invited; it leaves by mail too, where there is a mail server."""
    link = _link("team.join", token)
    mail.post(
        invited.email,
        _("%(merchant)s invites you to Wasl", merchant=current.merchant_name),
        _(
            "Hello,\n\n%(name)s invites you to the team of %(merchant)s on Wasl.\n\n"
            "Open this link within seven days to join:\n%(link)s\n\n"
            "If you do not know them, leave this message alone.",
            name=current.name,
            merchant=current.merchant_name,
            link=link,
        ),
    )
    return {
        "title": _("Invitation for %(email)s", email=invited.email),
        "link": link,
        "mailed": mail.possible(),
        "says": _("It opens once, within seven days. It is not shown again."),
    }


def password(who: Membership, token: str) -> dict[str, Any]:
    return {
        "title": _("New password for %(name)s", name=who.name),
        "link": _link("team.password", token),
        "mailed": False,
        "says": _("Give it to them alone: it opens once, within the hour."),
    }


def mail_password(user: User, token: str) -> None:
    """To whoever asked for it; in the language they asked in."""
    mail.post(
        user.email,
        _("A new password for Wasl"),
        _(
            "Hello %(name)s,\n\nopen this link within the hour to choose a new password:\n"
            "%(link)s\n\nIf you did not ask for it, leave this message alone: nothing changes.",
            name=user.name,
            link=_link("team.password", token),
        ),
    )

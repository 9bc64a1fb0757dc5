"""Settings: where a merchant shapes what Wasl does."""

from __future__ import annotations

from flask import Blueprint, render_template

from inbox import signup
from inbox.auth import needs
from inbox.current import current
from inbox.languages import N_

pages = Blueprint("settings", __name__)

# route, icon, name, what it is for, the permission it needs
ROOMS = (
    (
        "channels.index",
        "phone",
        N_("WhatsApp numbers"),
        N_("Connect numbers, see how Meta rates them, edit what customers see."),
        "channels.edit",
    ),
    (
        "pipeline.index",
        "board",
        N_("Pipeline"),
        N_("Stages, what they mean, and which moves are allowed."),
        "pipeline.edit",
    ),
    (
        "delivery.index",
        "truck",
        N_("Delivery fees"),
        N_("What delivery costs the customer, by city."),
        "settings.edit",
    ),
    (
        "rules.index",
        "phone",
        N_("Calls and quiet hours"),
        N_("How often to call, and when no automatic message leaves."),
        "settings.edit",
    ),
    (
        "team.index",
        "user",
        N_("Team"),
        N_("Who works here, what each may do, and how they come in."),
        "team.edit",
    ),
    (
        "library.index",
        "note",
        N_("Saved answers"),
        N_("Texts and files your team sends again and again."),
        "inbox.reply",
    ),
    (
        "notifications.preferences",
        "bell",
        N_("What may ring"),
        N_("Which events ring your bell."),
        "orders.read",
    ),
    (
        "account.security",
        "lock",
        N_("Security"),
        N_("Who must sign in with a second step, and where your team is signed in."),
        "team.edit",
    ),
    (
        "audit.index",
        "history",
        N_("Audit"),
        N_("Who changed, exported or opened what, when and from where."),
        "audit.read",
    ),
)


@pages.get("/settings")
@needs("settings.edit")
def index() -> str:
    rooms = [room for room in ROOMS if current.may(room[4])]
    moving_in = signup.still_moving_in()
    return render_template("settings/index.html", rooms=rooms, moving_in=moving_in)

"""A line on every page: whether messages come in and go out, and what to do when they do not."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Blueprint, render_template
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from flows import health
from flows.health import Health
from inbox import filters
from inbox.auth import needs
from inbox.current import current
from inbox.languages import N_, gettext

log = logging.getLogger(__name__)

pages = Blueprint("pulse", __name__)

# What stands still when nobody does this work, and what goes slower when fewer do.
MISSING = {
    "ingest": N_("What customers write is not read."),
    "deliver": N_("Nothing is sent."),
    "chores": N_("Timers, mails and moves of many orders wait."),
    "media": N_("Pictures and files are not fetched."),
    "clock": N_("Nothing that is due by itself happens."),
    "live": N_("Screens do not refresh by themselves."),
}
FEWER = {
    "ingest": N_("Fewer workers read what customers write."),
    "deliver": N_("Fewer workers send."),
    "chores": N_("Fewer workers do timers, mails and moves of many orders."),
    "media": N_("Fewer workers fetch pictures and files."),
    "clock": N_("One clock has stopped, another one goes on."),
    "live": N_("Fewer processes refresh screens."),
}
START = N_("Start %(program)s on the server. Nothing is lost.")
GROWING = N_("It catches up by itself; if it grows, start another %(program)s.")
# What happened, what to do.
SENTENCES = {
    "missing": ("", START),
    "silent": ("", N_("Look at %(program)s on the server.")),
    "stuck": (
        N_("%(program)s has been at one task for over a minute."),
        N_("Look at its log on the server; if it stays so, restart it. Nothing is lost."),
    ),
    "redis": (
        N_("Sends wait and screens do not refresh by themselves: Redis does not answer."),
        N_("Start it on the server. Nothing is lost."),
    ),
    "unread": (N_("What customers write is read late, by %(unread)s."), GROWING),
    "unsent": (N_("Messages leave late, by %(unsent)s."), GROWING),
}
PROGRAMS = {"clock": "wasl clock", "live": "wasl-live"}
BUSY = {"unread": "ingest", "unsent": "deliver"}


@dataclass(frozen=True, slots=True)
class Trouble:
    what: Markup
    advice: Markup


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the line says. `now` is for those who may change the settings, else None."""

    color: str
    text: str
    troubles: tuple[Trouble, ...] = ()
    now: Health | None = None


def pulse() -> Pulse | None:
    """How the install is; nothing for whom no page is open, or when nobody knows."""
    if not current.at_work:
        return None
    try:
        now = health.look()
    except SQLAlchemyError as error:
        log.warning("nobody knows how it is: %s", error)
        return None
    color = "red" if now.grave else "orange" if now.troubles else "green"
    if not current.may("settings.edit"):
        return Pulse(color, gettext(FOR_EVERYBODY[color]))
    troubles = tuple(_told(kind, worker, now) for kind, worker in now.troubles)
    return Pulse(color, gettext(FOR_WHO_LOOKS_AFTER_IT[color]), troubles, now)


FOR_EVERYBODY = {
    "green": N_("All is running"),
    "orange": N_("Messages are late"),
    "red": N_("Messages are held up"),
}
FOR_WHO_LOOKS_AFTER_IT = FOR_EVERYBODY | {"red": N_("Something has stopped")}


def _told(kind: str, worker: str, now: Health) -> Trouble:
    what, advice = SENTENCES[kind]
    what = {"missing": MISSING, "silent": FEWER}.get(kind, {}).get(worker, what)
    worker = worker or BUSY.get(kind, "")
    facts = {
        "program": filters.ltr(PROGRAMS.get(worker, f"wasl worker {worker}")),
        "unread": filters.lasting(now.unread_age),
        "unsent": filters.lasting(now.unsent_age),
    }
    return Trouble(Markup(gettext(what)) % facts, Markup(gettext(advice)) % facts)  # noqa: S704 - our own sentences, every fact in them is escaped


pages.add_app_template_global(pulse, "pulse_now")


@pages.get("/pulse")
@needs()
def line() -> str:
    """The line as it is now, for a page that has been open for a while."""
    return render_template("pulse/_line.html")

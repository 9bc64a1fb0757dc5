"""The main menu: which pages there are, and the permission each needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import current_app, request, url_for

from inbox.current import current
from inbox.languages import N_, gettext


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu. `badge` names the route that answers its count, when there is one."""

    path: str
    text: str
    icon: str
    key: str
    permission: str = ""
    """All of these; none needed: everybody who is signed in."""
    badge: str = ""
    live: str = ""
    also: tuple[str, ...] = ()
    """Other paths that belong to it."""
    narrow: bool = True
    """Whether a phone has room for it; if not, it is in the menu of the person."""


MENU = (
    Entry("/inbox", N_("Inbox"), "inbox", "i", "inbox.read", "conversations.unread", "inbox"),
    Entry("/board", N_("Orders"), "board", "b", "orders.read", also=("/orders", "/calls")),
    Entry("/automations", N_("Automations"), "bolt", "a", "automations.read"),
    Entry("/bot", N_("Bot"), "bot", "o", "automations.read", narrow=False),
    Entry("/runs", N_("Sent messages"), "receipt", "r", "automations.read", narrow=False),
    Entry(
        "/troubles",
        N_("Problems"),
        "alert",
        "p",
        "inbox.reply orders.move",
        "troubles.count",
        "troubles",
        narrow=False,
    ),
    Entry("/templates", N_("Templates"), "template", "t", "templates.read", narrow=False),
    Entry("/costs", N_("Costs"), "coins", "c", "costs.read money.see", narrow=False),
    Entry(
        "/notifications",
        N_("Notifications"),
        "bell",
        "n",
        badge="notifications.unread",
        live="bell:{member}",
    ),
    Entry(
        "/settings",
        N_("Settings"),
        "settings",
        "s",
        "settings.edit",
        also=(
            *("/pipeline", "/delivery", "/rules", "/library"),
            *("/numbers", "/moving-in", "/team", "/security", "/audit"),
        ),
        narrow=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    text: str
    icon: str
    key: str
    current: bool
    narrow: bool
    live: str
    badge_url: str | None


def links() -> Iterator[Link]:
    """The entries this person may open."""
    for entry in MENU:
        if all(current.may(one) for one in entry.permission.split()):
            yield Link(
                entry.path,
                gettext(entry.text),
                entry.icon,
                entry.key,
                any(_leads_to(path) for path in (entry.path, *entry.also)),
                entry.narrow,
                entry.live.format(member=current.login.member.id),
                url_for(entry.badge) if entry.badge in current_app.view_functions else None,
            )


def _leads_to(path: str) -> bool:
    return request.path == path or request.path.startswith(path + "/")


def home() -> str:
    """Where this person starts: the first page they may open."""
    return next(links()).url

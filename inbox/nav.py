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
    permission: str
    badge: str = ""
    live: str = ""


MENU = (
    Entry("/inbox", N_("Inbox"), "inbox", "i", "inbox.read", "conversations.unread", "inbox"),
    Entry("/board", N_("Orders"), "board", "b", "orders.read"),
    Entry("/automations", N_("Automations"), "bolt", "a", "automations.read"),
    Entry("/runs", N_("Sent messages"), "receipt", "r", "automations.read"),
    Entry("/costs", N_("Costs"), "coins", "c", "costs.read"),
)


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    text: str
    icon: str
    key: str
    current: bool
    live: str
    badge_url: str | None


def links() -> Iterator[Link]:
    """The entries this person may open."""
    for entry in MENU:
        if current.may(entry.permission):
            yield Link(
                entry.path,
                gettext(entry.text),
                entry.icon,
                entry.key,
                request.path == entry.path or request.path.startswith(entry.path + "/"),
                entry.live,
                url_for(entry.badge) if entry.badge in current_app.view_functions else None,
            )


def home() -> str:
    """Where this person starts: the first page they may open."""
    return next(links()).url

"""The small lines between the bubbles: what happened, in the reader's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from markupsafe import Markup

from flows import orders
from inbox.conversations import asides
from inbox.current import current
from inbox.filters import bdi, ltr
from inbox.languages import N_, gettext
from models.conversation import Activity
from models.timeline import Actor
from models.types import Json


@dataclass(frozen=True, slots=True)
class Line:
    activity: Activity
    icon: str
    text: Markup
    undo: tuple[str, int] | None = None
    """Where the move that it tells of is taken back, and the order's version since; None where it
    cannot be, or nobody who looks may."""


# Kind → icon and sentence; its facts are those of the activity, `who` and `order`.
SAID: dict[str, tuple[str, str]] = {
    "order_created": ("receipt", N_("%(who)s created order %(order)s")),
    "order_moved": ("right", N_("%(who)s moved order %(order)s from “%(from)s” to “%(to)s”")),
    "tapped": ("check", N_("%(who)s tapped “%(button)s” for order %(order)s")),
    "repeated_tap": (
        "info",
        N_("%(who)s tapped “%(button)s” again: order %(order)s stays on “%(stage)s”"),
    ),
    "late_tap": (
        "clock",
        N_("%(who)s tapped “%(button)s” too late: order %(order)s was already on “%(stage)s”"),
    ),
    "tap_refused": (
        "alert",
        N_("%(who)s tapped “%(button)s”: order %(order)s cannot go from “%(stage)s” to “%(to)s”"),
    ),
    "stock_blocked": (
        "alert",
        N_(
            "%(who)s tapped “%(button)s”, but “%(name)s” is short of stock: "
            "order %(order)s stays on “%(stage)s”"
        ),
    ),
    "answered_in_time": (
        "clock",
        N_(
            "%(who)s answered in time, but WhatsApp brought it late:"
            " order %(order)s is on “%(stage)s”"
        ),
    ),
    "loop_stopped": (
        "alert",
        N_("Automations moved order %(order)s too often: it stays on “%(stage)s”"),
    ),
    "fallback_refused": (
        "alert",
        N_("Nobody answered, but order %(order)s cannot go from “%(stage)s” to “%(to)s”"),
    ),
    "assigned_team": ("assign", N_("%(who)s gave the conversation to the team %(to)s")),
    "blocked": ("block", N_("%(who)s blocked this customer: %(reason)s")),
    "unblocked": ("undo", N_("%(who)s unblocked this customer")),
    "opted_in": ("check", N_("%(who)s recorded: this customer agrees to advertising")),
    "opted_out": ("block", N_("%(who)s recorded: this customer wants no advertising")),
    "automation_failed": (
        "alert",
        N_("The automation “%(automation)s” could not send its message for order %(order)s"),
    ),
    "bot_left": ("bot", "%(summary)s"),
    "bot_stopped": ("user", N_("%(who)s took the conversation over from the bot")),
    "bot_back": ("bot", N_("%(who)s gave the conversation back to the bot")),
    "wishes": ("alert", N_("%(who)s wrote “%(spoken)s” about order %(order)s: it needs somebody")),
}
# The same where the customer wrote it and the bot understood: the sentence, and how sure it was.
SPOKEN: dict[str, str] = {
    "order_moved": N_(
        "%(who)s wrote “%(spoken)s”%(sure)s: order %(order)s moved from “%(from)s” to “%(to)s”"
    ),
    "repeated_tap": N_(
        "%(who)s wrote “%(spoken)s”%(sure)s again: order %(order)s stays on “%(stage)s”"
    ),
    "late_tap": N_(
        "%(who)s wrote “%(spoken)s”%(sure)s too late: order %(order)s was already on “%(stage)s”"
    ),
    "tap_refused": N_(
        "%(who)s wrote “%(spoken)s”%(sure)s: order %(order)s cannot go from “%(stage)s” to “%(to)s”"
    ),
    "stock_blocked": N_(
        "%(who)s wrote “%(spoken)s”%(sure)s, but “%(name)s” is short of stock: "
        "order %(order)s stays on “%(stage)s”"
    ),
}
_ACTORS = {
    Actor.CUSTOMER: N_("The customer"),
    Actor.AUTOMATION: N_("An automation"),
    Actor.CARRIER: N_("The carrier"),
    Actor.STORE: N_("The shop"),
    Actor.SYSTEM: N_("Wasl"),
}
_BY_CUSTOMER = ("tapped", "repeated_tap", "late_tap", "tap_refused", "stock_blocked", "wishes")


def lines(activities: Sequence[Activity]) -> list[Line]:
    """The activities in words; moves that the bot understood can be taken back from there."""
    understood = [a for a in activities if "version" in a.facts]
    versions: Mapping[int, int] = {}
    if understood and current.may("orders.move"):
        versions = orders.versions([a.facts["number"] for a in understood])
    return [line(activity, versions) for activity in activities]


def line(activity: Activity, versions: Mapping[int, int] | None = None) -> Line:
    """The activity in words; a kind nobody has words for is named as it is."""
    icon, sentence = _said(activity)
    # Our own sentence is the markup; every fact in it is escaped.
    text = Markup(gettext(sentence)) % _Facts(activity)  # noqa: S704
    return Line(activity, icon, text, _undo(activity.facts, versions or {}))


def _undo(facts: Json, versions: Mapping[int, int]) -> tuple[str, int] | None:
    number, version = facts.get("number"), facts.get("version")
    if not isinstance(number, int) or version is None or versions.get(number) != version:
        return None
    return url_for("board.undo", number=number), version


# What the customer said themselves, or Meta in their name.
_THEIRS: dict[tuple[str, str], tuple[str, str]] = {
    ("opted_in", "whatsapp"): ("check", N_("%(who)s wrote “%(wording)s”: advertising is welcome")),
    ("opted_out", "whatsapp"): ("block", N_("%(who)s wrote “%(wording)s”: no more advertising")),
    ("opted_in", "meta"): ("check", N_("%(who)s resumed your advertising in WhatsApp")),
    ("opted_out", "meta"): ("block", N_("%(who)s stopped your advertising in WhatsApp")),
    ("opted_in", "order"): ("check", N_("%(who)s recorded with an order: agrees to advertising")),
}


# Whose call it was, and how it ended.
CALLS: dict[tuple[str, str], str] = {
    ("customer", "rings"): N_("The customer is calling on WhatsApp"),
    ("customer", "talked"): N_("The customer called on WhatsApp: %(length)s"),
    ("customer", "missed"): N_("Missed call of the customer on WhatsApp"),
    ("us", "rings"): N_("You are calling on WhatsApp"),
    ("us", "talked"): N_("You called on WhatsApp: %(length)s"),
    ("us", "missed"): N_("You called on WhatsApp, nobody answered"),
    ("us", "declined"): N_("You called on WhatsApp, the customer declined"),
}


def _call(facts: Json) -> str:
    by = "customer" if facts.get("by") == "customer" else "us"
    if facts.get("seconds"):
        ended = "talked"
    elif facts.get("declined"):
        ended = "declined"
    else:
        ended = "missed" if facts.get("over") else "rings"
    return CALLS.get((by, ended)) or CALLS[by, "missed"]


def _length(activity: Activity) -> Markup:
    """2:05 min"""
    minutes, seconds = divmod(int(activity.facts.get("seconds") or 0), 60)
    return ltr(f"{minutes}:{seconds:02}")


def _said(activity: Activity) -> tuple[str, str]:
    if activity.kind == "call":
        return "phone", _call(activity.facts)
    if activity.kind in SPOKEN and activity.facts.get("spoken"):
        return SAID[activity.kind][0], SPOKEN[activity.kind]
    if activity.kind == "order_created" and activity.facts.get("by") == Actor.CUSTOMER:
        return "bot", N_("%(who)s ordered from the bot: order %(order)s")
    theirs = _THEIRS.get((activity.kind, str(activity.facts.get("source"))))
    if theirs is not None:
        return theirs
    if activity.kind != "assigned":
        return SAID.get(activity.kind, ("info", N_("%(who)s: %(kind)s")))
    to = activity.facts.get("to")
    if to is None:
        return "assign", N_("%(who)s left the conversation to everybody")
    if activity.actor is not None and to == activity.actor.name:
        return "assign", N_("%(who)s took the conversation")
    return "assign", N_("%(who)s gave the conversation to %(to)s")


def _who(activity: Activity) -> Markup:
    if activity.actor is not None:
        return bdi(activity.actor.name)
    by = activity.facts.get("by") or (
        Actor.CUSTOMER if activity.kind in _BY_CUSTOMER else Actor.SYSTEM
    )
    known = by in {actor.value for actor in Actor} and Actor(by) in _ACTORS
    return bdi(gettext(_ACTORS[Actor(by)] if known else N_("Somebody")))


def _order(activity: Activity) -> Markup:
    number = activity.facts.get("number")
    if not isinstance(number, int):
        return Markup("…")
    shown = ltr(f"#{number}")
    if not current.may("orders.read"):
        return shown
    return Markup('<a href="{}">{}</a>').format(url_for("orders.show", number=number), shown)


def _sure(activity: Activity) -> Markup:
    said = asides.sure(activity.facts.get("confidence"))
    return Markup(" ({})").format(said) if said else Markup("")


_MADE: dict[str, Callable[[Activity], Markup]] = {
    "who": _who,
    "order": _order,
    "summary": asides.summed_up,
    "sure": _sure,
    "length": _length,
    "kind": lambda activity: bdi(activity.kind.replace("_", " ")),
}


class _Facts(dict[str, Any]):
    """What a sentence may name; an old activity may lack a fact that today's sentence names."""

    def __init__(self, activity: Activity) -> None:
        super().__init__()
        self.activity = activity

    def __missing__(self, name: str) -> Markup:
        if name in _MADE:
            return _MADE[name](self.activity)
        fact = self.activity.facts.get(name)
        return bdi("…" if fact is None else fact)

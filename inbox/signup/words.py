"""Countries by name; what each first step says, and where it leads."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, url_for

from flows.countries import COUNTRIES
from flows.signup.checklist import Checklist
from inbox import languages
from inbox.current import current
from inbox.languages import N_, gettext, ngettext


def countries() -> list[tuple[str, str]]:
    """Code and name: the Maghreb and France first, then by name."""
    names = languages.locale(current.language).territories
    listed = [(code, names.get(code, code)) for code in COUNTRIES]
    return listed[:4] + sorted(listed[4:], key=lambda pair: pair[1])


@dataclass(frozen=True, slots=True)
class Step:
    """`url` is None where this person may not go, or where there is no page yet."""

    name: str
    done: bool
    icon: str
    title: str
    text: str
    link: str
    url: str | None


# step → icon, title, what it is for, the link's words, the routes it may lead to, the permission
STEPS = {
    "number": (
        "phone",
        N_("Connect your WhatsApp number"),
        N_("Messages come in and go out through it."),
        N_("Connect a number"),
        ("channels.new",),
        "channels.edit",
    ),
    "webhook": (
        "download",
        N_("Receive the first message"),
        N_("Write “hello” to your number from any phone: that shows that Meta reaches us."),
        N_("Show what to type into Meta’s form"),
        ("channels.index",),
        "channels.edit",
    ),
    "templates": (
        "template",
        N_("Have your first templates approved"),
        N_("WhatsApp lets you write first only with a text it has approved."),
        N_("Take the ready-made set"),
        ("channels.starter",),
        "templates.edit",
    ),
    "message": (
        "send",
        N_("Send a test message"),
        N_("To a phone of your own, so that you see what customers see."),
        N_("Send one"),
        ("channels.index",),
        "channels.edit",
    ),
    "product": (
        "tag",
        N_("Add your first product"),
        N_("Orders are made of products with a price and a stock."),
        N_("Add a product"),
        (),
        "settings.edit",
    ),
    "automation": (
        "bolt",
        N_("Let a stage write by itself"),
        N_("New orders ask for their confirmation without anybody typing."),
        N_("New automation"),
        ("automations.new",),
        "automations.edit",
    ),
    "colleague": (
        "user",
        N_("Invite a colleague"),
        N_("Whoever calls, packs or answers has an account of their own."),
        N_("Invite somebody"),
        ("team.index",),
        "team.edit",
    ),
}


def step(name: str, found: Checklist) -> Step:
    icon, title, text, link, routes, permission = STEPS[name]
    said = _now(name, found) or gettext(text)
    url = _url(name, routes, found) if current.may(permission) else None
    return Step(name, found.done[name], icon, gettext(title), said, gettext(link), url)


def _now(name: str, found: Checklist) -> str | None:
    """What is under way already."""
    channel = found.channel
    if name == "product" and _url(name, STEPS[name][4], found) is None:
        return gettext(
            "There is no page for products yet: until it comes, type each article into its order."
        )
    if name == "number" and channel is not None and not found.done[name]:
        return gettext("“%(name)s” is not connected yet: see what is missing.", name=channel.name)
    if name == "templates" and found.in_review:
        return ngettext(
            "WhatsApp reads %(num)s template now.",
            "WhatsApp reads %(num)s templates now.",
            found.in_review,
        )
    return None


def _url(name: str, routes: tuple[str, ...], found: Checklist) -> str | None:
    if name in ("number", "webhook", "message") and found.channel is not None:
        anchor = {"webhook": "webhook", "message": "test"}.get(name)
        return url_for("channels.show", channel_id=found.channel.id, _anchor=anchor)
    there = (route for route in routes if route in current_app.view_functions)
    endpoint = next(there, None)
    return url_for(endpoint) if endpoint else None

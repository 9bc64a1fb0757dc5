"""The bell of whoever is signed in: what rang it, what may."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from flows import notifications, troubles
from inbox import filters, htmx
from inbox.auth import needs
from inbox.channels import notices
from inbox.conversations import asides
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.languages import N_, gettext
from models.notification import Notification

pages = Blueprint("notifications", __name__)

# kind, or kind.what → icon, colour, sentence.
SENTENCES: dict[str, tuple[str, str, str]] = {
    "new_order": ("plus", "green", N_("New order %(number)s of %(customer)s")),
    "stock_blocked": (
        "box",
        "red",
        N_("%(customer)s confirmed order %(number)s, but %(name)s is short"),
    ),
    "late_tap": (
        "clock",
        "orange",
        N_("%(customer)s tapped “%(button)s” too late for order %(number)s"),
    ),
    "failed_action": ("alert", "red", N_("Order %(number)s: “%(automation)s” could not send")),
    "review.loop_stopped": (
        "refresh",
        "red",
        N_("Automations moved order %(number)s too often: it was stopped"),
    ),
    "review.fallback_refused": (
        "question",
        "orange",
        N_("Nobody answered about order %(number)s, but it could not move on"),
    ),
    "review.answered_in_time": (
        "question",
        "orange",
        N_("%(customer)s did answer in time: order %(number)s had moved on already"),
    ),
    "review": ("question", "orange", N_("Order %(number)s of %(customer)s needs a look")),
    "budget": ("coins", "orange", N_("%(percent)s %% of the month's budget for messages is spent")),
    "budget.gone": (
        "coins",
        "red",
        N_("The month's budget for messages is spent (%(percent)s %%)"),
    ),
    "bulk_done": (
        "check",
        "green",
        N_("Your orders have been moved: %(moved)s moved, %(refused)s refused"),
    ),
    "bulk_done.messages": (
        "check",
        "green",
        N_("Many messages at once: %(moved)s done, %(refused)s left as they are"),
    ),
    "failed_action.uncertain": (
        "question",
        "orange",
        N_("Order %(number)s: nobody knows whether “%(automation)s” arrived"),
    ),
    "template_paused": ("template", "orange", N_("The template %(template)s changed")),
    "template_paused.paused": (
        "template",
        "red",
        N_("WhatsApp paused the template %(template)s: it is not sent for now"),
    ),
    "template_paused.disabled": (
        "template",
        "red",
        N_("WhatsApp disabled the template %(template)s"),
    ),
    "template_paused.rejected": (
        "template",
        "red",
        N_("WhatsApp refused the template %(template)s"),
    ),
    "template_paused.announced": (
        "coins",
        "orange",
        N_("WhatsApp will soon charge the template %(template)s otherwise"),
    ),
    "template_paused.recategorised": (
        "coins",
        "orange",
        N_("WhatsApp charges the template %(template)s otherwise from now on"),
    ),
}


SENTENCES |= {
    "number": ("phone", "orange", N_("The number %(name)s needs attention")),
    "number.token": (
        "phone",
        "red",
        N_("%(name)s sends nothing: its access token is no longer valid"),
    ),
    "number.permission": ("phone", "red", N_("%(name)s sends nothing: its token may not send")),
}
SENTENCES["bot_left"] = ("bot", "orange", N_("%(name)s: %(why)s"))
# The others are said as in the banner.
SENTENCES |= {
    f"number.{kind}": ("coins" if kind == "payment" else "phone", color, sentence)
    for kind, (color, sentence, _advice) in notices.SENTENCES.items()
    if f"number.{kind}" not in SENTENCES
}


@dataclass(frozen=True, slots=True)
class Ring:
    """One line of the list: what happened, where it leads."""

    id: UUID
    icon: str
    color: str
    text: Markup
    url: str
    at: datetime
    new: bool


@pages.get("/notifications")
@needs()
def index() -> str:
    """The newest first; `before` an id: the next ones."""
    before = read_id(request.args.get("before")) if "before" in request.args else None
    listed = notifications.listed(current.member, before=before)
    template = "notifications/_list.html" if current.wants_fragment else "notifications/index.html"
    return render_template(
        template, rings=[_ring(one) for one in listed], more=len(listed) == notifications.PAGE
    )


@pages.get("/notifications/unread")
@needs()
def unread() -> str:
    """How many are new, for the badge; nothing when none is."""
    count = notifications.unread(current.member)
    return filters.compact(count) if count else ""


@pages.get("/notifications/<uuid:notification_id>")
@needs()
def follow(notification_id: UUID) -> Response:
    """To the thing it is about; from now on it is not new."""
    found = notifications.find(current.member, notification_id)
    notifications.mark_read(current.member, [found.id])
    return redirect(_place(found))


@pages.post("/notifications/read")
@needs()
def read() -> Response:
    """Everything has been seen."""
    notifications.mark_read(current.member)
    return redirect(url_for("notifications.index"))


@pages.get("/notifications/preferences")
@needs()
def preferences() -> str:
    return render_template(
        "notifications/preferences.html",
        chosen=notifications.chosen(current.member),
        kinds=notifications.KINDS,
    )


@pages.post("/notifications/preferences")
@needs()
def choose() -> Response:
    ringing = set(request.form.getlist("kind"))
    meant = notifications.chosen(current.member)
    notifications.choose(current.member, {kind: kind in ringing for kind in meant})
    htmx.toast(gettext("Saved."))
    return redirect(url_for("notifications.preferences"))


def _ring(one: Notification) -> Ring:
    what = one.facts.get("what") or one.facts.get("why")
    found = SENTENCES.get(f"{one.kind}.{what}") or SENTENCES[one.kind]
    facts: dict[str, Markup] = defaultdict(lambda: Markup("…"))
    facts |= {name: filters.bdi(value) for name, value in one.facts.items()}
    if one.kind == "number":
        facts = notices.told(one.facts)
    if one.kind == "bot_left":
        facts["why"] = filters.bdi(asides.why(one.facts.get("why", "")))
    if one.order is not None:
        facts["number"] = filters.ltr(f"#{one.order.number}")
        facts["customer"] = filters.bdi(one.order.ship_name)
    text = Markup(gettext(found[2])) % facts  # noqa: S704 - every fact in our sentence is escaped
    url = url_for("notifications.follow", notification_id=one.id)
    return Ring(one.id, found[0], found[1], text, url, one.at, one.read_at is None)


def _place(one: Notification) -> str:
    if one.facts.get("what") == "uncertain" and all(map(current.may, troubles.NEEDS)):
        return url_for("troubles.index")
    if one.kind == "failed_action" and one.run_id is not None:
        return url_for("runs.show", run_id=one.run_id)
    if one.kind == "budget":
        return url_for("costs.index")
    if one.kind == "bulk_done":
        return url_for("bulk.show", bulk_id=one.facts["bulk"])
    if one.kind == "bot_left" and current.may("inbox.read"):
        return url_for("conversations.show", conversation_id=one.facts["conversation"])
    if one.order is not None:
        return url_for("orders.show", number=one.order.number)
    if one.template_id is not None:
        return url_for("message_templates.show", template_id=one.template_id)
    if one.kind == "number" and current.may("channels.edit"):
        return url_for("channels.show", channel_id=one.facts["channel"])
    return url_for("notifications.index")

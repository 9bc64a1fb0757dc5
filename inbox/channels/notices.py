"""Banners about numbers and accounts: what happened in plain words, and what to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, g, render_template, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from flows.channels import notices
from inbox import filters
from inbox.auth import needs
from inbox.channels import words
from inbox.current import current
from inbox.languages import N_, gettext
from models.channel import BY_A_PERSON
from models.notice import Notice

# kind → colour, what happened, what to do.
SENTENCES: dict[str, tuple[str, str, str]] = {
    BY_A_PERSON: (
        "orange",
        N_("%(name)s is paused by your team."),
        N_("Its messages wait until it goes on."),
    ),
    "token": (
        "red",
        N_("%(name)s sends nothing: Meta no longer takes its access token."),
        N_("Put in a new token. No message is lost: they leave then."),
    ),
    "permission": (
        "red",
        N_("%(name)s sends nothing: its access token may not send."),
        N_("Give the token the permission, or put in another one. No message is lost."),
    ),
    "account": (
        "red",
        N_("%(name)s sends nothing: Meta has restricted or locked its account."),
        N_("Look at the account’s status with Meta, then resume the number. No message is lost."),
    ),
    "payment": (
        "red",
        N_("%(name)s sends nothing: Meta has no valid payment method for its account."),
        N_("Add one with Meta, then resume the number. No message is lost."),
    ),
    "spam_limit": (
        "orange",
        N_("Meta slows %(name)s down: customers reported its messages."),
        N_("Send less, and only what customers expect."),
    ),
    "quality": (
        "red",
        N_("Customers block or report messages of %(name)s: its quality is low."),
        N_("Stop advertising for a week, and look at what you send. Meta may limit the number."),
    ),
    "limit_down": (
        "orange",
        N_("%(name)s may now write first to fewer people: %(limit)s a day."),
        N_("Send what matters most; the limit grows again with good quality."),
    ),
    "limit_up": ("green", N_("%(name)s may now write first to %(limit)s people a day."), ""),
    "name_approved": (
        "green",
        N_("Meta approved the display name %(asked)s of %(name)s."),
        "",
    ),
    "name_refused": (
        "red",
        N_("Meta refused the display name %(asked)s of %(name)s."),
        N_("Choose one that fits your business and ask again with Meta."),
    ),
    "security": (
        "orange",
        N_("The two-step PIN of %(name)s was changed, or somebody asked for that."),
        N_("If that was nobody of yours, change the password of your Meta account now."),
    ),
    "violation": (
        "red",
        N_("Meta sees a breach of its rules by the account of %(name)s: %(word)s."),
        N_("Read what Meta wrote to you, and appeal if it is wrong."),
    ),
    "restriction": (
        "red",
        N_("Meta restricts the account of %(name)s: %(word)s."),
        N_("Look at the account’s quality page with Meta for how long and why."),
    ),
    "deleted": (
        "red",
        N_("The account of %(name)s was deleted at Meta."),
        N_("Pause the number, and connect another one."),
    ),
    "offboarded": (
        "red",
        N_("The account of %(name)s was disconnected at Meta."),
        N_("Connect it again in Meta’s settings, then check the number here."),
    ),
    "unsubscribed": (
        "red",
        N_("The app that brings in the messages of %(name)s was taken off its account."),
        N_("Check the number: Wasl then subscribes the app anew."),
    ),
    "ban_soon": (
        "red",
        N_("Meta is going to disable the account of %(name)s on %(day)s."),
        N_("Appeal now with Meta, or no message leaves from that day on."),
    ),
    "banned": (
        "red",
        N_("Meta has disabled the account of %(name)s."),
        N_("Appeal with Meta; until then nothing leaves."),
    ),
    "alert": (
        "orange",
        N_("Meta about the account of %(name)s: %(text)s"),
        N_("Look at the account with Meta."),
    ),
    "review_refused": (
        "red",
        N_("Meta’s review of the account of %(name)s ended with a no."),
        N_("Ask for another review in Meta’s settings."),
    ),
}
OTHER = ("orange", N_("Meta told something new about %(name)s."), "")


@dataclass(frozen=True, slots=True)
class Banner:
    id: UUID
    color: str
    text: Markup
    advice: str
    url: str | None


def standing() -> list[Banner]:
    """What this person should know, on every page; nothing where no merchant is open."""
    if "merchant_open" not in g or not current.login.noticed:
        return []
    return [banner(one) for one in notices.standing(current.member)]


def banner(one: Notice) -> Banner:
    color, sentence, advice = SENTENCES.get(one.kind, OTHER)
    facts = told(one.facts)
    if one.channel is not None:
        facts["name"] = filters.bdi(one.channel.name)
    text = Markup(gettext(sentence)) % facts  # noqa: S704 - every fact in our sentence is escaped
    url = None
    if one.channel_id is not None and current.may("channels.edit"):
        url = url_for("channels.show", channel_id=one.channel_id)
    return Banner(one.id, color, text, gettext(advice) if advice else "", url)


def told(facts: Mapping[str, object]) -> dict[str, Markup]:
    """What a sentence is filled with: Meta's words as people say them, each set apart."""
    shown: dict[str, Markup] = defaultdict(lambda: Markup("…"))
    shown |= {name: filters.bdi(value) for name, value in facts.items()}
    if "limit" in facts:
        shown["limit"] = filters.bdi(words.limit(str(facts["limit"])))
    if "word" in facts:
        shown["word"] = filters.bdi(words.restrictions(str(facts["word"])))
    return shown


def attach(pages: Blueprint) -> None:
    @pages.get("/notices")
    @needs()
    def listed() -> str:
        """What stands now, for the top of every page."""
        return render_template("channels/_notices.html")

    @pages.post("/notices/<uuid:notice_id>/dismiss")
    @needs("channels.edit")
    def dismiss(notice_id: UUID) -> str | Response:
        """Somebody has seen to it: it goes, on every screen."""
        notices.dismiss(notice_id, by=current.member)
        return render_template("channels/_notices.html")

    pages.add_app_template_global(standing, "notices_now")

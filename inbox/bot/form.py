"""The address form of a number: published from the bot's page, and how it stands at Meta."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from flows import channels, forms
from flows.channels import forms as kept
from flows.talks import bots
from inbox import htmx
from inbox.auth import needs
from inbox.bot import pages, words
from models.talk import Bot


@pages.get("/bot/<uuid:channel_id>/form")
@needs("automations.read")
def form(channel_id: UUID) -> str:
    """How the form stands; the piece of the page that shows itself anew when Meta has answered."""
    return shown(bots.of(channel_id))


@pages.post("/bot/<uuid:channel_id>/form")
@needs("automations.edit")
def publish_form(channel_id: UUID) -> str | Response:
    """The form is on its way to Meta, or Refused says what stands in the way."""
    bot = bots.of(channel_id)
    forms.request_publish(bot.channel)
    if not htmx.asked():
        return redirect(url_for("bot.behaviour", channel_id=channel_id), 303)
    return shown(bot)


def shown(bot: Bot) -> str:
    return render_template("bot/_form.html", bot=bot, **facts(bot))


def facts(bot: Bot) -> dict[str, object]:
    """What the piece says: the form, where there is one, and what is under way."""
    found = kept.of(bot.channel)
    state = words.FORMS[found.state if found else "none"]
    return {"form": found, "form_state": state, "publishing": channels.last(bot.channel, "form")}

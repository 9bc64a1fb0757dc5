"""A number's bot: on or off, how it does, how it behaves, its texts and its menu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from flows import costs
from flows.costs import Estimate, Price
from flows.errors import Invalid
from flows.talks import bots, saying
from flows.talks.bots import Wishes
from flows.talks.browsing import MENU
from flows.talks.figures import figures
from flows.talks.trying import NOBODY
from inbox import htmx, languages, life
from inbox.auth import needs
from inbox.bot import form, pages, samples, words
from inbox.current import current
from inbox.forms import Fields
from inbox.languages import gettext as _
from models.talk import Bot
from models.types import utcnow

Answer = str | tuple[str, int] | Response

LANGUAGES = {"fr": "Français", "ar": "العربية", "en": "English"}


# --- the numbers ----------------------------------------------------------------------------------


@pages.get("/bot")
@needs("automations.read")
def index() -> str | Response:
    """The numbers with their bots; of a merchant who has one, its page."""
    listed = bots.listed()
    if len(listed) == 1:
        return redirect(url_for("bot.show", channel_id=listed[0][0].id))
    money = current.sees_money
    told = [(bots.of(channel.id), figures(channel.id, money=money)) for channel, _bot in listed]
    every = figures(money=money) if listed else None
    return render_template("bot/index.html", told=told, every=every)


@pages.get("/bot/<uuid:channel_id>")
@needs("automations.read")
def show(channel_id: UUID) -> str:
    """How it does."""
    bot = bots.of(channel_id)
    template = "bot/_switch.html" if current.wants_fragment else "bot/show.html"
    return render_template(template, bot=bot, **_figures(bot))


def _figures(bot: Bot) -> dict[str, object]:
    if current.wants_fragment:
        return {}
    return {"figures": figures(bot.channel_id, money=current.sees_money)}


@pages.post("/bot/<uuid:channel_id>/active")
@needs("automations.edit")
def switch(channel_id: UUID) -> str | Response:
    """On or off at once; the note about it can take it back."""
    bot, on = bots.of(channel_id), request.values.get("on") == "1"
    bots.switch(bot, on=on)
    back = url_for("bot.switch", channel_id=channel_id, on="" if on else "1", back="1")
    said = _("The bot answers from now on.") if on else _("The bot is switched off.")
    if not htmx.asked():
        return redirect(url_for("bot.show", channel_id=channel_id), 303)
    htmx.trigger("undoable", text=said, undo=_("Undo"), url=back)
    if "back" in request.args:  # asked by the note, not by the switch
        htmx.trigger("bot:changed")
    return render_template("bot/_switch.html", bot=bot)


# --- how it behaves -------------------------------------------------------------------------------


@pages.get("/bot/<uuid:channel_id>/behaviour")
@needs("automations.read")
def behaviour(channel_id: UUID) -> str:
    bot = bots.of(channel_id)
    return _behaviour(bot, _typed(bot))


@pages.post("/bot/<uuid:channel_id>/behaviour")
@needs("automations.edit")
def change_behaviour(channel_id: UUID) -> Answer:
    """It behaves as the form says from now on, or every wrong field is named."""
    fields = Fields(request.form)
    errors = _save(
        channel_id,
        speaks_from=fields.clock("speaks_from"),
        speaks_until=fields.clock("speaks_until"),
        formal=fields.text("tone") == "formal",
        order_rule=fields.text("order_rule"),
        confirms="confirms" in request.form,
        silence_hours=fields.whole("silence_hours"),
        paid="paid" in request.form,
        days_from=fields.whole("days_from"),
        days_until=fields.whole("days_until"),
        catalogue_id=fields.text("catalogue_id"),
        forms="forms" in request.form,
        unread=fields.wrong,
    )
    if errors:
        return _behaviour(bots.of(channel_id), request.form, errors), 422
    htmx.toast(_("Saved."))
    if not htmx.asked():
        return redirect(url_for("bot.behaviour", channel_id=channel_id), 303)
    bot = bots.of(channel_id)
    return _behaviour(bot, _typed(bot))


def _typed(bot: Bot) -> dict[str, str]:
    """The bot as its form would post it."""
    shown = {
        "speaks_from": f"{bot.speaks_from:%H:%M}" if bot.speaks_from else "",
        "speaks_until": f"{bot.speaks_until:%H:%M}" if bot.speaks_until else "",
        "tone": "formal" if bot.formal else "warm",
        "order_rule": str(bot.order_rule),
        "silence_hours": str(bot.silence_hours),
        "days_from": "" if bot.days_from is None else str(bot.days_from),
        "days_until": "" if bot.days_until is None else str(bot.days_until),
        "catalogue_id": bot.catalogue_id,
    }
    return shown | {name: "1" for name in ("confirms", "paid", "forms") if getattr(bot, name)}


def _behaviour(bot: Bot, typed: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    template = "bot/_behaviour.html" if htmx.asked() else "bot/behaviour.html"
    left, price = _cost(bot) if current.sees_money else (None, None)
    return render_template(
        template,
        bot=bot,
        typed=typed,
        errors=errors or {},
        rules=words.ORDER_RULES,
        tones={"warm": _tone(bot, formal=False), "formal": _tone(bot, formal=True)},
        left=left,
        price=price,
        quota=costs.FREE_SERVICE_MESSAGES,
        **form.facts(bot),
    )


def _cost(bot: Bot) -> tuple[Estimate, Price]:
    """What is left of the month's free messages, and the price of one after them."""
    channel = bot.channel
    phone = "+" + NOBODY.get(channel.country, NOBODY["MA"])
    asked = {"phone": phone, "user_id": None, "category": "service", "window_open": True}
    today = utcnow().astimezone(current.zone).date()
    country = costs.country_of(phone, None)
    price = costs.price(channel.currency, country, "service", today)
    return costs.estimate(channel, **asked), price  # type: ignore[arg-type]


def _tone(bot: Bot, *, formal: bool) -> str:
    """The bot's own greeting in a tone, in the reader's language."""
    heard = Bot(channel_id=bot.channel_id, formal=formal, texts={})
    return saying.say(heard, current.language, "greeting", **samples.facts(current.language))


# --- its texts ------------------------------------------------------------------------------------


@pages.get("/bot/<uuid:channel_id>/texts")
@needs("automations.read")
def texts(channel_id: UUID) -> str:
    bot = bots.of(channel_id)
    return _texts(bot, _written(bot))


@pages.post("/bot/<uuid:channel_id>/texts")
@needs("automations.edit")
def change_texts(channel_id: UUID) -> Answer:
    fields = Fields(request.form)
    written = {
        key: {language: fields.lines(f"texts.{key}.{language}") for language in LANGUAGES}
        for key in bots.EDITABLE
    }
    if errors := _save(channel_id, texts=written):
        return _texts(bots.of(channel_id), _flat(written), errors), 422
    htmx.toast(_("Saved."))
    if not htmx.asked():
        return redirect(url_for("bot.texts", channel_id=channel_id), 303)
    bot = bots.of(channel_id)
    return _texts(bot, _written(bot))


@pages.post("/bot/<uuid:channel_id>/texts/preview")
@needs("automations.read")
def preview(channel_id: UUID) -> str:
    """One text as the customer's phone would show it, with sample facts."""
    key, language = request.args.get("key", ""), request.args.get("language", "")
    if key not in bots.EDITABLE or language not in LANGUAGES:
        return ""
    bot = bots.of(channel_id)
    text = Fields(request.form).lines(f"texts.{key}.{language}")
    return render_template(
        "bot/_bubble.html", text=samples.shown(bot, language, key, text), language=language
    )


def _written(bot: Bot) -> dict[str, str]:
    return _flat(bot.texts)


def _flat(written: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {
        f"texts.{key}.{language}": text
        for key, by_language in written.items()
        for language, text in by_language.items()
    }


def _texts(bot: Bot, typed: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    template = "bot/_texts.html" if htmx.asked() else "bot/texts.html"
    named = [
        (name.split(".")[1], text) for name, text in typed.items() if name.startswith("texts.")
    ]
    return render_template(
        template,
        bot=bot,
        typed=typed,
        errors=errors or {},
        changed={key for key, text in named if text},
        wrong={name.split(".")[1] for name in errors or {}},
        words=words,
        keys=bots.EDITABLE,
        spoken=LANGUAGES,
        samples=samples,
        limit=bots.LONGEST_TEXT,
    )


# --- its menu -------------------------------------------------------------------------------------


@pages.get("/bot/<uuid:channel_id>/menu")
@needs("automations.read")
def menu(channel_id: UUID) -> str:
    return _menu(bots.of(channel_id), bots.of(channel_id).menu)


@pages.post("/bot/<uuid:channel_id>/menu")
@needs("automations.edit")
def change_menu(channel_id: UUID) -> Answer:
    """The menu holds the ticked items in the order of the form; `up` and `down` move one."""
    order = _moved([item for item in dict.fromkeys(request.form.getlist("order")) if item in MENU])
    chosen = [item for item in order if item in request.form.getlist("item")]
    if errors := _save(channel_id, menu=chosen):
        return _menu(bots.of(channel_id), chosen, errors["menu"]), 422
    if not htmx.asked():
        return redirect(url_for("bot.menu", channel_id=channel_id), 303)
    return _menu(bots.of(channel_id), order)


def _moved(order: list[str]) -> list[str]:
    for step, name in ((-1, "up"), (1, "down")):
        item = request.form.get(name, "")
        if item in order:
            place = order.index(item)
            order.insert(max(place + step, 0), order.pop(place))
    return order


def _menu(bot: Bot, order: Sequence[str], wrong: str = "") -> str:
    template = "bot/_menu.html" if htmx.asked() else "bot/menu.html"
    rows = [*order, *(item for item in MENU if item not in order)]
    language = current.language
    shown = {item: saying.say(bot, language, f"menu_{item}") for item in MENU}
    greeting = samples.shown(bot, language, "greeting", "")
    opens = saying.say(bot, language, "menu_button")
    return render_template(
        template,
        bot=bot,
        rows=rows,
        shown=shown,
        greeting=greeting,
        opens=opens,
        wrong=wrong,
    )


def _save(channel_id: UUID, **changes: object) -> Mapping[str, str]:
    """The bot behaves so from now on; or nothing has changed, and every wrong field is named."""
    bot = bots.of(channel_id)
    try:
        bots.save(bot, replace(present(bot), **changes))  # type: ignore[arg-type]
    except Invalid as refusal:
        life.undo()
        return languages.told_each(refusal)
    return {}


def present(bot: Bot) -> Wishes:
    """The bot as it is; a page changes its own part of it."""
    return Wishes(
        active=bot.active,
        speaks_from=bot.speaks_from,
        speaks_until=bot.speaks_until,
        formal=bot.formal,
        texts=bot.texts,
        menu=bot.menu or MENU,
        order_rule=bot.order_rule,
        confirms=bot.confirms,
        silence_hours=bot.silence_hours,
        paid=bot.paid,
        days_from=bot.days_from,
        days_until=bot.days_until,
        catalogue_id=bot.catalogue_id,
        forms=bot.forms,
    )

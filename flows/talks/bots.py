"""The bot of each number as its merchant wants it: on or off, hours, tone, texts, menu, rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from flows import audit, turns
from flows.errors import N_, Invalid, NotFound, Refused
from flows.talks import saying
from flows.talks.browsing import MENU
from models import db
from models.channel import Channel
from models.merchant import Merchant
from models.talk import Bot, OrderRule, Question
from models.types import Json, clean

LONGEST_TEXT = 900
LANGUAGES = ("fr", "ar", "en")
"""In which a merchant writes own texts; the bot's Darija in Latin letters is the bot's."""
EDITABLE = (
    *("greeting", "ask_product", "drafted", "ordered", "confirmed", "refused", "postponed"),
    *("handed_over", "complaint", "not_understood", "welcome"),
)
"""The texts a merchant may say otherwise, in the order of the page."""
MOST_HOURS, MOST_DAYS = 168, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the bot's page sends back; error keys are these names, `texts.greeting.fr` of a text."""

    active: bool
    speaks_from: time | None = None
    speaks_until: time | None = None
    formal: bool = False
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    menu: Sequence[str] = MENU
    order_rule: str = OrderRule.DRAFT
    confirms: bool = True
    silence_hours: int | None = 12
    paid: bool = True
    days_from: int | None = None
    days_until: int | None = None
    catalogue_id: str = ""
    forms: bool = False
    unread: Mapping[str, Refused] = field(default_factory=dict)
    """Fields the edge could not read."""


def listed() -> Sequence[tuple[Channel, Bot | None]]:
    """Every number and its bot, where it has one."""
    wanted = (
        select(Channel, Bot)
        .outerjoin(Bot, (Bot.merchant_id == Channel.merchant_id) & (Bot.channel_id == Channel.id))
        .order_by(Channel.created_at, Channel.id)
    )
    return [(channel, bot) for channel, bot in db.session().execute(wanted)]


def of(channel_id: UUID) -> Bot:
    """The bot of a number; one that was never switched on is made, asleep. NotFound without the
    number."""
    mine = select(Bot).where(Bot.channel_id == channel_id).options(joinedload(Bot.channel))
    bot = db.session().scalars(mine).first()
    if bot is not None:
        return bot
    channel = db.session().scalars(select(Channel).where(Channel.id == channel_id)).first()
    if channel is None:
        raise NotFound
    return _asleep(channel)


def _asleep(channel: Channel) -> Bot:
    return Bot(
        channel_id=channel.id,
        channel=channel,
        active=False,
        formal=False,
        texts={},
        menu=list(MENU),
        order_rule=OrderRule.DRAFT,
        confirms=True,
        silence_hours=12,
        paid=True,
        catalogue_id="",
        forms=False,
    )


def save(bot: Bot, wishes: Wishes) -> None:
    """The bot is as the page says; Invalid with every wrong field. Who changed what is audited."""
    turns.take()
    wrong = dict(wishes.unread) | _wrong(wishes)
    if wrong:
        raise Invalid(wrong)
    before = told(bot)
    first = bot.merchant_id is None
    bot.active = wishes.active
    bot.speaks_from, bot.speaks_until = wishes.speaks_from, wishes.speaks_until
    bot.formal, bot.texts, bot.menu = wishes.formal, _texts(wishes), list(wishes.menu)
    bot.order_rule, bot.confirms = OrderRule(wishes.order_rule), wishes.confirms
    bot.silence_hours = wishes.silence_hours or 0
    bot.paid, bot.catalogue_id, bot.forms = wishes.paid, wishes.catalogue_id, wishes.forms
    bot.days_from, bot.days_until = wishes.days_from, wishes.days_until
    db.session().add(bot)
    if first:
        _first_questions()
    audit.changed("bot.changed", before, told(bot), on=bot.channel.display_phone_number)


def told(bot: Bot) -> Json:
    """Its settings as plain values, for the audit."""
    names = ("active", "formal", "menu", "confirms", "silence_hours", "paid", "days_from")
    facts: Json = {name: getattr(bot, name) for name in (*names, "days_until", "catalogue_id")}
    hours = (bot.speaks_from, bot.speaks_until)
    facts["hours"] = " – ".join(f"{at:%H:%M}" for at in hours if at)
    facts["order_rule"], facts["texts"] = str(bot.order_rule), dict(bot.texts)
    return facts


def _texts(wishes: Wishes) -> Json:
    """Only what differs from the bot's own words is kept."""
    kept: Json = {}
    for key, by_language in wishes.texts.items():
        own = {
            language: clean(text).strip()
            for language, text in by_language.items()
            if clean(text).strip() and clean(text).strip() != saying.texts(language).get(key)
        }
        if key in EDITABLE and own:
            kept[key] = own
    return kept


def _wrong(wishes: Wishes) -> dict[str, Refused]:
    wrong: dict[str, Refused] = {}
    if (wishes.speaks_from is None) != (wishes.speaks_until is None):
        wrong["speaks_until"] = Refused("hours", N_("Enter both hours, or neither."))
    if not wishes.menu or any(item not in MENU for item in wishes.menu):
        wrong["menu"] = Refused("menu", N_("Choose at least one thing for the menu."))
    if wishes.order_rule not in set(OrderRule):
        wrong["order_rule"] = Refused("choice", N_("Choose one of the list."))
    if wishes.silence_hours is None or not 0 <= wishes.silence_hours <= MOST_HOURS:
        wrong["silence_hours"] = Refused("hours", N_("From 0 to {most} hours."), most=MOST_HOURS)
    wrong |= _wrong_days(wishes)
    for key, by_language in wishes.texts.items():
        for language, text in by_language.items():
            if refusal := _wrong_text(key, language, clean(text).strip()):
                wrong[f"texts.{key}.{language}"] = refusal
    return wrong


def _wrong_days(wishes: Wishes) -> dict[str, Refused]:
    first, last = wishes.days_from, wishes.days_until
    if first is None and last is None:
        return {}
    if first is None or not 0 <= first <= MOST_DAYS:
        return {"days_from": Refused("days", N_("From 0 to {most} days."), most=MOST_DAYS)}
    if last is not None and not first <= last <= MOST_DAYS:
        return {"days_until": Refused("days", N_("Not before the first day."))}
    return {}


def _wrong_text(key: str, language: str, text: str) -> Refused | None:
    """A text whose blanks we cannot fill would never be sent."""
    if key not in EDITABLE or language not in LANGUAGES or not text:
        return None
    if len(text) > LONGEST_TEXT:
        return Refused("too_long", N_("At most {limit} characters."), limit=LONGEST_TEXT)
    known = saying.blanks(saying.texts(language)[key])
    try:
        used = saying.blanks(text)
    except ValueError:
        return Refused("braces", N_("A brace {{ or }} is open or alone."))
    if unknown := sorted(used - known):
        return Refused("blank", N_("There is no {{{name}}} here."), name=unknown[0])
    return None


def _first_questions() -> None:
    """A merchant begins with one answer that every shop gives, to see how it is done."""
    if db.session().scalar(select(Question.id).limit(1)) is not None:
        return
    session = db.session()
    merchant = session.get_one(Merchant, session.merchant_id)
    names = {"fr": "Paiement", "ar": "الدفع", "en": "Payment"}
    answers = {language: saying.texts(language)["payment"] for language in LANGUAGES}
    keywords = ["paiement", "payer", "payment", "pay", "الدفع", "نخلص", "khlas", "nkhelles", "cash"]
    first = Question(name=names.get(merchant.language, "Paiement"), position=1, active=True)
    first.keywords, first.answers = keywords, answers
    session.add(first)


def switch(bot: Bot, *, on: bool) -> None:
    """On or off, whatever else it is; audited."""
    before = told(bot)
    first = bot.merchant_id is None
    bot.active = on
    db.session().add(bot)
    if first:
        _first_questions()
    audit.changed("bot.changed", before, told(bot), on=bot.channel.display_phone_number)

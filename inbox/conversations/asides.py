"""Why the bot stepped aside, and who has a conversation, in the reader's words."""

from __future__ import annotations

from datetime import datetime, timedelta

from babel.dates import format_date
from babel.numbers import format_percent
from flask import current_app, url_for
from markupsafe import Markup

from flows.talks.beside import Keeper
from flows.talks.leaving import OTHERWISE, WHY
from flows.talks.teaching import INTENTS
from inbox import filters, languages
from inbox.auth import needs_of
from inbox.current import current
from inbox.languages import N_, gettext
from models.conversation import Activity
from models.types import Json, utcnow

NEAR = timedelta(days=6)


def why(code: str) -> str:
    """Why somebody has to look; a code we have no words for yet says just that."""
    return gettext(WHY.get(code, OTHERWISE))


def sure(confidence: object) -> str:
    """96 % sure; "" where nobody said how sure."""
    if not isinstance(confidence, (int, float)):
        return ""
    locale = languages.locale(current.language, current.country)
    percent = format_percent(min(1.0, confidence), locale=locale)
    return gettext(N_("%(percent)s sure"), percent=percent)


def until(at: datetime) -> Markup:
    """14:30 today, Tue 14:30 in the days after, else the date with it."""
    local, today = at.astimezone(current.zone), utcnow().astimezone(current.zone).date()
    if local.date() == today:
        return filters.clock(at)
    if local.date() - today > NEAR:
        return filters.moment(at)
    locale = languages.locale(current.language, current.country)
    return Markup("{} {}").format(
        format_date(local.date(), "EEE", locale=locale), filters.clock(at)
    )


def who_has(keeper: Keeper) -> Markup:
    """Who answers in a conversation, in one sentence."""
    if keeper.until is not None:
        facts = {"time": until(keeper.until), "why": Markup.escape(why(keeper.why))}
        return _filled(N_("The bot is silent until %(time)s. %(why)s."), **facts)
    if keeper.opens_at is not None:
        sentence = N_("The bot speaks again at %(time)s.")
        return _filled(sentence, time=until(keeper.opens_at))
    return Markup.escape(gettext(N_("The bot answers here.")))


def why_url(turn_id: object) -> str | None:
    """Where it is told why the bot said this, for who may read it."""
    if turn_id is None or "bot.turn" not in current_app.view_functions:
        return None
    needed = needs_of(current_app, "bot.turn") or ()
    return url_for("bot.turn", turn_id=turn_id) if all(map(current.may, needed)) else None


def summed_up(activity: Activity) -> Markup:
    """Why the bot called a person, the last words, and what was being put together."""
    facts = activity.facts
    parts = [Markup("<strong>{}</strong>").format(why(str(facts.get("why"))))]
    if said := " ".join(str(facts.get("said") or "").split()):
        parts.append(Markup("{}").format(filters.bdi(_quoted(said))))
    return Markup(" · ").join(parts + [filters.bdi(more) for more in _wanted(facts)])


def _wanted(facts: Json) -> list[str]:
    intent, items, city = (facts.get(name) for name in ("intent", "items", "city"))
    told = [gettext(INTENTS[intent])] if intent in INTENTS and intent != facts.get("why") else []
    if isinstance(items, int) and items:
        told.append(languages.ngettext("%(num)s product", "%(num)s products", items))
    return [*told, str(city)] if city else told


def _quoted(text: str) -> str:
    return gettext(N_("“%(text)s”"), text=text)


def _filled(sentence: str, **facts: Markup) -> Markup:
    # Our own sentence is the markup; every fact in it is escaped.
    return Markup(gettext(sentence)) % facts  # noqa: S704

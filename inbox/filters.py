"""Data for people's eyes in Jinja: money, times, phones, directions, WhatsApp's own formatting."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import phonenumbers
from babel import Locale, dates, numbers, units
from flask import Flask
from markupsafe import Markup, escape

from inbox import languages
from inbox.current import current
from inbox.languages import N_, gettext
from models.types import Money, exponent, utcnow

MICROS = 1_000_000


def attach(app: Flask) -> None:
    app.jinja_env.filters.update({show.__name__: show for show in FILTERS})
    app.add_template_global(attrs)


# --- direction ------------------------------------------------------------------------------------


def bdi(text: object) -> Markup:
    """A datum inside a sentence or a cell: its direction is its own and turns nothing around it."""
    return _wrapped("<bdi>", text, "</bdi>")


def ltr(text: object) -> Markup:
    """A datum that always runs left to right: a number, a code, a SKU, an e-mail."""
    return _wrapped('<bdi dir="ltr">', text, "</bdi>")


def listed(data: Iterable[object]) -> Markup:
    """Data one after the other, with the comma of the reader's language."""
    comma = Markup("، ") if current.language == "ar" else Markup(", ")
    return comma.join(bdi(datum) for datum in data)


def _wrapped(before: str, text: object, after: str) -> Markup:
    # Not Markup.format: a page shows hundreds of data, and it parses its pattern for each.
    return Markup(f"{before}{escape('' if text is None else text)}{after}")  # noqa: S704


def phone(e164: str | None) -> Markup:
    """A number as people of its country write it: +212 6 61-23 45 67."""
    if not e164:
        return Markup("")
    text = _spaced(e164)
    return _wrapped('<bdi dir="ltr" class="nowrap">', text, "</bdi>")


@lru_cache(maxsize=8192)
def _spaced(e164: str) -> str:
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


# --- amounts --------------------------------------------------------------------------------------


def money(amount: Money | None, *, signed: bool = False) -> Markup:
    """1 250,50 MAD: the reader's figures, the merchant's currency."""
    if amount is None:
        return Markup("")
    return _amount(amount.decimal, amount.currency, exponent(amount.currency), signed=signed)


def micros(amount: int | None, currency: str | None) -> Markup:
    """Meta's charges in millionths: 0,0341 USD, four digits as on Meta's lists, six if need be.

    Never rounded: a small price is not shown as nothing, and what is shown adds up.
    """
    if amount is None or currency is None:
        return Markup("")
    return _amount(Decimal(amount) / MICROS, currency, 4, more=2)


def _amount(
    value: Decimal, currency: str, digits: int, *, more: int = 0, signed: bool = False
) -> Markup:
    pattern = "#,##0." + "0" * digits + "#" * more if digits else "#,##0"
    sign = "+" if signed and value > 0 else ""
    text = f"{sign}{_figures(value, pattern, _locale())}\u00a0{currency}"
    return _wrapped('<bdi dir="ltr" class="nowrap">', text, "</bdi>")


@lru_cache(maxsize=8192)
def _figures(value: Decimal, pattern: str, locale: Locale) -> str:
    """A shop has the same few hundred amounts on every page, and Babel takes its time."""
    return numbers.format_decimal(value, format=pattern, locale=locale)


def number(value: float | Decimal) -> str:
    return numbers.format_decimal(value, locale=_locale())


def compact(count: int) -> str:
    """A count in a badge: 99+ says "many" as well as 1,284."""
    return "99+" if count > 99 else str(count or "")


# --- times, in the merchant's zone ----------------------------------------------------------------


def clock(at: datetime) -> Markup:
    """09:51"""
    return _time(at, _local(at).strftime("%H:%M"))


def when(at: datetime) -> Markup:
    """How a list says it: 09:51 today, yesterday, a weekday, else the date."""
    there, today = _local(at).date(), _local(utcnow()).date()
    if there == today:
        return clock(at)
    if today - timedelta(days=7) < there < today:
        return _time(at, _weekday(there, today))
    if there.year == today.year:
        return _time(at, _day("MMMd", there, _locale()))
    return _time(at, dates.format_date(there, "short", locale=_locale()))


def day(at: datetime) -> str:
    """A day between messages: Today, Yesterday, lundi 3 novembre."""
    there, today = _local(at).date(), _local(utcnow()).date()
    if there == today:
        return gettext("Today")
    if there == today - timedelta(days=1):
        return gettext("Yesterday")
    skeleton = "MMMMEd" if there.year == today.year else "yMMMMEd"
    return dates.format_skeleton(skeleton, there, locale=_locale())


def moment(at: datetime) -> Markup:
    """21 nov. 2026 09:51"""
    local = _local(at)
    text = f"{_day('yMMMd', local.date(), _locale())} {local:%H:%M}"
    return _time(at, text)


def ago(at: datetime) -> Markup:
    """5 minutes ago"""
    since = at - utcnow()
    return _time(at, dates.format_timedelta(since, add_direction=True, locale=_locale()))


def lasting(seconds: float) -> str:
    """5 min"""
    return dates.format_timedelta(timedelta(seconds=seconds), format="short", locale=_locale())


def left(until: datetime) -> Markup:
    """What remains until then: 5 h 12 min. The page counts on by itself (app.js)."""
    minutes = max(0, int((until - utcnow()).total_seconds()) // 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "duration-hour")] if hours else []
    parts.append((minutes, "duration-minute"))
    text = " ".join(units.format_unit(n, unit, "short", locale=_locale()) for n, unit in parts)
    return Markup('<time datetime="{}" data-left>{}</time>').format(until.isoformat(), text)


def _weekday(there: date, today: date) -> str:
    if there == today - timedelta(days=1):
        return gettext("Yesterday")
    return dates.format_date(there, "EEEE", locale=_locale())


def _time(at: datetime, text: str) -> Markup:
    local = _local(at)
    full = f"{_full(local.date(), _locale())} {local:%H:%M:%S}"
    return _wrapped(f'<time datetime="{at.isoformat()}" title="{escape(full)}">', text, "</time>")


@lru_cache(maxsize=1024)
def _day(skeleton: str, on: date, locale: Locale) -> str:
    return dates.format_skeleton(skeleton, on, locale=locale)


@lru_cache(maxsize=512)
def _full(on: date, locale: Locale) -> str:
    """A thread names the same few days in every bubble, and Babel takes its time."""
    return dates.format_date(on, "full", locale=locale)


def _local(at: datetime) -> datetime:
    return at.astimezone(current.zone)


def _locale() -> Locale:
    return languages.locale(current.language, current.country)


# --- people ---------------------------------------------------------------------------------------


def initials(name: str | None) -> str:
    """Two letters of a name, as on an avatar; a number or nothing gives a plain sign."""
    words = [word for word in re.split(r"[\W_]+", name or "") if word and word[0].isalpha()]
    if not words:
        return "#" if name else "?"
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else "")
    # Between two Arabic letters nothing may join them: an avatar is not a word.
    return "\u200c".join(letters.upper())


def hue(name: str | None) -> int:
    """One of ten colours, always the same for the same name."""
    return zlib.crc32((name or "").encode()) % 10


# --- what people write on WhatsApp ----------------------------------------------------------------

_PIECES = re.compile(r"```(?P<code>.+?)```|(?P<link>\b(?:https?://|www\.)[^\s<>\"']+)", re.DOTALL)
_MARKS = re.compile(
    r"(?<!\w)(?:\*(?=\S)(?P<strong>[^*\n]+)(?<=\S)\*"
    r"|_(?=\S)(?P<em>[^_\n]+)(?<=\S)_"
    r"|~(?=\S)(?P<s>[^~\n]+)(?<=\S)~)(?!\w)"
)
TAGS = {tag: Markup(f"<{tag}>{{}}</{tag}>") for tag in ("strong", "em", "s")}  # noqa: S704


def whatsapp(text: str | None, *, links: bool = True) -> Markup:
    """The text as WhatsApp shows it: *bold*, _italic_, ~struck~, ```code```, links; no HTML.

    Without `links` it may stand in a link itself: none can hold another.
    """
    written = text or ""
    shown, end = [], 0
    for piece in _PIECES.finditer(written):
        shown += [
            _marked(written[end : piece.start()]),
            _code(piece["code"]) if piece["code"] else _link(piece["link"], alive=links),
        ]
        end = piece.end()
    return Markup("").join([*shown, _marked(written[end:])])


def _marked(text: str) -> Markup:
    shown, end = [], 0
    for mark in _MARKS.finditer(text):
        inside = _marked(mark[str(mark.lastgroup)])
        shown += [escape(text[end : mark.start()]), TAGS[str(mark.lastgroup)].format(inside)]
        end = mark.end()
    return Markup("").join([*shown, escape(text[end:])])


def _code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(text.strip("\n"))


def _link(text: str, *, alive: bool) -> Markup:
    if not alive:
        return escape(text)
    address = text.rstrip(".,;:!?)]»…")
    target = address if address.startswith("http") else f"https://{address}"
    link = Markup(
        '<a href="{}" target="_blank" rel="noopener noreferrer nofollow" dir="ltr">{}</a>'
    )
    return link.format(target, address) + escape(text[len(address) :])


# --- how far a message of ours came ---------------------------------------------------------------

TICKS = {
    "queued": ("clock", N_("Waiting to be sent")),
    "claimed": ("clock", N_("Being sent")),
    "waiting": ("clock", N_("Will be tried again")),
    "held": ("clock", N_("On hold")),
    "accepted": ("check", N_("Accepted by WhatsApp")),
    "sent": ("check", N_("Sent")),
    "delivered": ("checks", N_("Delivered")),
    "read": ("checks", N_("Read")),
    "played": ("checks", N_("Played")),
    "failed": ("alert", N_("Failed")),
    "uncertain": ("question", N_("Uncertain")),
    "discarded": ("x", N_("Not sent")),
}


def tick(state: str) -> tuple[str, str]:
    """Icon and words of a state: queued, sent, read, failed, …"""
    name, words = TICKS[state]
    return name, gettext(words)


# --- attributes -----------------------------------------------------------------------------------


def attrs(**wanted: Any) -> Markup:
    """HTML attributes from Python names: hx_get="/x" → hx-get="/x"; None and False are left out."""
    shown = [
        f' {name.rstrip("_").replace("_", "-")}="{"" if value is True else escape(value)}"'
        for name, value in wanted.items()
        if value is not None and value is not False
    ]
    return Markup("".join(shown))  # noqa: S704 - each value is escaped above


FILTERS: tuple[Callable[..., object], ...] = (
    *(bdi, ltr, listed, phone, money, micros, number, compact, tick),
    *(clock, when, day, moment, ago, left, lasting),
    *(initials, hue, whatsapp),
)

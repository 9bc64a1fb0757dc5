"""Phones, addresses, order numbers and times in a message."""

from __future__ import annotations

import re

from flows.customers.phones import read_phone
from flows.understanding.lexicon import lexicon, word_list
from flows.understanding.meaning import Entity
from flows.understanding.reading import Message
from flows.understanding.writing import spread

_PHONE = re.compile(r"(?<![\w#])(?:\+|00)?\d(?:[ .\-/()]{0,2}\d){7,14}(?!\w)")
_PARCEL = (
    "commandes?|cmde?|order|ordre|ref|reference|komand|lcommande|lkomande|tracking|colis"
    "|طلب|الطلب|طلبيه|الطلبيه|طلبيتي|طلبي|كوموند|الكوموند"
)
_NUMBER = r"(?:n\s?[°o.]?|no\.?|num|numero|nr|number|ra9m|raqm|رقم|id)"
_ORDER = re.compile(
    rf"#\s?(\d{{2,12}})\b|\b(?:{_PARCEL})\s*{_NUMBER}?\s*[:#°]?\s*#?\s?(\d{{3,12}})\b"
    rf"|\b{_NUMBER}\s*(?:(?:de|d|dyal)\s)?(?:{_PARCEL})?\s*(?:est|is|howa|hiya|هو)?\s*[:#]?\s*#?\s?(\d{{3,12}})\b"
)
_CLOCK = re.compile(
    r"\b(?:[aà]\s)?(\d{1,2})\s?(?:h|:)\s?([0-5]\d)?(?![a-z0-9])|\b(\d{1,2})\s?heures?\b|\b(\d{1,2})(?::([0-5]\d))?\s?(am|pm)\b"
    r"|\b(?:الساعه|ساعه|sa3a|lsa3a|m3a|مع|at)\s+(\d{1,2})(?![\d/])\b"
)
_MONTHS = (
    "janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre|january|february|march"
    "|april|may|june|july|august|september|october|november|december|yanayer|jan|feb|aug|sept|oct|nov|dec|janv|juil|fevri|avril|mayou|youlyouz|ghocht|ghucht"
    "|chtanbir|oktobr|nwanbir|دجنبر|نونبر|اكتوبر|شتنبر|غشت|يوليوز|يونيو|ماي|ابريل|مارس|فبراير|يناير|جانفي|فيفري|افريل|جوان"
    "|جويليه|اوت|سبتمبر|نوفمبر|ديسمبر"
)
_NTH = r"([0-3]?\d)(?:st|nd|rd|th|er)?"
_DAY = re.compile(
    rf"\b{_NTH}\s(?:of\s)?(?:{_MONTHS})\b|\b(?:{_MONTHS})\s{_NTH}\b"
    rf"|\b(?:nhare?|نهار|يوم|youm)\s{_NTH}(?!\s?\w)"
    rf"|\b(?:le|the)\s{_NTH}\s(?:du mois|of the month)"
    r"|\ble\s([0-3]?\d)(?=\s+(?:du|de ce|prochain)\s|\s*(?:[,.;!?]|$))"
)
_DATE = re.compile(r"\b([0-3]?\d)[/.\-]([01]?\d)(?:[/.\-](\d{2,4}))?\b")


def phones(message: Message, region: str) -> list[Entity]:
    """Phone numbers, in E.164; what only looks like one is left alone."""
    folded, places = spread(message.text)
    found = []
    for match in _PHONE.finditer(folded):
        number = read_phone(match.group(), region)
        if number.e164 and _is_dialled(match.group()):
            found.append(_entity("phone", number.e164, message, places, match.span()))
    return found


def _is_dialled(written: str) -> bool:
    digits = re.sub(r"\D", "", written)
    return (
        (written.startswith(("+", "00", "0")) and len(digits) >= 9)
        or (digits.startswith(("212", "213")) and len(digits) >= 11)
        or (len(digits) == 9 and digits[0] in "567")
    )


def order_numbers(message: Message) -> list[Entity]:
    folded, places = spread(message.text)
    found = []
    for match in _ORDER.finditer(folded):
        group = next(i for i in (1, 2, 3) if match.group(i))
        found.append(
            _entity("order_number", match.group(group), message, places, match.span(group))
        )
    return found


def times(message: Message) -> list[Entity]:
    """Days and parts of days ("tomorrow", "monday"), clock times ("18:00"), dates."""
    folded, places = spread(message.text)
    found = []
    for match in _CLOCK.finditer(folded):
        hour = next((match.group(i) for i in (1, 3, 4, 7) if match.group(i)), "")
        if hour and int(hour) <= 24:
            minutes = match.group(2) or match.group(5) or "00"
            clock = int(hour) % 12 + 12 if match.group(6) == "pm" else int(hour)
            found.append(_entity("time", f"{clock:02}:{minutes}", message, places, match.span()))
    dates = [match for match in _DATE.finditer(folded) if _is_date(match)]
    found += [
        _entity("time", match.group(), message, places, match.span())
        for match in (*dates, *_DAY.finditer(folded))
    ]
    i, named, polite = 0, lexicon().sections["time"], lexicon().sections["filler"]
    while i < len(message.words):
        greeting = max((n for n, _ in polite.at(message.phrases, i)), default=0)
        phrases = named.at(message.phrases, i)
        if greeting > 1:
            i += greeting  # "good evening" puts nothing off
        elif phrases:
            length, value = phrases[0]
            first, last = message.words[i], message.words[i + length - 1]
            found.append(
                Entity("time", value, message.text[first.start : last.end], first.start, last.end)
            )
            i += length
        else:
            i += 1
    return sorted(found, key=lambda entity: entity.start)


def _is_date(match: re.Match[str]) -> bool:
    day, month = int(match[1]), int(match[2])
    written = bool(match[3]) or "/" in match.group()
    return written and 1 <= day <= 31 and 1 <= month <= 12


_STREET = word_list("begins an address")
_STREETS = _STREET | frozenset("ال" + word for word in _STREET if word[0] > "z")
_CLOSES = word_list("ends an address")


def addresses(message: Message, taken: list[Entity]) -> list[Entity]:
    """What reads like a street or a quarter, up to the city, a phone or the end of the sentence."""
    words = message.words
    found = []
    i = 0
    while i < len(words):
        if not _begins_address(message, i, taken):
            i += 1
            continue
        end = i + 1
        i = _with_number(message, i)
        while end < len(words) and not _ends_address(message, i, end, taken):
            end += 1
        if end - i > 1:
            text = message.text_of(i, end - 1)
            found.append(Entity("address", text, text, words[i].start, words[end - 1].end))
        i = end
    return found


def _with_number(message: Message, i: int) -> int:
    """The number that stands before a street: "14 rue …", "22 Hassan II street"."""
    words = message.words
    back = 5 if words[i].key in ("street", "st", "road", "avenue", "lane") else 1
    for j in range(i - 1, max(-1, i - 1 - back), -1):
        if words[j].sentence != words[i].sentence or words[j].tags - {"number"}:
            break
        if words[j].kind == "number":
            return j - 1 if j and words[j - 1].key in ("n", "no", "num") else j
        if words[j].key in ("bis", "n"):
            continue
        if words[j].comma:
            break
    return i


def _begins_address(message: Message, i: int, taken: list[Entity]) -> bool:
    word = message.words[i]
    if word.key not in _STREETS or _inside(word.start, taken):
        return False
    if i + 1 >= len(message.words):
        return _with_number(message, i) < i
    following = message.words[i + 1]
    if word.key in (
        "lot",
        "st",
        "app",
        "cite",
        "route",
        "res",
        "hey",
        "av",
        "km",
    ) and following.key in ("de", "d", "dyal", "of", "you", "there"):
        return word.key == "route"
    if word.key in (
        "street",
        "st",
        "road",
        "lane",
        "building",
        "block",
        "flat",
        "route",
        "secteur",
        "cite",
        "bloc",
    ):
        return _with_number(message, i) < i or following.kind == "number"
    return word.key not in ("hey", "app", "km") or following.kind == "number"


def _ends_address(message: Message, first: int, i: int, taken: list[Entity]) -> bool:
    word = message.words[i]
    newline = "\n" in message.text[message.words[i - 1].end : word.start]
    stop = message.text[message.words[i - 1].end : word.start].strip() in (
        ".",
        "!",
        "?",
        ";",
    ) and message.words[i - 1].key not in ("n", "imm", "av", "bd", "res", "appt", "app")
    return bool(
        newline
        or stop
        or "city" in word.tags
        or _inside(word.start, taken)
        or word.key in _CLOSES
        or i - first > 12
    )


def _inside(place: int, entities: list[Entity]) -> bool:
    return any(entity.start <= place < entity.end for entity in entities)


def _entity(
    kind: str, value: str, message: Message, places: list[int], span: tuple[int, int]
) -> Entity:
    first, last = span
    start, end = places[first], places[last - 1] + 1
    text = message.text[start:end]
    start += len(text) - len(text.lstrip())
    return Entity(
        kind,
        value,
        message.text[start:end].rstrip(),
        start,
        start + len(message.text[start:end].rstrip()),
    )

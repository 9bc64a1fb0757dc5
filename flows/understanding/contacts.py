"""Phones, addresses, order numbers and times in a message."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
    clocks = [(_clock(match), match) for match in _CLOCK.finditer(folded)]
    dates = [match for match in _DATE.finditer(folded) if _is_date(match)]
    found = [
        *(_entity("time", at, message, places, match.span()) for at, match in clocks if at),
        *(
            _entity("time", match.group(), message, places, match.span())
            for match in (*dates, *_DAY.finditer(folded))
        ),
        *_named_times(message),
    ]
    return sorted(found, key=lambda entity: entity.start)


def _clock(match: re.Match[str]) -> str:
    """18:00; "" for what is no hour."""
    hour = next((match.group(i) for i in (1, 3, 4, 7) if match.group(i)), "")
    if not hour or int(hour) > 24:
        return ""
    minutes = match.group(2) or match.group(5) or "00"
    return f"{int(hour) % 12 + 12 if match.group(6) == 'pm' else int(hour):02}:{minutes}"


def _named_times(message: Message) -> Iterator[Entity]:
    """Those of times.txt; "good evening" puts nothing off."""
    i, named, polite = 0, lexicon().sections["time"], lexicon().sections["filler"]
    while i < len(message.words):
        greeting = max((n for n, _ in polite.at(message.phrases, i)), default=0)
        found = named.at(message.phrases, i) if greeting <= 1 else []
        length = found[0][0] if found else 0
        if found:
            text = message.text_of(i, i + length - 1)
            first, last = message.words[i].start, message.words[i + length - 1].end
            yield Entity("time", found[0][1], text, first, last)
        i += length or max(greeting, 1)


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
    numbered = _with_number(message, i) < i
    if i + 1 >= len(message.words):
        return numbered
    following = message.words[i + 1]
    if word.key in _AMBIGUOUS and following.key in _NO_NAME:
        return word.key == "route"
    if word.key in _NUMBERED:
        return numbered or following.kind == "number"
    return word.key not in _ONLY_NUMBERED or following.kind == "number"


def _ends_address(message: Message, first: int, i: int, taken: list[Entity]) -> bool:
    word, before = message.words[i], message.words[i - 1]
    between = message.text[before.end : word.start]
    stop = between.strip() in (".", "!", "?", ";") and before.key not in _SHORTENED
    return bool(
        "\n" in between
        or stop
        or "city" in word.tags
        or _inside(word.start, taken)
        or word.key in _CLOSES
        or i - first > LONGEST_ADDRESS
    )


_AMBIGUOUS = word_list("may begin an address")
_NO_NAME = word_list("no name of a street")
_NUMBERED = word_list("begins an address with a number")
_ONLY_NUMBERED = word_list("begins an address before a number")
_SHORTENED = word_list("shortened with a point")
LONGEST_ADDRESS = 12
"""Words of an address."""


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

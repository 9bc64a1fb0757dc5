"""Meta's rules for a template, checked before Meta does: every wrong field at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from flows.errors import N_, Invalid, Refused
from flows.templates.carousels import CARD_BODY, CARD_BUTTONS, CARDS
from flows.templates.composing import (
    BUTTONS,
    CATEGORIES,
    HEADERS,
    LANGUAGES,
    MEDIA,
    WORDLESS,
    Form,
)
from models import db
from models.template import VARIABLE, MessageTemplate
from models.types import fold

LIMITS = {"header_text": 60, "body": 1024, "footer": 60, "button": 25, "url": 2000, "offer": 16}
MOST_BUTTONS = 10
MOST_OF_A_KIND = {"url": 2, "phone_number": 1, "copy_code": 1, "catalog": 1, "flow": 1}
OFFER_BODY = 600
"""Characters of the text under a limited-time offer."""
CODE = 20

NAME = re.compile(r"[a-z0-9_]{1,512}")
PARAMETER = re.compile(r"[a-z][a-z0-9_]*")
BRACES = re.compile(r"\{\{|\}\}")
AT_AN_END = re.compile(r"\A[\s*_~]*\{\{|\}\}[\s*_~]*\Z")
GAPS = re.compile(r"\n\s*\n\s*\n| {4}|\t")
EMOJI = re.compile("[\u231a-\u2bff\u3030\u303d\U0001f000-\U0001faff]")

SENTENCES = {
    "name": N_("Small letters a–z, digits and _ only, at most 512."),
    "name_taken": N_("This name is taken in this language. Choose another name."),
    "choose": N_("Choose one of the list."),
    "category": N_("Choose utility or marketing."),
    "file": N_("Choose a file: WhatsApp wants to see an example."),
    "file_type": N_("WhatsApp does not take this type of file here."),
    "no_header": N_("Write something, or choose no header."),
    "plain_header": N_("No line breaks, emoji, or the signs * _ ~ ` here."),
    "one_blank": N_("A header has one variable at most."),
    "no_body": N_("Write what the customer should read."),
    "edge": N_("A variable cannot be the first or the last word: add words around it."),
    "gaps": N_("At most one empty line, and no long gaps between words."),
    "adjacent": N_("Put words between two variables."),
    "ratio": N_("Too many variables for so few words: write {words} words at least."),
    "no_blank": N_("No variables here."),
    "plain": N_("No line breaks or emoji here."),
    "too_long": N_("Too long: {limit} characters at most."),
    "braces": N_("A variable is written {example}: two braces on each side."),
    "names": N_("Use either numbers or small-letter names, not both."),
    "order": N_("Number the variables in their order: {example}."),
    "example": N_("WhatsApp wants an example here."),
    "twin": N_("The template {name} says the same. WhatsApp refuses a second one."),
    "ten_buttons": N_("Ten buttons at most."),
    "too_many": N_("Two links at most, and one of each other kind."),
    "kind": N_("This kind of button cannot be made here."),
    "no_words": N_("Write what stands on the button."),
    "twice": N_("Another button says the same."),
    "plain_button": N_("No variables, line breaks or emoji here."),
    "phone": N_("This is not a phone number."),
    "url": N_("A link starts with https:// and a web address."),
    "code": N_("Letters and digits only, {limit} at most."),
    "flow": N_("The number of the flow, as Meta shows it."),
    "screen": N_("The name of its first screen, like {example}."),
    "alone": N_("A catalogue button stands alone."),
    "cards": N_("From {least} to {most} cards."),
    "cards_alone": N_("With cards there is only the text: no header, footer, buttons or offer."),
    "alike": N_("All cards show pictures, or all show videos."),
    "alike_buttons": N_("All cards have the same kinds of buttons, one or two."),
    "offer_category": N_("WhatsApp takes this as marketing only."),
    "offer_header": N_("Above an offer stands a picture, a video or nothing."),
    "offer_footer": N_("Nothing stands below an offer."),
    "offer_button": N_("An offer needs a button: a code to copy, or a link."),
    "url_blank": N_("A link may end with {example}, and nowhere else."),
}

Wrong = Iterator[tuple[str, Refused]]


def suggest_name(title: str) -> str:
    """A name Meta takes, of a title in Latin letters; "" when none of it can stay."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:512]


def check_identity(form: Form, template: MessageTemplate | None = None) -> None:
    """Refuse (Invalid) what a draft cannot be kept under: name, language, category."""
    _refuse(_identity(form, template))


def check(form: Form, template: MessageTemplate | None = None) -> None:
    """Refuse (Invalid) everything that Meta would: `fields` names each wrong one."""
    _refuse(wrong for rule in RULES for wrong in rule(form, template))


def _refuse(found: Iterable[tuple[str, Refused]]) -> None:
    fields: dict[str, Refused] = {}
    for name, why in found:
        fields.setdefault(name, why)
    if fields:
        raise Invalid(fields)


def _no(field: str, code: str, **facts: Any) -> tuple[str, Refused]:
    return field, Refused(code, SENTENCES[code], **facts)


# --- what it is called ----------------------------------------------------------------------------


def _identity(form: Form, template: MessageTemplate | None) -> Wrong:
    known = (template.language,) if template else ()
    if not NAME.fullmatch(form.name):
        yield _no("name", "name")
    if form.language not in (*LANGUAGES, *known):
        yield _no("language", "choose")
    if form.category not in CATEGORIES:
        yield _no("category", "category")
    if _namesake(form, template):
        yield _no("name", "name_taken")


def _namesake(form: Form, template: MessageTemplate | None) -> bool:
    same = select(MessageTemplate.id).where(
        MessageTemplate.waba_id == form.account,
        MessageTemplate.name == form.name,
        MessageTemplate.language == form.language,
        MessageTemplate.state != "deleted",
    )
    if template is not None:
        same = same.where(MessageTemplate.id != template.id)
    return db.session().scalar(same) is not None


# --- what it says ---------------------------------------------------------------------------------


def _header(form: Form, _: MessageTemplate | None) -> Wrong:
    if form.header not in HEADERS:
        yield _no("header", "choose")
    if form.header in MEDIA and form.media is None:
        yield _no("media", "file")
    elif form.header in MEDIA and form.media and form.media.mime_type not in MEDIA[form.header]:
        yield _no("media", "file_type")
    if form.header == "text":
        yield from _header_text(form.header_text)


def _header_text(text: str) -> Wrong:
    if not text:
        yield _no("header_text", "no_header")
    if "\n" in text or EMOJI.search(text) or re.search(r"[*_~`]", VARIABLE.sub("", text)):
        yield _no("header_text", "plain_header")
    if len(set(VARIABLE.findall(text))) > 1:
        yield _no("header_text", "one_blank")


def _body(form: Form, _: MessageTemplate | None) -> Wrong:
    text = form.body
    spans = [blank.span() for blank in VARIABLE.finditer(text)]
    if not text:
        yield _no("body", "no_body")
    if AT_AN_END.search(text):
        yield _no("body", "edge")
    if GAPS.search(text):
        yield _no("body", "gaps")
    if any(not text[before[1] : after[0]].strip() for before, after in pairwise(spans)):
        yield _no("body", "adjacent")
    # 2388293; Meta keeps its formula to itself, this one is on the safe side.
    enough = 2 * len(set(VARIABLE.findall(text))) + 1
    if spans and len(re.findall(r"\w+", VARIABLE.sub(" ", text))) < enough:
        yield _no("body", "ratio", words=enough)


def _footer(form: Form, _: MessageTemplate | None) -> Wrong:
    if BRACES.search(form.footer):
        yield _no("footer", "no_blank")
    if "\n" in form.footer or EMOJI.search(form.footer):
        yield _no("footer", "plain")


def _texts(form: Form, _: MessageTemplate | None) -> Wrong:
    header = form.header_text if form.header == "text" else ""
    for name, text in (("header_text", header), ("body", form.body), ("footer", form.footer)):
        if len(text) > LIMITS[name]:
            yield _no(name, "too_long", limit=LIMITS[name])
        if len(BRACES.findall(text)) != 2 * len(VARIABLE.findall(text)):
            yield _no(name, "braces", example="{{1}}")


def _blanks(form: Form, _: MessageTemplate | None) -> Wrong:
    for part, field in (("header", "header_text"), ("body", "body")):
        names = [name for where, name in form.blanks if where == part]
        if form.named and not all(PARAMETER.fullmatch(name) for name in names):
            yield _no(field, "names")
        elif not form.named and names != [str(n) for n in range(1, len(names) + 1)]:
            yield _no(field, "order", example="{{1}}, {{2}}, {{3}}")
    for part, name in form.blanks:
        if not form.examples.get(f"{part}.{name}", "").strip():
            yield _no(f"examples.{part}.{name}", "example")


def _twin(form: Form, template: MessageTemplate | None) -> Wrong:
    """Meta takes the same body and footer only once."""
    others = select(MessageTemplate).where(
        MessageTemplate.waba_id == form.account,
        MessageTemplate.state.not_in(("deleted", "draft")),
        MessageTemplate.category != "authentication",
    )
    said = (form.body, form.footer)
    same = (t for t in db.session().scalars(others) if (t.body, t.footer) == said)
    twin = next((other for other in same if other is not template), None)
    if twin is not None:
        yield _no("body", "twin", name=twin.name)


def _offer(form: Form, _: MessageTemplate | None) -> Wrong:
    """Meta's rules for a limited-time offer."""
    if not form.offer:
        return
    if len(form.offer) > LIMITS["offer"]:
        yield _no("offer", "too_long", limit=LIMITS["offer"])
    if form.category != "marketing":
        yield _no("category", "offer_category")
    if form.header not in ("none", "image", "video"):
        yield _no("header", "offer_header")
    if form.footer:
        yield _no("footer", "offer_footer")
    if len(form.body) > OFFER_BODY:
        yield _no("body", "too_long", limit=OFFER_BODY)
    if not {"copy_code", "url"} & {button.kind for button in form.buttons}:
        yield _no("buttons", "offer_button")


def _cards(form: Form, _: MessageTemplate | None) -> Wrong:
    """Meta's rules for a carousel: cards that look alike, under nothing but the text."""
    if not form.cards:
        return
    least, most = CARDS
    if not least <= len(form.cards) <= most:
        yield _no("cards", "cards", least=least, most=most)
    if form.category != "marketing":
        yield _no("category", "offer_category")
    if form.header != "none" or form.footer or form.buttons or form.offer:
        yield _no("cards", "cards_alone")
    first = form.cards[0]
    for index, card in enumerate(form.cards):
        at = f"cards.{index}"
        if not card.shape:
            yield _no(f"{at}.media", "file" if card.media is None else "file_type")
        if not card.body:
            yield _no(f"{at}.body", "no_body")
        if len(card.body) > CARD_BODY:
            yield _no(f"{at}.body", "too_long", limit=CARD_BODY)
        if BRACES.search(card.body):
            yield _no(f"{at}.body", "no_blank")
        if card.shape and first.shape and card.shape != first.shape:
            yield _no(f"{at}.media", "alike")
        if [b.kind for b in card.buttons] != [b.kind for b in first.buttons] or not card.buttons:
            yield _no(f"{at}.buttons", "alike_buttons")
        for button in card.buttons:
            if button.kind not in CARD_BUTTONS:
                yield _no(f"{at}.buttons", "kind")
            yield from _words(f"{at}.buttons", button.text)
            if button.kind == "url":
                yield from ((f"{at}.buttons", why) for _, why in _link(at, button.value, ""))
            if button.kind == "phone_number" and not re.fullmatch(r"\+\d{6,19}", button.value):
                yield _no(f"{at}.buttons", "phone")


# --- its buttons ----------------------------------------------------------------------------------


def _buttons(form: Form, _: MessageTemplate | None) -> Wrong:
    if len(form.buttons) > MOST_BUTTONS:
        yield _no("buttons", "ten_buttons")
    for kind, most in MOST_OF_A_KIND.items():
        if sum(button.kind == kind for button in form.buttons) > most:
            yield _no("buttons", "too_many")
    if len(form.buttons) > 1 and any(button.kind == "catalog" for button in form.buttons):
        yield _no("buttons", "alone")
    words = [fold(button.text) for button in form.buttons]
    for index, button in enumerate(form.buttons):
        at = f"buttons.{index}"
        if button.kind not in BUTTONS:
            yield _no(f"{at}.kind", "kind")
        if button.kind not in WORDLESS:
            yield from _words(f"{at}.text", button.text)
        if words[index] and words[index] in words[:index]:
            yield _no(f"{at}.text", "twice")
        if button.kind == "copy_code" and not re.fullmatch(rf"[^\W_]{{1,{CODE}}}", button.value):
            yield _no(f"{at}.value", "code", limit=CODE)
        if button.kind == "flow":
            yield from _flow(at, button.value, button.example)
        if button.kind == "url":
            yield from _link(at, button.value, button.example)
        if button.kind == "phone_number" and not re.fullmatch(r"\+\d{6,19}", button.value):
            yield _no(f"{at}.value", "phone")


def _words(field: str, text: str) -> Wrong:
    if not text:
        yield _no(field, "no_words")
    if len(text) > LIMITS["button"]:
        yield _no(field, "too_long", limit=LIMITS["button"])
    if BRACES.search(text) or "\n" in text or EMOJI.search(text):
        yield _no(field, "plain_button")


def _flow(at: str, number: str, screen: str) -> Wrong:
    if not re.fullmatch(r"\d{5,30}", number):
        yield _no(f"{at}.value", "flow")
    if not re.fullmatch(r"[A-Z_]{1,80}", screen):
        yield _no(f"{at}.example", "screen", example="ORDER")


def _link(at: str, url: str, example: str) -> Wrong:
    address, blanks = urlsplit(VARIABLE.split(url)[0]), VARIABLE.findall(url)
    if address.scheme not in ("http", "https") or "." not in address.netloc or " " in url:
        yield _no(f"{at}.value", "url")
    if len(url) > LIMITS["url"]:
        yield _no(f"{at}.value", "too_long", limit=LIMITS["url"])
    if blanks and (blanks != ["1"] or not url.endswith("{{1}}")):
        yield _no(f"{at}.value", "url_blank", example="{{1}}")
    elif blanks and not example.strip():
        yield _no(f"{at}.example", "example")


RULES: tuple[Callable[[Form, MessageTemplate | None], Wrong], ...] = (
    *(_identity, _header, _body, _footer, _texts, _blanks, _twin, _offer, _cards, _buttons),
)

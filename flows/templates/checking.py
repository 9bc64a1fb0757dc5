"""Meta's rules for a template, checked before Meta does: every wrong field at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from flows.errors import N_, Invalid, Refused
from flows.templates.composing import BUTTONS, CATEGORIES, HEADERS, LANGUAGES, MEDIA, Form
from models import db
from models.template import VARIABLE, MessageTemplate
from models.types import fold

NAME = re.compile(r"[a-z0-9_]{1,512}")
PARAMETER = re.compile(r"[a-z][a-z0-9_]*")
BRACES = re.compile(r"\{\{|\}\}")
AT_AN_END = re.compile(r"\A[\s*_~]*\{\{|\}\}[\s*_~]*\Z")
LIMITS = {"header_text": 60, "body": 1024, "footer": 60, "button": 25, "url": 2000, "phone": 20}
MOST_BUTTONS = 10
MOST_OF_A_KIND = {"quick_reply": 10, "url": 2, "phone_number": 1}

Wrong = Iterator[tuple[str, Refused]]


def suggest_name(title: str) -> str:
    """A name Meta takes, of a title in any language with Latin letters; "" when none is left."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:512]


def check_identity(form: Form, template: MessageTemplate | None = None) -> None:
    """Refuse (Invalid) what a draft cannot be kept under: name, language, the account's own."""
    _refuse(_identity(form, template))


def check(form: Form, template: MessageTemplate | None = None) -> None:
    """Refuse (Invalid) everything that Meta would: `fields` names each wrong one."""
    _refuse(found for rule in RULES for found in rule(form, template))


def _refuse(found: Wrong) -> None:
    fields: dict[str, Refused] = {}
    for name, why in found:
        fields.setdefault(name, why)
    if fields:
        raise Invalid(fields)


def _no(code: str, sentence: str, **facts: Any) -> Refused:
    return Refused(code, sentence, **facts)


# --- what it is called ----------------------------------------------------------------------------


def _identity(form: Form, template: MessageTemplate | None) -> Wrong:
    if not NAME.fullmatch(form.name):
        yield "name", _no("name", N_("Small letters a–z, digits and _ only, at most 512."))
    known = template.language if template else ""
    if form.language not in (*LANGUAGES, known):
        yield "language", _no("language", N_("Choose one of the list."))
    if form.category not in CATEGORIES:
        yield "category", _no("category", N_("Choose utility or marketing."))
    if _namesake(form, template):
        yield (
            "name",
            _no("name_taken", N_("This name is taken in this language. Choose another name.")),
        )


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
        yield "header", _no("header", N_("Choose one of the list."))
    if form.header in MEDIA:
        if form.media is None:
            yield "media", _no("media", N_("Choose a file: WhatsApp wants to see an example."))
        elif form.media.mime_type not in MEDIA[form.header]:
            yield "media", _no("media_type", N_("WhatsApp does not take this type of file here."))
    if form.header == "text":
        yield from _header_text(form)


def _header_text(form: Form) -> Wrong:
    text = form.header_text
    if not text:
        yield "header_text", _no("empty", N_("Write something, or choose no header."))
    if "\n" in text or re.search(r"[*_~`]", VARIABLE.sub("", text)) or _emoji(text):
        yield "header_text", _no("plain", N_("No line breaks, emoji, or the signs * _ ~ ` here."))
    if len(set(VARIABLE.findall(text))) > 1:
        yield "header_text", _no("one_blank", N_("A header has one variable at most."))


def _body(form: Form, _: MessageTemplate | None) -> Wrong:
    if not form.body:
        yield "body", _no("empty", N_("Write what the customer should read."))
    if AT_AN_END.search(form.body):
        yield (
            "body",
            _no(
                "edge", N_("A variable cannot be the first or the last word: add words around it.")
            ),
        )
    if re.search(r"\n\s*\n\s*\n| {4}|\t", form.body):
        yield "body", _no("spaces", N_("At most one empty line, and no long gaps between words."))
    blanks = [match.span() for match in VARIABLE.finditer(form.body)]
    if any(not form.body[a[1] : b[0]].strip() for a, b in pairwise(blanks)):
        yield "body", _no("adjacent", N_("Put words between two variables."))
    yield from _enough_words(form)


def _enough_words(form: Form) -> Wrong:
    """2388293; Meta keeps its formula to itself, this one is on the safe side."""
    blanks = len(set(VARIABLE.findall(form.body)))
    words = len(re.findall(r"\w+", VARIABLE.sub(" ", form.body)))
    if blanks and words < 2 * blanks + 1:
        yield (
            "body",
            _no(
                "ratio",
                N_("Too many variables for so few words: write {words} words at least."),
                words=2 * blanks + 1,
            ),
        )


def _footer(form: Form, _: MessageTemplate | None) -> Wrong:
    if BRACES.search(form.footer):
        yield "footer", _no("no_blank", N_("No variables here."))
    if "\n" in form.footer or _emoji(form.footer):
        yield "footer", _no("plain", N_("No line breaks or emoji here."))


def _lengths(form: Form, _: MessageTemplate | None) -> Wrong:
    for name, text in (
        ("header_text", form.header_text if form.header == "text" else ""),
        ("body", form.body),
        ("footer", form.footer),
    ):
        if len(text) > LIMITS[name]:
            yield name, _too_long(LIMITS[name])
        if len(BRACES.findall(text)) != 2 * len(VARIABLE.findall(text)):
            yield name, _no("braces", N_("A variable is written {{1}}: two braces on each side."))


def _blanks(form: Form, _: MessageTemplate | None) -> Wrong:
    for part, field in (("header", "header_text"), ("body", "body")):
        names = [name for where, name in form.blanks if where == part]
        if form.named:
            if not all(PARAMETER.fullmatch(name) for name in names):
                yield field, _no("names", N_("Use either numbers or small-letter names, not both."))
        elif names != [str(number) for number in range(1, len(names) + 1)]:
            yield (
                field,
                _no("order", N_("Number the variables in their order: {{1}}, {{2}}, {{3}}.")),
            )
    for part, name in form.blanks:
        if not form.examples.get(f"{part}.{name}", "").strip():
            sentence = N_("WhatsApp wants an example here.")
            yield f"examples.{part}.{name}", _no("example", sentence)


def _twin(form: Form, template: MessageTemplate | None) -> Wrong:
    """Meta takes the same body and footer only once."""
    others = select(MessageTemplate).where(
        MessageTemplate.waba_id == form.account,
        MessageTemplate.state.not_in(("deleted", "draft")),
        MessageTemplate.category != "authentication",
    )
    for other in db.session().scalars(others):
        if other is not template and (other.body, other.footer) == (form.body, form.footer):
            yield (
                "body",
                _no(
                    "twin",
                    N_("The template {name} says the same. WhatsApp refuses a second one."),
                    name=other.name,
                ),
            )
            return


# --- its buttons ----------------------------------------------------------------------------------


def _buttons(form: Form, _: MessageTemplate | None) -> Wrong:
    if len(form.buttons) > MOST_BUTTONS:
        yield "buttons", _no("too_many", N_("Ten buttons at most."))
    for kind, most in MOST_OF_A_KIND.items():
        if sum(button.kind == kind for button in form.buttons) > most:
            yield "buttons", _no("too_many", N_("Two links and one phone number at most."))
    words = [fold(button.text) for button in form.buttons]
    for index, button in enumerate(form.buttons):
        at = f"buttons.{index}"
        if button.kind not in BUTTONS:
            yield f"{at}.kind", _no("kind", N_("This kind of button cannot be made here."))
        if not button.text:
            yield f"{at}.text", _no("empty", N_("Write what stands on the button."))
        elif words.index(words[index]) != index:
            yield f"{at}.text", _no("twice", N_("Another button says the same."))
        if len(button.text) > LIMITS["button"]:
            yield f"{at}.text", _too_long(LIMITS["button"])
        if BRACES.search(button.text) or "\n" in button.text or _emoji(button.text):
            yield f"{at}.text", _no("plain", N_("No variables, line breaks or emoji here."))
        if button.kind == "url":
            yield from ((f"{at}.{name}", why) for name, why in _link(button.value, button.example))
        if button.kind == "phone_number" and not re.fullmatch(r"\+\d{6,19}", button.value):
            yield f"{at}.value", _no("phone", N_("This is not a phone number."))


def _link(url: str, example: str) -> Wrong:
    address = urlsplit(VARIABLE.split(url)[0])
    if address.scheme not in ("http", "https") or "." not in address.netloc or " " in url:
        yield "value", _no("url", N_("A link starts with https:// and a web address."))
    if len(url) > LIMITS["url"]:
        yield "value", _too_long(LIMITS["url"])
    blanks = VARIABLE.findall(url)
    if blanks and (blanks != ["1"] or not url.endswith("{{1}}")):
        yield "value", _no("url_blank", N_("A link may end with {{1}}, and nowhere else."))
    elif blanks and not example.strip():
        yield "example", _no("example", N_("WhatsApp wants an example here."))


def _too_long(limit: int) -> Refused:
    return _no("too_long", N_("Too long: {limit} characters at most."), limit=limit)


def _emoji(text: str) -> bool:
    return re.search(r"[\u231a-\u2bff\u3030\u303d\U0001f000-\U0001faff]", text) is not None


RULES: tuple[Callable[[Form, MessageTemplate | None], Wrong], ...] = (
    *(_identity, _header, _body, _footer, _lengths, _blanks, _twin, _buttons),
)


# --- what Meta will charge it as ------------------------------------------------------------------

# Words that make Meta take a utility template for an advertisement (spec: any offer or upsell).
_OFFERS = (
    *("promo", "promotion", "promotions", "code promo", "remise", "remises", "reduction", "rabais"),
    *("solde", "soldes", "offre", "offres", "offert", "offerte", "gratuit", "gratuite", "cadeau"),
    *("profitez", "decouvrez", "vente flash", "bon plan", "nouvelle collection", "nouveautes"),
    *("exclusif", "exclusive", "prix reduit", "derniere chance", "black friday", "parrainage"),
    *("discount", "sale", "sales", "offer", "offers", "deal", "deals", "coupon", "voucher"),
    *("for free", "gift", "new arrivals", "limited time", "last chance", "special price", "save"),
    *("تخفيض", "تخفيضات", "خصم", "خصومات", "عرض", "عروض", "هدية", "هدايا", "مجانا", "مجاني"),
    *("كوبون", "حصري", "اغتنم", "تنزيلات", "همزة", "برومو"),
)
_OFFER = re.compile(
    r"(?<!\w)(?:[وبلف]?ال|[وبل])?(?:" + "|".join(map(re.escape, map(fold, _OFFERS))) + r")(?!\w)"
    r"|\d+\s?[%٪]"
)


def offers(form: Form) -> list[str]:
    """The words for which Meta would charge a utility template as marketing; none is best."""
    if form.category != "utility":
        return []
    said = [form.header_text, form.body, form.footer, *(button.text for button in form.buttons)]
    return list(dict.fromkeys(match[0] for text in said for match in _OFFER.finditer(fold(text))))

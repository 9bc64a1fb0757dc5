"""Which templates can be sent now, and what stands in the way of the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from flows.errors import N_, Invalid, Refused
from flows.templates.composing import MEDIA
from models import db
from models.message import Media
from models.template import Button, MessageTemplate
from models.types import Json, utcnow

SENDABLE_BUTTONS = (
    *("quick_reply", "url", "phone_number", "copy_code", "otp", "flow", "catalog", "mpm", "spm"),
    *("request_contact_info", "voice_call"),
)
HEADERS = ("text", "location", *MEDIA)
CODE = 20
"""Characters of a coupon's code, since December 2025."""


def check_sendable(template: MessageTemplate, *, by_itself: bool = False) -> None:
    """Refuse a template that Meta would not send, or that needs what we cannot give it yet.

    `by_itself`: nobody is there to say a coupon's code or when an offer ends, only an order.
    """
    if obstacle := _obstacle(template):
        raise obstacle
    if by_itself and _wants_more(template):
        raise Refused(
            "template_unsupported",
            N_("Somebody has to fill this template in: an order does not say all of it."),
        )


def _obstacle(template: MessageTemplate) -> Refused | None:
    if not template.approved:
        return Refused(
            "template_state", N_("WhatsApp has not approved this template, or took it back.")
        )
    if needs_file(template):
        return Refused(
            "template_unsupported", N_("The picture or file above this template's text is missing.")
        )
    special = any(button.kind not in SENDABLE_BUTTONS for button in template.buttons)
    if special or _header(template) not in HEADERS:
        return Refused(
            "template_unsupported", N_("Wasl cannot send templates with such a part yet.")
        )
    return None


def _header(template: MessageTemplate) -> str:
    return str(template.part("HEADER").get("format", "TEXT")).lower()


def media_of(template: MessageTemplate) -> str | None:
    """image, video or document: what stands above its text; None for text or nothing."""
    shape = _header(template)
    return shape if shape in MEDIA else None


def file_of(template: MessageTemplate) -> Media | None:
    """What stands above its text when it is sent."""
    if media_of(template) is None or template.media_id is None:
        return None
    wanted = select(Media).where(Media.id == template.media_id)
    return db.session().scalars(wanted).one_or_none()


def needs_file(template: MessageTemplate) -> bool:
    """Whether Meta approved it with a picture, film or document that we do not have."""
    return media_of(template) is not None and template.media_id is None


def shape_of(template: MessageTemplate, file: Media | None) -> Json:
    """What `bot` has to know of a template's parts to write its body, and a page to show it."""
    shape: Json = {}
    if media_of(template):
        shape["media"] = media_of(template)
    if file is not None:
        shape["filename"] = file.filename
    if template.cards:
        shape["cards"] = [_card_header(card) for card in template.cards]
    if template.offer:
        shape["offer"] = str(template.offer.get("text", ""))
    if codes := [b.index for b in template.buttons if b.kind == "otp"]:
        shape["codes"] = codes
    return shape


def _card_header(components: list[Json]) -> str:
    header = next((c for c in components if str(c.get("type", "")).upper() == "HEADER"), {})
    return str(header.get("format", "IMAGE")).lower()


def check_values(template: MessageTemplate, values: Mapping[str, Any]) -> None:
    """Invalid where a blank that is no word of a text is empty or cannot be what it should."""
    wrong: dict[str, Refused] = {}
    for variable in template.variables:
        rule = _RULES.get(variable.name) if variable.beside else None
        value = values.get(variable.key)
        if rule and not isinstance(value, dict) and (why := rule(str(value or ""))):
            wrong[variable.key] = why
    if wrong:
        raise Invalid(wrong)


def _code(value: str) -> Refused | None:
    if 1 <= len(value) <= CODE and value.isalnum():
        return None
    return Refused("code", N_("Letters and digits only, {limit} at most."), limit=CODE)


def _degrees(most: int) -> Callable[[str], Refused | None]:
    def rule(value: str) -> Refused | None:
        try:
            fits = abs(float(value)) <= most
        except ValueError:
            fits = False
        return None if fits else Refused("number", N_("This is not a place on earth."))

    return rule


def _future(value: str) -> Refused | None:
    try:
        ends = datetime.fromisoformat(value)
        fits = ends.tzinfo is not None and ends > utcnow()
    except ValueError:
        fits = False
    if fits:
        return None
    return Refused(
        "past", N_("Enter when the offer ends, in the future: {example}."), example=EXAMPLE
    )


def _link(value: str) -> Refused | None:
    if re.fullmatch(r"https?://[^\s/]+\.\S+", value):
        return None
    return Refused("url", N_("A link starts with https:// and a web address."))


def _filled(value: str) -> Refused | None:
    return None if value.strip() else Refused("empty", N_("Fill this in."))


EXAMPLE = "2026-12-31 20:00"
# Name of a blank that Meta wants beside the text → what is wrong with its value.
_RULES: dict[str, Callable[[str], Refused | None]] = {
    "code": _code,
    "latitude": _degrees(90),
    "longitude": _degrees(180),
    "until": _future,
    "link": _link,
    "products": _filled,
}


def sendable() -> Sequence[MessageTemplate]:
    """The templates an automation can send now, by name and language: an order fills them."""
    approved = select(MessageTemplate).where(MessageTemplate.state == "approved")
    by_name = approved.order_by(MessageTemplate.name, MessageTemplate.language, MessageTemplate.id)
    return [
        template
        for template in db.session().scalars(by_name)
        if _obstacle(template) is None and not _wants_more(template)
    ]


def _wants_more(template: MessageTemplate) -> bool:
    """Whether it has blanks that no fact of an order fills."""
    return any(variable.beside for variable in template.variables)


def taps(template: MessageTemplate) -> list[Button]:
    """The buttons a customer answers with, which a stage can follow."""
    return [button for button in template.buttons if button.kind == "quick_reply"]

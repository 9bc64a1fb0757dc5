"""Which templates can be sent now, and what stands in the way of the others."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from flows.errors import N_, Refused
from flows.templates.composing import MEDIA
from models import db
from models.message import Media
from models.template import Button, MessageTemplate

SENDABLE_BUTTONS = ("quick_reply", "url", "phone_number")


def check_sendable(template: MessageTemplate) -> None:
    """Refuse a template that Meta would not send, or that needs what we cannot give it yet."""
    if obstacle := _obstacle(template):
        raise obstacle


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
    if special or _header(template) not in ("text", *MEDIA):
        return Refused(
            "template_unsupported", N_("Templates with special buttons cannot be sent yet.")
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


def sendable() -> Sequence[MessageTemplate]:
    """The templates that can be sent now, by name and language."""
    approved = select(MessageTemplate).where(MessageTemplate.state == "approved")
    by_name = approved.order_by(MessageTemplate.name, MessageTemplate.language, MessageTemplate.id)
    return [template for template in db.session().scalars(by_name) if _obstacle(template) is None]


def taps(template: MessageTemplate) -> list[Button]:
    """The buttons a customer answers with, which a stage can follow."""
    return [button for button in template.buttons if button.kind == "quick_reply"]

"""Which templates can be sent now, and what stands in the way of the others."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from flows.errors import N_, Refused
from models import db
from models.template import Button, MessageTemplate


def check_sendable(template: MessageTemplate) -> None:
    """Refuse a template that Meta would not send, or that needs what we cannot give it yet."""
    if obstacle := _obstacle(template):
        raise obstacle


def _obstacle(template: MessageTemplate) -> Refused | None:
    if not template.approved:
        return Refused(
            "template_state", N_("WhatsApp has not approved this template, or took it back.")
        )
    header = str(template.part("HEADER").get("format", "TEXT")).upper()
    if header != "TEXT" or any(b.kind not in SENDABLE_BUTTONS for b in template.buttons):
        return Refused(
            "template_unsupported",
            N_("Templates with a picture, a file or special buttons cannot be sent yet."),
        )
    return None


SENDABLE_BUTTONS = ("quick_reply", "url", "phone_number")


def sendable() -> Sequence[MessageTemplate]:
    """The templates that can be sent now, by name and language."""
    approved = select(MessageTemplate).where(MessageTemplate.state == "approved")
    by_name = approved.order_by(MessageTemplate.name, MessageTemplate.language, MessageTemplate.id)
    return [template for template in db.session().scalars(by_name) if _obstacle(template) is None]


def taps(template: MessageTemplate) -> list[Button]:
    """The buttons a customer answers with, which a stage can follow."""
    return [button for button in template.buttons if button.kind == "quick_reply"]

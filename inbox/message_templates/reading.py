"""The posted form of a template, as far as it can be read."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from flows import channels, templates
from inbox.conversations.asked import read_id
from inbox.current import current
from inbox.forms import Fields
from models import db
from models.message import Media
from models.template import MessageTemplate


def read(posted: Mapping[str, str], template: MessageTemplate | None) -> templates.Form:
    """The form as posted; what Meta has already stays as it is."""
    fields = Fields(posted)
    fixed = template is not None and template.meta_id is not None
    name = template.name if template and fixed else _name(fields.text("name"))
    header = fields.text("header") or "none"
    return templates.Form(
        account=template.waba_id if template and fixed else _account(fields.text("account")),
        name=name,
        language=template.language if template and fixed else fields.text("language"),
        category=fields.text("category"),
        body=fields.lines("body"),
        header=header,
        header_text=fields.text("header_text"),
        media=_media(posted.get("media")) if header in templates.MEDIA else None,
        footer=fields.text("footer"),
        offer=fields.text("offer"),
        examples={
            key.removeprefix("examples."): fields.text(key)
            for key in posted
            if key.startswith("examples.")
        },
        buttons=[_button(row) for row in fields.rows("buttons")],
        cards=[card for row in fields.rows("cards") if (card := _card(row))],
    )


def _name(typed: str) -> str:
    """As typed where Meta takes it; a title becomes a name."""
    return templates.suggest_name(typed) or typed


def _account(wanted: str) -> str:
    mine = [channel.waba_id for channel in channels.all_of_merchant()]
    return wanted if wanted in mine else next(iter(mine), "")


def _button(row: Fields) -> templates.FormButton:
    kind, value = row.text("kind"), row.text("value")
    if kind == "phone_number":
        number = row.phone("value", current.merchant.country)
        value = (number.e164 if number else None) or value
    return templates.FormButton(kind, row.text("text"), value, row.text("example"))


def _card(row: Fields) -> templates.FormCard | None:
    """One card; None for a place that nobody filled."""
    buttons = []
    for n in ("1", "2"):
        kind, text, value = row.text(f"kind{n}"), row.text(f"text{n}"), row.text(f"value{n}")
        if kind == "phone_number":
            number = row.phone(f"value{n}", current.merchant.country)
            value = (number.e164 if number else None) or value
        if kind and (text or value):
            buttons.append(templates.CardButton(kind, text, value))
    media, body = _media(row.posted.get("media")), row.lines("body")
    return templates.FormCard(media, body, buttons) if media or body or buttons else None


def _media(posted: str | None) -> Media | None:
    wanted = select(Media).where(Media.id == read_id(posted))
    return db.session().scalars(wanted).one_or_none()

"""Carousels: two to ten cards, each a picture or film, a text and one or two buttons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from models import db
from models.message import Media
from models.types import Json

CARDS = (2, 10)
CARD_BODY = 160
CARD_BUTTONS = ("quick_reply", "url", "phone_number")
SHAPES = {"image/jpeg": "image", "image/png": "image", "video/mp4": "video"}


@dataclass(frozen=True, slots=True)
class CardButton:
    """`value`: the link without blanks, or the phone in E.164."""

    kind: str
    text: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class FormCard:
    media: Media | None
    body: str
    buttons: Sequence[CardButton] = ()

    @property
    def shape(self) -> str:
        """image or video; "" without a file that Meta takes here."""
        return SHAPES.get(self.media.mime_type, "") if self.media else ""

    @property
    def components(self) -> list[Json]:
        return [
            {"type": "HEADER", "format": (self.shape or "image").upper()},
            {"type": "BODY", "text": self.body},
            {"type": "BUTTONS", "buttons": [_button(button) for button in self.buttons]},
        ]


def component(cards: Sequence[FormCard]) -> Json:
    return {"type": "CAROUSEL", "cards": [{"components": card.components} for card in cards]}


def read(components: Iterable[Json], media_ids: Sequence[Any]) -> tuple[FormCard, ...]:
    """The cards as somebody wrote them, each with its file where we have it."""
    whole = next((c for c in components if str(c.get("type", "")).upper() == "CAROUSEL"), {})
    files = files_of(media_ids)
    cards: list[Json] = whole.get("cards") or []
    return tuple(
        _card(card.get("components") or [], files[n] if n < len(files) else None)
        for n, card in enumerate(cards)
    )


def files_of(media_ids: Sequence[Any]) -> list[Media | None]:
    """The files in this order, None for one that is not there (any more)."""
    ids = [UUID(str(media_id)) if media_id else None for media_id in media_ids]
    wanted = select(Media).where(Media.id.in_([id_ for id_ in ids if id_]))
    found = {media.id: media for media in db.session().scalars(wanted)} if any(ids) else {}
    return [found.get(id_) if id_ else None for id_ in ids]


def _card(components: list[Json], media: Media | None) -> FormCard:
    parts = {str(part.get("type", "")).upper(): part for part in components}
    buttons = parts.get("BUTTONS", {}).get("buttons", [])
    return FormCard(media, str(parts.get("BODY", {}).get("text", "")), tuple(_read(buttons)))


def _read(buttons: Iterable[Json]) -> Iterator[CardButton]:
    for button in buttons:
        kind = str(button.get("type", "")).lower()
        value = str(button.get("phone_number") or button.get("url") or "")
        yield CardButton(kind, str(button.get("text", "")), value)


def _button(button: CardButton) -> Json:
    facts = {"type": button.kind.upper(), "text": button.text}
    if button.kind == "quick_reply":
        return facts
    return facts | {"url" if button.kind == "url" else "phone_number": button.value}

"""Pictures, films, sounds, documents: as they are shown, here or still on their way."""

from __future__ import annotations

from dataclasses import dataclass

from flows.media import REASONS
from inbox.conversations.kinds import bodies
from inbox.conversations.kinds.names import SHAPES, icon, label
from inbox.languages import gettext
from models.message import Direction, Media, Message, Origin


@dataclass(frozen=True, slots=True)
class File:
    """A picture, film, sound or document; `stored` is ours to show once it is here."""

    icon: str
    label: str
    name: str
    mime_type: str
    caption: str
    stored: Media | None
    shown_as: str = ""
    """Meta's type: the same picture may be sent as a picture, a sticker or a document."""

    @property
    def picture(self) -> bool:
        return self.look == "picture"

    @property
    def here(self) -> bool:
        return self.stored is not None and self.stored.here

    @property
    def look(self) -> str:
        """How it is shown: picture, sticker, video, audio, card; absent while it is not here."""
        if self.stored is not None and not self.stored.here:
            return "absent"
        family = self.mime_type.partition("/")[0] if self.stored is not None else ""
        if family == "image" and self.shown_as == "sticker":
            return "sticker"
        playable = {"image": "picture", "video": "video", "audio": "audio"}
        return "card" if self.shown_as == "document" else playable.get(family, "card")

    @property
    def trouble(self) -> str:
        """Why it is not here, as a sentence; "" when it is only on its way."""
        if self.stored is None or self.stored.reason is None:
            return ""
        return gettext(REASONS.get(self.stored.reason, REASONS["no_answer"]))


def file(message: Message) -> File:
    body, stored = bodies.body(message), message.media
    kind = "voice" if message.kind == "audio" and body.get("voice") is True else message.kind
    ours = message.direction is Direction.OUT and message.origin is not Origin.PHONE
    named = stored.filename if stored and (ours or message.kind == "document") else ""
    return File(
        icon=icon(kind),
        label=label(kind),
        name=named or bodies.text(body.get("filename")),
        mime_type=stored.mime_type
        if stored
        else bodies.text(body.get("mime_type")).partition(";")[0],
        caption=message.text if ours else bodies.text(body.get("caption")),
        stored=stored,
        shown_as=message.kind,
    )


def header_file(message: Message) -> File | None:
    """What stands above a template's text."""
    return file_above(message, bodies.text(message.payload.get("media")))


def file_above(message: Message, kind: str) -> File | None:
    """The file above the text, sent as this kind."""
    stored = message.media
    if stored is None or kind not in SHAPES:
        return None
    return File(icon(kind), label(kind), stored.filename, stored.mime_type, "", stored, kind)

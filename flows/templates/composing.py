"""A template as a person writes it, and as Meta's components say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select

from flows.templates import carousels
from flows.templates.carousels import FormCard
from models import db
from models.message import Media
from models.template import VARIABLE, MessageTemplate
from models.types import Json

# Meta's codes of the languages our merchants' customers read; there is no Algerian Arabic.
LANGUAGES = (
    *("fr", "ar", "en", "fr_MA", "ar_MA", "fr_CI", "fr_BE", "fr_CA", "fr_CH", "ar_EG", "ar_AE"),
    *("ar_LB", "ar_QA", "en_US", "en_GB", "es"),
)
CATEGORIES = ("utility", "marketing")
MEDIA = {
    # header → the files Meta takes as a sample of it, and what may be sent in its place
    "image": ("image/jpeg", "image/png"),
    "video": ("video/mp4",),
    "document": ("application/pdf",),
}
HEADERS = ("none", "text", *MEDIA, "location")
BUTTONS = ("quick_reply", "url", "phone_number", "copy_code", "catalog", "flow")
WORDLESS = ("copy_code",)
"""Buttons whose words WhatsApp chooses."""


@dataclass(frozen=True, slots=True)
class FormButton:
    """`value`: the link, the phone in E.164, a coupon's code or the id of a flow.

    `example`: what stands in for the link's {{1}}, or the first screen of the flow.
    """

    kind: str
    text: str
    value: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A template as somebody fills it in. `examples` by blank: {"header.1": …, "body.1": …}."""

    account: str
    name: str
    language: str
    category: str
    body: str
    header: str = "none"
    header_text: str = ""
    media: Media | None = None
    footer: str = ""
    offer: str = ""
    """The words above the end of a limited-time offer; empty for none."""
    examples: Mapping[str, str] = field(default_factory=dict)
    buttons: Sequence[FormButton] = ()
    cards: Sequence[FormCard] = ()

    @property
    def blanks(self) -> list[tuple[str, str]]:
        """(part, name) of every blank in header and body, in the order they are read."""
        texts = [("header", self.header_text if self.header == "text" else ""), ("body", self.body)]
        return [
            (part, name) for part, text in texts for name in dict.fromkeys(VARIABLE.findall(text))
        ]

    @property
    def named(self) -> bool:
        """Whether its blanks have names rather than numbers."""
        return any(not name.isdecimal() for _, name in self.blanks)

    @property
    def components(self) -> list[Json]:
        return [
            *self._header(),
            *self._offer(),
            self._body(),
            *self._footer(),
            *self._buttons(),
            *([carousels.component(self.cards)] if self.cards else []),
        ]

    def _header(self) -> Iterator[Json]:
        if self.header == "text" and self.header_text:
            yield _text("HEADER", self.header_text, self._example("header"), format="TEXT")
        elif self.header in MEDIA or self.header == "location":
            yield {"type": "HEADER", "format": self.header.upper()}

    def _offer(self) -> Iterator[Json]:
        if self.offer:
            facts = {"text": self.offer, "has_expiration": True}
            yield {"type": "LIMITED_TIME_OFFER", "limited_time_offer": facts}

    def _body(self) -> Json:
        return _text("BODY", self.body, self._example("body"))

    def _footer(self) -> Iterator[Json]:
        if self.footer:
            yield {"type": "FOOTER", "text": self.footer}

    def _buttons(self) -> Iterator[Json]:
        # Meta refuses quick replies that stand between other buttons.
        sorted_ = sorted(self.buttons, key=lambda button: button.kind != "quick_reply")
        if sorted_:
            yield {"type": "BUTTONS", "buttons": [_button(button) for button in sorted_]}

    def _example(self, part: str) -> Json:
        names = [name for where, name in self.blanks if where == part]
        said = [self.examples.get(f"{part}.{name}", "") for name in names]
        if not names:
            return {}
        if self.named:
            pairs = zip(names, said, strict=True)
            named = [{"param_name": name, "example": text} for name, text in pairs]
            return {f"{part}_text_named_params": named}
        return {"body_text": [said]} if part == "body" else {"header_text": said}


def _text(kind: str, text: str, example: Json, **more: str) -> Json:
    return {"type": kind, **more, "text": text} | ({"example": example} if example else {})


def _button(button: FormButton) -> Json:
    facts: Json = {"type": button.kind.upper()}
    if button.kind not in WORDLESS:
        facts["text"] = button.text
    if button.kind == "copy_code":
        facts["example"] = button.value
    elif button.kind == "flow":
        facts |= {"flow_id": button.value, "flow_action": "navigate"}
        facts["navigate_screen"] = button.example
    elif button.kind == "phone_number":
        facts["phone_number"] = button.value
    elif button.kind == "url":
        facts["url"] = button.value
        if VARIABLE.search(button.value):
            facts["example"] = [VARIABLE.sub(lambda _: button.example, button.value)]
    return facts


# --- and back -------------------------------------------------------------------------------------


def written(template: MessageTemplate) -> Form:
    """What stands in the form of this template: its draft, else what Meta has."""
    draft = template.draft or {}
    said: list[Json] = draft.get("components") or template.components
    parts = {str(c.get("type", "")).upper(): c for c in said}
    header = parts.get("HEADER", {})
    shape = str(header.get("format", "TEXT")).lower() if header else "none"
    return Form(
        account=template.waba_id,
        name=template.name,
        language=template.language,
        category=str(draft.get("category") or template.category),
        header=shape,
        header_text=str(header.get("text", "")),
        media=_file(draft.get("media_id") or template.media_id),
        body=str(parts.get("BODY", {}).get("text", "")),
        footer=str(parts.get("FOOTER", {}).get("text", "")),
        offer=str(
            (parts.get("LIMITED_TIME_OFFER", {}).get("limited_time_offer") or {}).get("text", "")
        ),
        examples=examples(said),
        buttons=tuple(_read(b) for b in parts.get("BUTTONS", {}).get("buttons", [])),
        cards=carousels.read(said, draft.get("card_media") or template.card_media or ()),
    )


def examples(components: Iterable[Json]) -> dict[str, str]:
    """Blank → its example, as far as the components keep them."""
    found: dict[str, str] = {}
    for component in components:
        part = str(component.get("type", "")).lower()
        example = component.get("example")
        if part not in ("header", "body") or not isinstance(example, dict):
            continue
        listed = example.get(f"{part}_text") or ()
        listed = listed[0] if listed and isinstance(listed[0], list) else listed
        named = example.get(f"{part}_text_named_params") or ()
        found |= {f"{part}.{n}": str(text) for n, text in enumerate(listed, 1)}
        found |= {f"{part}.{e['param_name']}": str(e.get("example", "")) for e in named}
    return found


def _read(button: Json) -> FormButton:
    kind = str(button.get("type", "")).lower()
    if kind == "flow":
        screen = str(button.get("navigate_screen") or "")
        return FormButton(kind, str(button.get("text", "")), str(button.get("flow_id", "")), screen)
    if kind == "copy_code":
        example = button.get("example") or ""
        code = example[0] if isinstance(example, list) else example
        return FormButton(kind, str(button.get("text", "")), str(code))
    url, example = str(button.get("url") or ""), button.get("example") or [""]
    shown = str(example[0] if isinstance(example, list) else example)
    stem = VARIABLE.split(url)[0]
    return FormButton(
        kind,
        str(button.get("text", "")),
        str(button.get("phone_number") or "") if kind == "phone_number" else url,
        shown.removeprefix(stem) if VARIABLE.search(url) else "",
    )


def _file(media_id: Any) -> Media | None:
    if media_id is None:
        return None
    wanted = select(Media).where(Media.id == UUID(str(media_id)))
    return db.session().scalars(wanted).one_or_none()

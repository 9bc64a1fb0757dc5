"""A form that is open on a phone: its screens with their blanks filled, ready to draw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.flow_checks import parts
from bot.simulator.world import Flow, Json

BLANK = re.compile(r"\$\{(data|form)\.(\w+)\}")
TEXTS = {
    "TextHeading": "heading",
    "TextSubheading": "subheading",
    "TextBody": "body",
    "TextCaption": "caption",
}
FIELDS = {
    "TextInput": "input",
    "TextArea": "area",
    "RadioButtonsGroup": "radio",
    "Dropdown": "dropdown",
}


@dataclass
class Sheet:
    """One form in one customer's hands; `flow` is None where Meta does not know it."""

    id: str
    customer: str
    wamid: str
    index: int
    flow: Flow | None
    token: str
    screen: str = ""
    data: Json = field(default_factory=dict)
    seen: dict[str, Json] = field(default_factory=dict)
    """Screen → the data it was shown with last."""
    typed: dict[str, str] = field(default_factory=dict)
    trouble: str | None = None
    closed: bool = False
    sent: str | None = None

    def view(self) -> Json:
        """{form, title, screen, texts and fields in order, submit, trouble, closed, sent}."""
        shown = list(self.parts())
        footer = next((part for part in shown if part["type"] == "Footer"), {})
        return {
            "form": self.id,
            "title": self._declared(self.screen).get("title", ""),
            "screen": self.screen,
            "back": self.before is not None,
            "parts": [drawn for part in shown if (drawn := self._drawn(part))],
            "submit": footer.get("label", ""),
            "trouble": self.trouble,
            "closed": self.closed,
            "sent": self.sent,
        }

    @property
    def before(self) -> str | None:
        """The screen this one was reached from."""
        return next((name for name, then in self._routes.items() if self.screen in then), None)

    @property
    def footer(self) -> Json:
        """The button at the foot as it is written, its blanks empty."""
        components = parts(self._declared(self.screen).get("layout") or {})
        return next(part for part in components if part["type"] == "Footer")

    def parts(self) -> Iterator[Json]:
        """The visible components of the screen, their blanks filled."""
        whole: Json = {}
        for part in parts(self._declared(self.screen).get("layout") or {}):
            filled = fill(part, {"data": self.data})
            if part["type"] == "Form":
                whole = filled
            elif filled.get("visible", True) is not False:
                name = str(part.get("name"))
                values, errors = whole.get("init-values"), whole.get("error-messages")
                facts = {"value": (values or {}).get(name, ""), "error": (errors or {}).get(name)}
                yield filled | (facts if part["type"] in FIELDS else {})

    def go(self, screen: str, data: Json) -> None:
        self.screen, self.data, self.seen[screen] = screen, data, data
        self.trouble = data.get("error_message")

    def unshowable(self, screen: str, data: Json) -> str | None:
        """Why a phone cannot show this screen after the present one."""
        declared = self._declared(screen).get("data")
        if declared is None:
            return f"unknown-screen: {screen}"
        near = (self.screen, *self._routes.get(self.screen, ()))
        if self.screen and screen not in near and self.screen not in self._routes.get(screen, ()):
            return f"invalid-screen-transition: {self.screen} to {screen}"
        lacking = declared.keys() - data.keys()
        return f"missing-data: {', '.join(sorted(lacking))}" if lacking else None

    @property
    def _routes(self) -> dict[str, list[str]]:
        return ((self.flow.screens if self.flow else None) or {}).get("routing_model") or {}

    def _declared(self, name: str) -> Json:
        screens = ((self.flow.screens if self.flow else None) or {}).get("screens") or []
        return next((screen for screen in screens if screen["id"] == name), {})

    def _drawn(self, part: Json) -> Json | None:
        kind = part["type"]
        if kind in TEXTS:
            return {"kind": TEXTS[kind], "text": part["text"]}
        if kind not in FIELDS:
            return None
        return {
            "kind": FIELDS[kind],
            "name": part["name"],
            "label": part["label"],
            "help": part.get("helper-text", ""),
            "type": part.get("input-type", "text"),
            "required": bool(part.get("required")),
            "most": part.get("max-chars") or part.get("max-length"),
            "value": self.typed.get(part["name"], part["value"]),
            "error": part["error"],
            "options": part.get("data-source"),
        }


def fill(value: Any, known: dict[str, Json]) -> Any:
    """The value with its blanks filled; a blank that is the whole text keeps its type."""
    if isinstance(value, dict):
        return {key: fill(each, known) for key, each in value.items()}
    if isinstance(value, list):
        return [fill(each, known) for each in value]
    if not isinstance(value, str):
        return value
    if whole := BLANK.fullmatch(value):
        return known[whole[1]].get(whole[2]) if whole[1] in known else value
    return BLANK.sub(lambda blank: str(known.get(blank[1], {}).get(blank[2], blank[0])), value)

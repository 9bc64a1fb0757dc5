"""A template with its blanks filled: for an order, and as the customer reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows.errors import N_, Refused
from flows.templates.blanks import facts
from flows.templates.composing import Form
from models.order import Order
from models.template import VARIABLE, Button, MessageTemplate
from models.types import Json


@dataclass(frozen=True, slots=True)
class Card:
    """One card of a carousel."""

    body: str
    buttons: tuple[str, ...]
    link: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template as the customer reads it."""

    header: str
    body: str
    footer: str
    buttons: tuple[Button, ...]
    offer: str = ""
    """The words above a limited-time offer's end."""
    cards: tuple[Card, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(part for part in (self.header, self.body, self.footer) if part)


def render(template: MessageTemplate, values: Mapping[str, str]) -> Rendered:
    """The template with `values` ({"body.1": …}) in its blanks; a blank without one stays seen."""
    return Rendered(
        header=_filled("header", template.header, values),
        body=_filled("body", template.body, values),
        footer=template.footer,
        buttons=tuple(
            replace(button, url=_filled(f"button:{button.index}", button.url, values))
            if button.url
            else button
            for button in template.buttons
        ),
        offer=str(template.offer.get("text") or ""),
        cards=tuple(_card(index, card, values) for index, card in enumerate(template.cards)),
    )


def _card(index: int, components: list[Any], values: Mapping[str, str]) -> Card:
    parts = {str(part.get("type", "")).upper(): part for part in components}
    return Card(
        body=_filled(f"card:{index}.body", str(parts.get("BODY", {}).get("text", "")), values),
        buttons=tuple(str(b.get("text", "")) for b in parts.get("BUTTONS", {}).get("buttons", [])),
        link=values.get(f"card:{index}.header.link", ""),
    )


def shown_values(values: Mapping[str, str | Json]) -> dict[str, str]:
    """What a reader sees of each value: of Meta's own parameters their fallback."""
    return {
        key: value if isinstance(value, str) else _fallback(value) for key, value in values.items()
    }


def _fallback(parameter: Json) -> str:
    inner = parameter.get(str(parameter.get("type")))
    return str(inner.get("fallback_value", "")) if isinstance(inner, dict) else ""


def _filled(part: str, text: str, values: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda blank: values.get(f"{part}.{blank[1]}", blank[0]), text)


def fill(template: MessageTemplate, mapping: Mapping[str, Any], order: Order) -> dict[str, str]:
    """A value for every blank, from the order's facts; Refused("missing_variable") without one.

    Its fact `missing` lists the facts the order does not have ("order.city", …).
    """
    values = _values(template, mapping, order)
    missing = [str(mapping.get(key, key)) for key, value in values.items() if not value]
    if missing:
        raise Refused(
            "missing_variable",
            N_("The order does not say: {missing}."),
            missing=list(dict.fromkeys(missing)),
        )
    return values


def preview(template: MessageTemplate, mapping: Mapping[str, Any], order: Order) -> Rendered:
    """The template as `order` would fill it; what is not mapped or not known stays a blank."""
    values = _values(template, mapping, order)
    return render(template, {key: value for key, value in values.items() if value})


def sampled(form: Form) -> Rendered:
    """What somebody writes, with the examples in its blanks; one without stays seen."""
    values = {key: text for key, text in form.examples.items() if text}
    return Rendered(
        header=_filled("header", form.header_text if form.header == "text" else "", values),
        body=_filled("body", form.body, values),
        footer=form.footer,
        buttons=tuple(
            Button(
                index,
                button.kind,
                button.text,
                VARIABLE.sub(lambda blank, b=button: b.example or blank[0], button.value),  # type: ignore[misc]
            )
            for index, button in enumerate(form.buttons)
        ),
        offer=form.offer,
        cards=tuple(Card(card.body, tuple(b.text for b in card.buttons)) for card in form.cards),
    )


def _values(template: MessageTemplate, mapping: Mapping[str, Any], order: Order) -> dict[str, str]:
    known = facts(order, template.language)
    return {
        variable.key: clean_value(known.get(str(mapping.get(variable.key)), ""))
        for variable in template.variables
    }


def clean_value(text: str) -> str:
    """Text Meta accepts in a blank: no line break, no tab, never four spaces in a row (132018)."""
    return re.sub(r"[ \t\r\n\v\f\u0085\u2028\u2029]+", " ", text).strip()

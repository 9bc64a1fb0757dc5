"""Ready messages: what Meta lists, what fills their blanks, how they read once filled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from flows.errors import N_, Refused
from flows.events import TemplateNews
from models import db
from models.merchant import Merchant
from models.order import Order
from models.template import VARIABLE, Button, MessageTemplate
from models.types import Json, Money, new_id, utcnow

# --- what can fill a blank ------------------------------------------------------------------------

FACTS: dict[str, str] = {
    "customer.name": N_("Customer's name"),
    "customer.first_name": N_("Customer's first name"),
    "customer.phone": N_("Customer's phone"),
    "order.number": N_("Order number"),
    "order.amount": N_("Amount due"),
    "order.products_amount": N_("Amount of the products"),
    "order.delivery_fee": N_("Delivery fee"),
    "order.items": N_("Products ordered"),
    "order.city": N_("City"),
    "order.address": N_("Address"),
    "order.stage": N_("Stage"),
    "order.date": N_("Date of the order"),
    "agent.name": N_("Agent in charge"),
    "merchant.name": N_("Your shop's name"),
}


def facts(order: Order, language: str) -> dict[str, str]:
    """Every fact of FACTS about the order, written for readers of `language`; "" when unknown."""
    locale = _locale(language)
    merchant = db.session().get_one(Merchant, order.merchant_id)
    name = order.customer.name.strip()
    return {
        "customer.name": name,
        "customer.first_name": name.partition(" ")[0],
        "customer.phone": order.ship_phone,
        "order.number": str(order.number),
        "order.amount": _money(order.amount_due, locale),
        "order.products_amount": _money(Money(order.applied_total, order.currency), locale),
        "order.delivery_fee": _money(Money(order.delivery_fee, order.currency), locale),
        "order.items": _items(order, locale),
        "order.city": order.ship_city,
        "order.address": order.ship_line,
        "order.stage": order.stage.name,
        "order.date": format_date(order.created_at.astimezone(merchant.zone), "long", locale),
        "agent.name": order.assignee.name if order.assignee else "",
        "merchant.name": merchant.name,
    }


def _locale(language: str) -> Locale:
    """Babel's locale for a template's language; Meta has some that Babel has not."""
    for name in (language.replace("-", "_"), language[:2]):
        try:
            return Locale.parse(name)
        except (ValueError, UnknownLocaleError):
            continue
    return Locale("en")


def _money(money: Money, locale: Locale) -> str:
    return format_currency(money.decimal, money.currency, locale=locale)


def _items(order: Order, locale: Locale) -> str:
    comma = "، " if locale.language == "ar" else ", "
    return comma.join(f"{line.quantity} × {line.name}" for line in order.lines)


# --- filling and showing --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template as the customer reads it."""

    header: str
    body: str
    footer: str
    buttons: tuple[Button, ...]

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
    )


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


def _values(template: MessageTemplate, mapping: Mapping[str, Any], order: Order) -> dict[str, str]:
    known = facts(order, template.language)
    return {
        variable.key: clean_value(known.get(str(mapping.get(variable.key)), ""))
        for variable in template.variables
    }


def clean_value(text: str) -> str:
    """Text Meta accepts in a blank: no line break, no tab, never four spaces in a row (132018)."""
    return re.sub(r"[ \t\r\n\v\f\u0085\u2028\u2029]+", " ", text).strip()


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


# --- what Meta says of them -----------------------------------------------------------------------


def keep(waba_id: str, raws: Iterable[Mapping[str, Any]]) -> None:
    """The templates of this messaging account are as Meta lists them; unnamed ones are skipped."""
    rows = {(row["name"], row["language"]): row for raw in raws if (row := _row(waba_id, raw))}
    if not rows:
        return
    statement = insert(MessageTemplate).values(list(rows.values()))
    told: dict[str, Any] = {column: statement.excluded[column] for column in _TOLD}
    # What Meta has not judged yet must not hide what it said before.
    told["quality"] = func.coalesce(statement.excluded.quality, MessageTemplate.quality)
    db.session().execute(
        statement.on_conflict_do_update(
            index_elements=["merchant_id", "waba_id", "name", "language"], set_=told
        )
    )


_TOLD = ("meta_id", "category", "state", "named", "components", "reason", "synced_at")


def _row(waba_id: str, raw: Mapping[str, Any]) -> Json | None:
    name, language = str(raw.get("name") or ""), _language(raw.get("language"))
    if not name or not language:
        return None
    components = raw.get("components")
    return {
        "merchant_id": db.session().merchant_id,
        "id": new_id(),
        "waba_id": waba_id,
        "meta_id": str(raw["id"]) if raw.get("id") else None,
        "name": name,
        "language": language,
        "category": str(raw.get("category") or "").lower(),
        "state": str(raw.get("status") or "").lower(),
        "named": str(raw.get("parameter_format") or "").upper() == "NAMED",
        "components": components if isinstance(components, list) else [],
        "reason": _reason(raw.get("rejected_reason")),
        "quality": _quality(raw.get("quality_score")),
        "synced_at": utcnow(),
    }


def _language(raw: Any) -> str:
    """Meta writes en_US, and sometimes en-US."""
    return str(raw or "").replace("-", "_")


def _reason(raw: Any) -> str | None:
    return None if str(raw or "NONE").upper() == "NONE" else str(raw)


def _quality(raw: Any) -> str | None:
    score = raw.get("score") if isinstance(raw, Mapping) else raw
    return None if str(score or "UNKNOWN").upper() == "UNKNOWN" else str(score).lower()


def hear(news: TemplateNews) -> None:
    """What Meta told about a template stands on its row; what it did not tell stays as it was."""
    for template in _meant(news):
        if news.status:
            template.state = news.status.lower()
            template.reason = _reason(news.reason)
        if news.category:
            template.category = news.category.lower()
        if news.quality:
            template.quality = _quality(news.quality)


def _meant(news: TemplateNews) -> Sequence[MessageTemplate]:
    wanted = select(MessageTemplate).where(MessageTemplate.waba_id == news.waba_id)
    if news.template_id:
        wanted = wanted.where(MessageTemplate.meta_id == news.template_id)
    else:
        wanted = wanted.where(
            MessageTemplate.name == news.name, MessageTemplate.language == news.language
        )
    return db.session().scalars(wanted).all()

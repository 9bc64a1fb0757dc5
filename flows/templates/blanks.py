"""What can fill a blank: facts of an order, written for who reads the template."""

from __future__ import annotations

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency

from flows.errors import N_
from models import db
from models.merchant import Merchant
from models.order import Order
from models.types import Money

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
    "order.carrier": N_("Carrier"),
    "order.tracking": N_("Tracking number"),
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
        "order.carrier": order.carrier,
        "order.tracking": order.tracking,
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

"""One merchant of the demo, opened: numbers, catalogue, cards, templates, first automations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from flows import automations, catalog, channels, customers, stock, team, templates
from flows.catalog import NewVariant
from flows.countries import COUNTRIES
from flows.demo import pictures
from flows.demo.shops import FIRST_AUTOMATIONS, Shop
from flows.talks import bots
from models import db
from models.channel import Channel
from models.customer import Address
from models.merchant import Merchant
from models.pipeline import Stage
from models.template import MessageTemplate
from models.types import Json


def open_shop(shop: Shop, listed: Sequence[Json]) -> UUID:
    """One merchant of the demo with all it has but people; returns its id."""
    merchant_id = fit_out(shop, listed)
    with db.merchant(merchant_id):
        automate(shop)
    return merchant_id


def fit_out(shop: Shop, listed: Sequence[Json]) -> UUID:
    """The same, but no stage sends anything yet."""
    merchant_id = team.add_merchant(name=shop.name, country=shop.country, plan="pro")
    with db.merchant(merchant_id) as session:
        session.get_one(Merchant, merchant_id).delivery_fee = shop.delivery_fee
        _numbers(shop)
        _catalogue(shop)
        _cards(shop)
        templates.keep(shop.account, [t for t in listed if t["account"] == shop.account])
    return merchant_id


def _numbers(shop: Shop) -> None:
    for phone_number_id, display, name in shop.numbers:
        channels.add(
            name=name,
            phone_number_id=phone_number_id,
            waba_id=shop.account,
            display_phone_number=display,
            country=shop.country,
            token=f"EAA-demo-{shop.account}",
            time_zone=COUNTRIES[shop.country][1],
        )


def _catalogue(shop: Shop) -> None:
    for name, sku, price, options, held in shop.products:
        product = catalog.create(name, sku=sku, price=price, variants=_variants(sku, options))
        db.session().flush()  # stock hangs on the variants' rows
        for variant in product.variants:
            stock.adjust(variant, held, reason="opening", by=None)


def _variants(sku: str, options: dict[str, tuple[str, ...]]) -> list[NewVariant]:
    chosen: list[dict[str, str]] = [{}]
    for name, values in options.items():
        chosen = [one | {name: value} for one in chosen for value in values]
    return [
        NewVariant(f"{sku}-{'-'.join(v.upper().replace(' ', '') for v in one.values())}", one)
        for one in chosen
        if one
    ]


def _cards(shop: Shop) -> None:
    for name, phone, addresses in shop.cards:
        card = customers.open_card(name, number=customers.read_phone(phone, shop.country))
        card.addresses = [Address(line=line, city=city) for line, city in addresses]


def wake_bot(shop: Shop) -> None:
    """The bot answers on the shop's first number, takes drafts, and promises one to three days."""
    first = select(Channel).where(Channel.phone_number_id == shop.numbers[0][0])
    bot = bots.of(db.session().scalars(first).one().id)
    bot.days_from, bot.days_until = 1, 3
    bots.switch(bot, on=True)
    pictures.hang()


def automate(shop: Shop) -> None:
    """What the demo's stages send from now on."""
    stages = {s.state: s for s in db.session().scalars(select(Stage)) if s.state}
    for state, name, variables, taps in FIRST_AUTOMATIONS:
        template = (
            db.session()
            .scalars(
                select(MessageTemplate).where(
                    MessageTemplate.name == name,
                    MessageTemplate.language == "fr",
                    MessageTemplate.waba_id == shop.account,
                )
            )
            .one()
        )
        form: dict[str, Any] = {
            "name": stages[state].name,
            "stage": stages[state],
            "template": template,
            "variables": {f"body.{blank}": fact for blank, fact in variables.items()},
            "buttons": {index: stages[to] for index, to in taps.items()},
        }
        automations.save(automations.Form(**form))

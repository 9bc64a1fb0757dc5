"""The demo's two merchants: people, numbers, catalogue, stock, customers, first automations."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from config import settings
from flows import automations, catalog, channels, customers, stock, team, templates
from flows.catalog import NewVariant
from models import db
from models.channel import Channel
from models.customer import Address
from models.merchant import Merchant
from models.pipeline import Stage, SystemState
from models.template import MessageTemplate
from models.types import Json
from models.user import Role

KEPT = "demo-users.json"


@dataclass(frozen=True, slots=True)
class Shop:
    """One merchant of the demo, as data. Prices and stock as people would say them."""

    name: str
    country: str
    delivery_fee: int
    account: str
    numbers: tuple[tuple[str, str, str], ...]
    """(phone_number_id, display number, name)"""
    people: tuple[tuple[str, str, Role], ...]
    """(e-mail, name, role)"""
    products: tuple[tuple[str, str, int, dict[str, tuple[str, ...]], int], ...]
    """(name, reference, price in minor units, options, stock of each variant)"""
    cards: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    """(name, phone as somebody typed it, addresses)"""


ATLAS = Shop(
    name="Boutique Atlas",
    country="MA",
    delivery_fee=3500,
    account="102290129340398",
    numbers=(
        ("106540352242922", "+212 520-000001", "Boutique"),
        ("106540352242923", "+212 520-000002", "SAV"),
    ),
    people=(
        ("omar@atlas.example", "Omar Tazi", Role.OWNER),
        ("mina@atlas.example", "Mina Cherkaoui", Role.MANAGER),
        ("salma@atlas.example", "Salma Berrada", Role.AGENT),
    ),
    products=(
        ("Sac en cuir", "SAC", 32000, {"couleur": ("Noir", "Marron", "Rouge")}, 40),
        ("Ceinture en cuir", "CEINT", 16000, {"taille": ("M", "L", "XL")}, 25),
        ("Foulard en soie", "FOUL", 12000, {}, 60),
        ("Babouches", "BAB", 18000, {"couleur": ("Jaune", "Blanc"), "taille": ("39", "42")}, 12),
        ("Huile d'argan 100 ml", "ARG", 9000, {}, 3),
    ),
    cards=(
        (
            "Fatima Zahra El Idrissi",
            "06 61 23 45 67",
            (("12 rue Ibn Aïcha, Guéliz", "Marrakech"), ("4 avenue Hassan II", "Casablanca")),
        ),
        ("خديجة العلوي", "0662-345678", (("7 شارع الحسن الثاني", "فاس"),)),
        ("Hamza Ouazzani", "+212 665 67 89 01", (("Résidence Yasmine, Agdal", "Rabat"),)),
    ),
)
ALGIERS = Shop(
    name="Saveurs d'Alger",
    country="DZ",
    delivery_fee=60000,
    account="202290129340399",
    numbers=(("206540352242924", "+213 21 00 00 03", "Saveurs"),),
    people=(
        ("lila@saveurs.example", "Lila Mansouri", Role.OWNER),
        ("karim@saveurs.example", "Karim Haddad", Role.AGENT),
    ),
    products=(
        ("Miel de jujubier", "MIEL", 450000, {"contenance": ("250 g", "500 g")}, 20),
        ("Dattes Deglet Nour 1 kg", "DATTE", 90000, {}, 80),
    ),
    cards=(("Amine Bouzid", "0550 12 34 56", (("Cité 200 logements, Bir El Djir", "Oran"),)),),
)
SHOPS = (ATLAS, ALGIERS)

# What a stage sends in the demo, and where each tap takes the order.
FIRST_AUTOMATIONS: tuple[tuple[SystemState, str, dict[str, str], dict[int, SystemState]], ...] = (
    (
        SystemState.NEW,
        "order_confirmation",
        {"1": "customer.first_name", "2": "order.number", "3": "order.amount"},
        {0: SystemState.CONFIRMED, 1: SystemState.TO_CONFIRM, 2: SystemState.CANCELLED},
    ),
)


def seed(listed: Sequence[Json]) -> Json:
    """The demo is there (once), and how to sign in: {phone_number_id, waba_id, users}.

    `listed` are the templates of the demo's accounts as Meta lists them, each with "account".
    Passwords are random and kept, for the demo only, in a file that only its owner reads.
    """
    kept = settings().var / KEPT
    people: list[Json] = json.loads(kept.read_text()) if kept.exists() else []
    for shop in SHOPS:
        if not _there(shop):
            people += _hire(shop, open_shop(shop, listed))
            _write(kept, people)
    return {
        "phone_number_id": ATLAS.numbers[0][0],
        "waba_id": ATLAS.account,
        "users": people,
    }


def _there(shop: Shop) -> bool:
    number = shop.numbers[0][0]
    with db.house() as house:
        found = house.scalar(select(Channel.id).where(Channel.phone_number_id == number))
    return found is not None


def _write(kept: Path, people: list[Json]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(people, file, ensure_ascii=False)


def open_shop(shop: Shop, listed: Sequence[Json]) -> UUID:
    """One merchant of the demo with all it has but people; returns its id."""
    merchant_id = team.add_merchant(name=shop.name, country=shop.country)
    with db.merchant(merchant_id) as session:
        session.get_one(Merchant, merchant_id).delivery_fee = shop.delivery_fee
        _numbers(shop)
        _catalogue(shop)
        _cards(shop)
        templates.keep(shop.account, [t for t in listed if t["account"] == shop.account])
        session.flush()  # automations choose among the templates just kept
        _automations(shop)
    return merchant_id


def _hire(shop: Shop, merchant_id: UUID) -> list[Json]:
    return [_person(shop, merchant_id, *who) for who in shop.people]


def _person(shop: Shop, merchant_id: UUID, email: str, name: str, role: Role) -> Json:
    password = secrets.token_urlsafe(12)
    team.add_user(merchant_id, email=email, name=name, role=role, password=password)
    return {"email": email, "password": password, "role": role.value, "merchant": shop.name}


def _numbers(shop: Shop) -> None:
    for phone_number_id, display, name in shop.numbers:
        channels.add(
            name=name,
            phone_number_id=phone_number_id,
            waba_id=shop.account,
            display_phone_number=display,
            country=shop.country,
            token=f"EAA-demo-{shop.account}",
            time_zone=team.COUNTRIES[shop.country][1],
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


def _automations(shop: Shop) -> None:
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

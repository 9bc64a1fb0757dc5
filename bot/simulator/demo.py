"""The world of the demo: two merchants, three numbers, five customers, approved templates."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from bot.simulator.changes import apply
from bot.simulator.world import Json, World

ATLAS, ALGIERS = "102290129340398", "202290129340399"
ATLAS_ONE, ATLAS_TWO = "106540352242922", "106540352242923"
ALGIERS_ONE = "206540352242924"
SPARE, SPARE_ONE = "302290129340400", "306540352242925"
"""Nobody's yet: for whoever tries to move in."""
TOKEN = "EAA-demo-"  # noqa: S105 (the prefix of every demo token, not a secret)

ACCOUNTS = [
    {
        "id": ATLAS,
        "name": "Boutique Atlas",
        "country": "MA",
        "time_zone": "Africa/Casablanca",
    },
    {
        "id": ALGIERS,
        "name": "Saveurs d'Alger",
        "country": "DZ",
        "time_zone": "Africa/Algiers",
    },
    {
        "id": SPARE,
        "name": "Nouvelle boutique",
        "country": "MA",
        "time_zone": "Africa/Casablanca",
    },
]
NUMBERS = [
    {
        "id": ATLAS_ONE,
        "account": ATLAS,
        "display": "+212 520-000001",
        "name": "Boutique Atlas",
    },
    {
        "id": ATLAS_TWO,
        "account": ATLAS,
        "display": "+212 520-000002",
        "name": "Boutique Atlas SAV",
    },
    {
        "id": ALGIERS_ONE,
        "account": ALGIERS,
        "display": "+213 21 00 00 03",
        "name": "Saveurs d'Alger",
    },
    {
        "id": SPARE_ONE,
        "account": SPARE,
        "display": "+212 520-000009",
        "name": "Nouvelle boutique",
    },
]
CUSTOMERS: list[Json] = [
    {
        "id": "fatima",
        "name": "Fatima Zahra El Idrissi",
        "language": "fr",
        "phone": "+212661234567",
        "user_id": "MA.13491208655302741001",
        "home": ATLAS_ONE,
        "suggestions": [
            "Bonjour, je voudrais 2 sacs en cuir noir et 1 ceinture taille M svp 😊",
            "C'est combien la livraison à Marrakech ?",
            "Mon adresse : 12 rue Ibn Sina, Guéliz, Marrakech",
            "Parfait, merci beaucoup !",
        ],
    },
    {
        "id": "khadija",
        "name": "خديجة العلوي",
        "language": "ar",
        "phone": "+212662345678",
        "user_id": "MA.13491208655302741002",
        "home": ATLAS_ONE,
        "suggestions": [
            "السلام عليكم، بغيت نطلب حقيبة جلد سوداء",
            "شحال التوصيل لفاس؟",
            "العنوان ديالي: 7 شارع الحسن الثاني، فاس",
            "شكرا بزاف",
        ],
    },
    {
        "id": "youssef",
        "name": "Youssef Benali",
        "language": "fr",
        "phone": "+212663456789",
        "user_id": "MA.13491208655302741003",
        "home": ATLAS_ONE,
        "suggestions": [
            "Salam, bghit ncommandi wa7ed sac kuir 7mer",
            "Ch7al livraison l Casa?",
            "L3onwan: 45 bd Anfa, Casablanca",
            "Wakha, ghadi nkhelles mlli yewsel",
        ],
    },
    {
        "id": "nadia",
        "name": "Nadia",
        "language": "fr",
        "username": "@nadia.style",
        "user_id": "MA.13491208655302741918",
        "home": ATLAS_ONE,
        "suggestions": [
            "Bonjour ! Le foulard en soie est-il encore disponible ?",
            "Je peux payer à la livraison, à Rabat ?",
            "Mon téléphone pour le livreur : 06 64 56 78 90",
            "Super, merci 🙏",
        ],
    },
    {
        "id": "amine",
        "name": "Amine Bouzid",
        "language": "fr",
        "phone": "+213550123456",
        "user_id": "DZ.13491208655302741005",
        "home": ALGIERS_ONE,
        "suggestions": [
            "Salam, je veux commander 3 pots de miel de jujubier",
            "La livraison à Oran c'est combien ?",
            "Mon adresse : cité 200 logements, Bir El Djir, Oran",
            "Saha, merci !",
        ],
    },
]
# What stands in for <shop>, <site> and <sum> in message_templates.json.
SHOPS = {
    ATLAS: {"shop": "Boutique Atlas", "site": "boutique-atlas.example", "sum": "835,00 MAD"},
    ALGIERS: {"shop": "Saveurs d'Alger", "site": "saveurs-alger.example", "sum": "4 500,00 DA"},
}


def world() -> World:
    """A fresh world with everything above in it."""
    fresh = World()
    for record in records():
        apply(fresh, record)
    return fresh


def records() -> list[Json]:
    """The same as ledger records: what `apply` understands."""
    things: list[Json] = [{"kind": "account", **a} for a in ACCOUNTS]
    things += [{"kind": "number", **n} for n in NUMBERS]
    things += [{"kind": "customer", **c} for c in CUSTOMERS]
    for row, account in enumerate(SHOPS):
        things += templates_of(account, first_id=1689556908129000 + 100 * row, **SHOPS[account])
    return things


def unconnected() -> Json:
    """What somebody who begins with nothing needs to connect a number: its ids and a token."""
    numbers = [
        {
            "phone": number["display"],
            "phone_number_id": number["id"],
            "waba_id": number["account"],
            "token": f"{TOKEN}{number['account']}",
        }
        for number in NUMBERS
    ]
    return {
        "empty": True,
        "phone_number_id": ATLAS_ONE,
        "waba_id": ATLAS,
        "users": [],
        "numbers": numbers,
    }


def templates_of(account: str, *, first_id: int, **words: str) -> list[Json]:
    """The demo's template set for an account, as records; ids count up from `first_id`."""
    return [
        {"kind": "template", "id": str(first_id + n), "account": account, **_filled(raw, words)}
        for n, raw in enumerate(_templates())
    ]


@cache
def _templates() -> list[Json]:
    path = Path(__file__).with_name("message_templates.json")
    loaded: list[Json] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _filled(thing: Any, words: dict[str, str]) -> Any:
    if isinstance(thing, dict):
        return {key: _filled(value, words) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_filled(value, words) for value in thing]
    if isinstance(thing, str):
        for word, value in words.items():
            thing = thing.replace(f"<{word}>", value)
    return thing

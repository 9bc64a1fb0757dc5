"""The demo's two merchants: people, numbers, catalogue, stock, customers, orders, automations."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from config import settings
from flows import team
from flows.demo import history
from flows.demo.opening import automate, fit_out, open_shop, wake_bot
from flows.demo.shops import ALGIERS, ATLAS, SHOPS, Shop
from models import db
from models.channel import Channel
from models.types import Json
from models.user import Role

__all__ = ["ALGIERS", "ATLAS", "SHOPS", "Shop", "open_shop", "seed"]

KEPT = "demo-users.json"


def seed(listed: Sequence[Json]) -> Json:
    """The demo is there (once), and how to sign in: {phone_number_id, waba_id, users}.

    `listed` are the templates of the demo's accounts as Meta lists them, each with "account".
    Passwords are random and kept, for the demo only, in a file that only its owner reads.
    """
    kept = settings().var / KEPT
    people: list[Json] = json.loads(kept.read_text()) if kept.exists() else []
    for shop in SHOPS:
        if not _there(shop):
            merchant_id = fit_out(shop, listed)
            people += _hire(shop, merchant_id)
            # Before any stage sends something: nobody is written to about orders of last week.
            history.live(shop, merchant_id)
            with db.merchant(merchant_id):
                automate(shop)
                wake_bot(shop)
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


def _hire(shop: Shop, merchant_id: UUID) -> list[Json]:
    return [_person(shop, merchant_id, *who) for who in shop.people]


def _person(shop: Shop, merchant_id: UUID, email: str, name: str, role: Role) -> Json:
    password = secrets.token_urlsafe(12)
    team.add_user(merchant_id, email=email, name=name, role=role, password=password)
    return {"email": email, "password": password, "role": role.value, "merchant": shop.name}

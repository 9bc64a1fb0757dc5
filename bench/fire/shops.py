"""The merchants of the town: numbers, goods, people, customers, what each stage sends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
from sqlalchemy import select

from bench import staff
from flows import automations
from flows.countries import COUNTRIES
from flows.demo import opening
from flows.demo.shops import Shop
from models import db
from models.catalog import Product
from models.pipeline import Stage, SystemState
from models.template import MessageTemplate
from models.types import Json

PLENTY = 1_000_000
SENDS: dict[SystemState, tuple[str, dict[str, str], dict[int, SystemState]]] = {
    SystemState.NEW: (
        "order_confirmation",
        {"1": "customer.first_name", "2": "order.number", "3": "order.amount"},
        {0: SystemState.CONFIRMED, 1: SystemState.TO_CONFIRM, 2: SystemState.CANCELLED},
    ),
    SystemState.CONFIRMED: (
        "out_for_delivery",
        {"1": "customer.first_name", "2": "order.number", "3": "order.amount"},
        {},
    ),
    SystemState.DELIVERED: (
        "thank_you",
        {"1": "customer.first_name", "2": "order.number"},
        {},
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One merchant, as its people and customers need to know it."""

    merchant: UUID
    account: str
    number: str
    agent: str
    """The cookie of somebody who is signed in."""
    products: tuple[tuple[UUID, UUID], ...]
    stages: dict[SystemState, UUID]
    customers: tuple[str, ...]


def settle(simulator: httpx.Client, ledger: Path, *, merchants: int, customers: int) -> list[Place]:
    """So many merchants, each with a number at Meta, and customers who have it."""
    shops = [_shop(n) for n in range(merchants)]
    for shop in shops:
        number, display, name = shop.numbers[0]
        simulator.post(
            "/_control/accounts",
            json={
                "id": shop.account,
                "name": shop.name,
                "country": shop.country,
                "time_zone": COUNTRIES[shop.country][1],
                "numbers": [{"id": number, "display": display, "name": name}],
            },
        ).raise_for_status()
    listed = _templates(ledger)
    return [_open(shop, listed, simulator, n, customers) for n, shop in enumerate(shops)]


def _shop(n: int) -> Shop:
    return Shop(
        name=f"Boutique {n}",
        country="MA",
        delivery_fee=3500,
        account=f"{900_000_000_000_000 + n}",
        numbers=((f"{800_000_000_000_000 + n}", f"+212 530-{n:06}", f"Boutique {n}"),),
        people=(),
        products=(("Sac en cuir", "SAC", 32000, {"couleur": ("Noir", "Marron")}, PLENTY),),
        cards=(),
    )


def _templates(ledger: Path) -> list[Json]:
    lines = map(json.loads, ledger.read_text(encoding="utf-8").splitlines())
    return [record for record in lines if record["kind"] == "template"]


def _open(
    shop: Shop, listed: Sequence[Json], simulator: httpx.Client, n: int, customers: int
) -> Place:
    merchant_id = opening.fit_out(shop, listed)
    who = staff.hired(merchant_id, f"agent-{n}")
    # For thirty days, whatever happens to the clocks.
    agent = staff.signed_in(who, remember=True)
    with db.merchant(merchant_id) as session:
        _automate(shop)
        products = session.scalars(select(Product)).all()
        stages = {s.state: s.id for s in session.scalars(select(Stage)) if s.state}
        goods = tuple((p.id, v.id) for p in products for v in p.variants)
    return Place(
        merchant=merchant_id,
        account=shop.account,
        number=shop.numbers[0][0],
        agent=agent,
        products=goods,
        stages=stages,
        customers=tuple(_customer(simulator, shop, n, k) for k in range(customers)),
    )


def _automate(shop: Shop) -> None:
    session = db.session()
    stages = {s.state: s for s in session.scalars(select(Stage)) if s.state}
    for state, (name, variables, taps) in SENDS.items():
        wanted = select(MessageTemplate).where(
            MessageTemplate.name == name, MessageTemplate.language == "fr"
        )
        automations.save(
            automations.Form(
                name=name,
                stage=stages[state],
                template=session.scalars(wanted).one(),
                variables={f"body.{blank}": fact for blank, fact in variables.items()},
                buttons={index: stages[to] for index, to in taps.items()},
                respects_quiet=False,
                delay=2 if state is SystemState.CONFIRMED else 0,  # a timer
            )
        )


def _customer(simulator: httpx.Client, shop: Shop, n: int, k: int) -> str:
    phone = f"+2126{n:02}{k:06}"
    body = {"name": f"Client {n} {k}", "phone": phone, "home": shop.numbers[0][0]}
    made = simulator.post("/_control/customers", json=body).raise_for_status().json()
    return str(made["id"])

"""order(), customer(), message(): plain functions with good defaults, committed."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import select

from bot import desk
from bot.simulator import Simulator, create_simulator
from bot.simulator import demo as world
from config import settings
from flows import channels, demo, outbox, stock, team
from flows.events import Echo, Inbound, Person
from models import db
from models.catalog import Product, Variant
from models.channel import Channel
from models.merchant import Merchant
from models.types import new_id, utcnow
from models.user import LoginSession, Membership, Role, User

_count = itertools.count(1)
PASSWORD = "correct horse battery"
NUMBER, ACCOUNT = "1" * 15, "9" + "1" * 14
"""Meta's ids of what the fixture `merchant` has."""


def merchant(name: str = "Boutique Atlas", *, country: str = "MA", number: str = "1") -> Merchant:
    """A merchant with one number (phone_number_id `number` * 15), its pipeline, a warehouse."""
    merchant_id = team.add_merchant(name=name, country=country, language="fr")
    with db.merchant(merchant_id):
        channels.add(
            name=name,
            phone_number_id=number * 15,
            waba_id=f"9{number * 14}",
            display_phone_number="+212 520-000001",
            country=country,
            token=f"EAA-test-{number}",
        )
    with db.house() as house:
        return house.get_one(Merchant, merchant_id)


def member(of: Merchant, role: str) -> Membership:
    """Somebody of the merchant's team; signs in with PASSWORD."""
    n = next(_count)
    name = {"owner": "Omar", "manager": "Mina"}.get(role, "Salma")
    # The hash of PASSWORD would cost every test a tenth of a second; nobody types it in most.
    user = User(email=f"{role}{n}@example.com", name=name, password_hash="never matches")
    with db.house() as house:
        house.add(user)
    with db.merchant(of.id) as session:
        found = Membership(user_id=user.id, name=name, role=Role(role))
        session.add(found)
    return found


def signed_in(who: Membership) -> tuple[str, bytes]:
    """A session of `who`: the token of its cookie, and its key."""
    token = secrets.token_urlsafe(32)
    key = hashlib.sha256(token.encode()).digest()
    with db.house() as house:
        house.add(LoginSession(id=key, user_id=who.user_id, merchant_id=who.merchant_id))
    return token, key


def browser(app: Flask, who: Membership) -> FlaskClient:
    """A browser in which `who` has signed in."""
    token, _key = signed_in(who)
    client = app.test_client()
    client.set_cookie("wasl", token)
    return client


def product(
    name: str = "Sac cuir", *, price: int = 32000, stock_of: int = 100, **options: list[str]
) -> Product:
    """A product of the current merchant, in stock; `couleur=["Noir", "Rouge"]` makes variants."""
    n = next(_count)
    made = Product(name=name, sku=f"P{n}", price=price)
    values = [
        dict(zip(options, chosen, strict=True)) for chosen in itertools.product(*options.values())
    ]
    for position, chosen in enumerate(values):
        made.variants.append(Variant(position=position, sku=f"P{n}-{position}", options=chosen))
    made.index()
    db.session().add(made)
    db.session().flush()  # stock hangs on the variants' rows
    for variant in made.variants:
        stock.adjust(variant, stock_of, reason="opening", by=None)
    return made


def inbound(text: str = "Salam", **changes: Any) -> Inbound:
    """An event as bot/reader makes it: a text of Fatima to the merchant's number."""
    values: dict[str, Any] = {
        "phone_number_id": "1" * 15,
        "waba_id": "9" + "1" * 14,
        "field": "messages",
        "wamid": f"wamid.{next(_count)}",
        "at": utcnow(),
        "kind": "text",
        "text": text,
        "payload": {"body": text},
        "sender": Person(wa_id="212661234567", profile_name="Fatima Zahra El Idrissi"),
    }
    return Inbound(**(values | changes))


def echo(text: str = "", **changes: Any) -> Echo:
    """What the merchant's phone shows: written there just now, unless `changes` say otherwise."""
    values: dict[str, Any] = {
        "phone_number_id": "1" * 15,
        "waba_id": None,
        "field": "smb_message_echoes",
        "wamid": f"wamid.{next(_count)}",
        "at": utcnow(),
        "kind": "text",
        "text": text,
        "payload": {"body": text},
        "person": person("Fatima Zahra El Idrissi"),
        "outgoing": True,
        "historic": False,
    }
    return Echo(**(values | changes))


class Worker(SimpleWorker):
    """A worker that goes home when nothing is left, and listens for no commands meanwhile."""

    def subscribe(self) -> None:
        """Ending the thread that listens would take longer than most tests."""


def work() -> None:
    """Everything queued is done: burst workers of all queues until nothing is left."""
    while any(outbox.queue(name).count for name in outbox.QUEUES):
        work_for(*outbox.QUEUES)
        desk.rest()


def work_for(*names: str) -> None:
    """What is in these queues is done."""
    queues = [outbox.queue(name) for name in names]
    worker = Worker(queues, connection=outbox.connection(), serializer=JSONSerializer)
    worker.work(burst=True, logging_level="WARNING")


def some_id() -> UUID:
    return new_id()


def simulator(app: Flask) -> Simulator:
    """Meta in this process: its webhooks come to the app when `deliver()` is called."""
    meta_calls = app.test_client()

    def post(_: str, body: bytes, headers: dict[str, str]) -> int:
        return meta_calls.post("/webhooks/whatsapp", data=body, headers=headers).status_code

    def exchange(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        answer = meta_calls.post(urlsplit(url).path, data=body, headers=headers)
        return answer.status_code, answer.data

    found = create_simulator(
        webhook_url="http://wasl.test/webhooks/whatsapp",
        app_secret=settings().app_secrets[0],
        post=post,
    )
    found.exchange = exchange
    return found


def introduce(of: Merchant, to: Simulator) -> None:
    """Meta knows the merchant's account and number, and a template of it with two answers."""
    with to.turn():
        facts = {"name": of.name, "country": "MA", "time_zone": "Africa/Casablanca"}
        to.note("account", id=ACCOUNT, **facts)
        to.note("number", id=NUMBER, account=ACCOUNT, display="+212 520", name=of.name)
        asks = [{"type": "QUICK_REPLY", "text": text} for text in ("Confirmer", "Annuler")]
        body = "Bonjour {{1}}, votre commande {{2}} de {{3}} est prête ?"
        to.note(
            "template",
            id="7001",
            account=ACCOUNT,
            name="confirmation",
            language="fr",
            category="UTILITY",
            status="APPROVED",
            components=[{"type": "BODY", "text": body}, {"type": "BUTTONS", "buttons": asks}],
        )
    with db.merchant(of.id) as session:
        session.scalars(select(Channel)).one().token = f"EAA-demo-{ACCOUNT}"


def demo_shop() -> Merchant:
    """The demo's first merchant, whose number and customers the simulator knows."""
    listed = [record for record in world.records() if record["kind"] == "template"]
    merchant_id = demo.open_shop(demo.ATLAS, listed)
    with db.house() as house:
        return house.get_one(Merchant, merchant_id)


def person(name: str, wa_id: str = "212661234567") -> Person:
    return Person(wa_id=wa_id, profile_name=name)
